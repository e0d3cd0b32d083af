"""What must be kept: what refs, leases, recent operations and recent objects reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aicas.backends.base import Backend, StoredObject
from aicas.backends.operation import Operation
from aicas.errors import Damaged, NotFound
from aicas.ids import Kind, ObjectId, SnapshotId, TreeId
from aicas.objects.reader import ObjectReader


def ref_roots(backend: Backend) -> set[ObjectId]:
    """What refs of every space point at: live, quarantined, pinned, remote."""
    return {state.target for state in backend.refs("").values() if state.target}


def lease_roots(backend: Backend) -> set[ObjectId]:
    """What the holders of leases are working from, as far as it is there."""
    needs = {needed for lease in backend.leases() for needed in lease.needs}
    return needs - backend.missing(needs)


def operation_roots(operations: Iterable[Operation]) -> Iterator[SnapshotId]:
    """The snapshots that undoing some operations would need."""
    for operation in operations:
        for change in operation.changes:
            yield from (i for i in (change.old, change.new) if i is not None)


def recent_operations(backend: Backend, since: int) -> Iterator[Operation]:
    """The operations from the first one at or after the time ``since`` on.

    Every one is looked at, so one that was recorded while a clock stood wrong ends nothing early.
    """
    recent = False
    for operation in backend.operations(newest_first=False):
        recent = recent or operation.at >= since
        if recent:
            yield operation


def young_roots(objects: Iterable[StoredObject], since: int) -> Iterator[ObjectId]:
    """Objects stored at ``since`` or later: work in flight may be about to refer to them."""
    return (found.id for found in objects if found.at >= since)


def mark(
    reader: ObjectReader,
    roots: Iterable[ObjectId],
    marked: set[ObjectId],
    is_gone: Callable[[ObjectId], bool],
) -> None:
    """Add everything reachable from ``roots`` to ``marked``.

    Args:
        reader: reads what it comes by.
        roots: where to begin.
        marked: what is known to be reachable; grows.
        is_gone: tells of a payload whether it was evicted, so that nothing is below it.

    Raises:
        Damaged: a reachable object is missing or damaged. What hangs below it is unknown, so
            nothing may be deleted.
    """
    todo = [root for root in roots if root not in marked]
    while todo:
        object_id = todo.pop()
        if object_id in marked:
            continue
        try:
            below = list(links(reader, object_id, is_gone))
        except NotFound as error:
            raise Damaged(f"{error}, but is reachable", object_id=object_id) from error
        marked.add(object_id)
        todo += (i for i in below if i not in marked)


def links(
    reader: ObjectReader, object_id: ObjectId, is_gone: Callable[[ObjectId], bool]
) -> Iterator[ObjectId]:
    """The objects an object refers to, but for a payload that was evicted.

    Raises:
        NotFound, Damaged: it cannot be read; blobs are not read, they refer to nothing.
    """
    if object_id.kind == Kind.TREE:
        yield from (entry.id for entry in reader.tree(TreeId(object_id)).values())
    elif object_id.kind == Kind.SNAPSHOT:
        snapshot = reader.snapshot(SnapshotId(object_id))
        if not is_gone(snapshot.payload.id):
            yield snapshot.payload.id
        yield from (item.snapshot for item in snapshot.inputs)
        if snapshot.parent:
            yield snapshot.parent
