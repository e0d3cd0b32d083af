"""Giving disk space back: segments that held deleted objects are written anew without them.

Order: new file complete and flushed → under the writer and the index lock: renamed, folder
flushed, index moved → old file removed. A crash before the rename leaves a draft; after it, two
generations, of which the newer counts, and an index that notices its file is gone and is built
anew. A reader that holds the old file open goes on with it.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aicas.backends.local import files, group
from aicas.backends.local.group import DamagedRegion, Group
from aicas.backends.local.log import Log
from aicas.backends.local.overlay import IN_OWN_FILE, Place
from aicas.backends.local.rows import IndexDamagedError
from aicas.backends.local.segment import Segment, file_id, segment_name
from aicas.backends.local.view import View
from aicas.backends.local.writer import Writer
from aicas.errors import StorageFailed
from aicas.ids import ObjectId


class _Draft(NamedTuple):
    """A segment written anew, and where each record it kept was and is."""

    path: Path
    size: int
    moved: dict[int, int]


def rewrite_segments(view: View, writer: Writer, doomed: Mapping[ObjectId, Place]) -> int:
    """Rewrite every sealed segment without the doomed records; returns the bytes freed.

    Needs the sweeper's lock, and a view that was loaded under it.
    """
    by_file: dict[int, dict[int, bytes]] = defaultdict(dict)
    for object_id, place in doomed.items():
        if place.file not in (IN_OWN_FILE, view.active.id):
            by_file[place.file][place.offset] = object_id
    freed = 0
    for file, records in sorted(by_file.items()):
        old = view.log.segment(file)
        try:
            draft = _write_draft(old, records)
            if draft is not None:
                freed += _replace(view, writer, old, draft)
        except OSError as error:
            raise StorageFailed(f"cannot rewrite a log segment: {error.strerror}") from error
    return freed


def _write_draft(old: Segment, doomed: Mapping[int, bytes]) -> _Draft | None:
    """The segment without its doomed records, as a draft; ``None`` if it holds damage.

    A damaged segment is left as it is: what a checksum no longer vouches for is not copied, and
    nothing that might still be salvaged is thrown away.
    """
    seed = int.from_bytes(os.urandom(4), "little")
    header = group.SegmentHeader(old.sequence, old.header.generation + 1, seed)
    path = old.path.with_name(segment_name(file_id(header.sequence, header.generation)) + ".new")
    path.unlink(missing_ok=True)
    fd = files.create_file(path)
    offset, moved = group.SEGMENT_HEADER_BYTES, dict[int, int]()
    try:
        files.write_all(fd, header.encode(), 0)
        for found in old.groups(offset):
            if isinstance(found, DamagedRegion) or found.damaged:
                path.unlink()
                return None
            data = _without(found, doomed, seed, offset, moved)
            files.write_all(fd, data, offset)
            offset += len(data)
        files.flush_file(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return _Draft(path, offset, moved)


def _without(
    found: Group, doomed: Mapping[int, bytes], seed: int, offset: int, moved: dict[int, int]
) -> bytes:
    """The group's bytes less its doomed object records; nothing if that was all it had.

    Adds to ``moved`` where the records it kept go, when the group is written at ``offset``.
    """
    base = found.offset + group.GROUP_HEAD_BYTES
    kept, at, shift = [], 0, offset - found.offset
    for record in found.objects:
        if doomed.get(record.offset) == record.raw_id:
            start = record.offset - base
            kept.append(found.body[at:start])
            at = start + record.length
            shift -= record.length
        else:
            moved[record.offset] = record.offset + shift
    if found.operation:
        moved[found.operation.offset] = found.operation.offset + shift
    kept.append(found.body[at:])
    return group.encode_group(found.at, kept, seed, offset) if any(kept) else b""


def _replace(view: View, writer: Writer, old: Segment, draft: _Draft) -> int:
    before = old.size()
    with writer.turn(), view.lock:
        view.fold(wait=True)
        with view.index_lock.held():
            if view.index.state()[0] != view.overlay.position:
                draft.path.unlink()  # the index cannot be written: the space stays taken
                return 0
            draft.path.rename(draft.path.with_suffix(""))
            files.flush_folder(draft.path.parent)
            # An index that cannot follow is found out by whoever opens it next.
            with contextlib.suppress(IndexDamagedError):
                new = file_id(old.sequence, old.header.generation + 1)
                view.index.move_file(old.id, new, draft.moved)
        old.path.unlink()
        view.reload()
    return before - draft.size


def remove_leftovers(log: Log) -> None:
    """Delete drafts and superseded generations that a crash left. Needs both locks.

    Raises:
        StorageFailed: the disk refused.
    """
    newest = {segment_name(identity) for identity in log.newest().values()}
    try:
        for path in log.folder.iterdir():
            if path.name not in newest:
                path.unlink()
    except OSError as error:
        raise StorageFailed(f"cannot clear {log.folder}: {error.strerror}") from error
