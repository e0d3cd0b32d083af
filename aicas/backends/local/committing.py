"""From what is to be committed to groups in the log: checked, written at once, flushed once."""

from __future__ import annotations

from collections.abc import Sequence

from aicas.backends.base import Commit, Staged
from aicas.backends.fold import check_in_order
from aicas.backends.local import group
from aicas.backends.local.large import LargeFiles
from aicas.backends.local.view import View
from aicas.backends.local.writer import Unwritten, Writer
from aicas.backends.operation import Operation
from aicas.errors import StorageFailed, Vanished
from aicas.ids import ObjectId


def publish_all(writer: Writer, large: LargeFiles, commits: Sequence[Commit]) -> list[Operation]:
    """See ``Backend.publish_all``.

    The writer lock is held for one write; the flush follows outside it, shared by the threads that
    wait for it.
    """
    adopted: dict[str, ObjectId] = {}
    with writer.turn() as view:
        here = view.overlay.position
        if all(commit.seen == here for commit in commits):
            new = {i for commit in commits for i in commit.objects}
        else:
            check_in_order(commits, view.ref)
            new = _not_held(view, commits)
        try:
            written = writer.append([_group(large, commit, new, adopted) for commit in commits])
        except (StorageFailed, Vanished):
            for object_id in adopted.values():
                large.remove(object_id)  # nothing will name it
            raise
    writer.settle(written[-1])
    for commit in commits:
        for frame in commit.objects.values():
            if isinstance(frame, Staged) and frame.token not in adopted:
                large.discard(frame)
    return [each.operation for each in written]


def _not_held(view: View, commits: Sequence[Commit]) -> set[ObjectId]:
    """The objects that the store does not hold yet.

    Raises:
        Vanished: something is required that is neither held nor about to be.
    """
    brought: set[ObjectId] = set()
    required: set[ObjectId] = set()
    for commit in commits:
        brought.update(commit.objects)
        required.update(i for i in commit.require if i not in brought)
    held = view.locate(brought | required)
    gone = [i for i in required if i not in held]
    if gone:
        raise Vanished(gone)
    return brought.difference(held)


def _group(
    large: LargeFiles, commit: Commit, new: set[ObjectId], adopted: dict[str, ObjectId]
) -> Unwritten:
    """The group of one commit, with those of its objects that are new; then they no longer are."""
    records: list[bytes] = []
    for object_id, frame in commit.objects.items():
        if object_id not in new:
            continue
        new.remove(object_id)
        if isinstance(frame, Staged):
            adopted[frame.token] = object_id
            large.adopt(frame)
            records.append(group.large_record(object_id, frame.stored_bytes))
        else:
            records += (group.object_record(object_id, frame), frame)
    return Unwritten(records, commit.operation)
