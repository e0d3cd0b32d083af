"""Giving disk space back: segments that held deleted objects are written anew without them.

Order: new file complete and flushed → under the index lock: renamed, folder flushed, index moved
→ old file removed. A crash before the rename leaves a draft; after it, two
generations, of which the newer counts, and an index that notices its file is gone and is built
anew. A reader that holds the old file open goes on with it. Where a collection was cut off behind
its commit, a mark in the store's folder tells the next one to look through the whole log.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from aicas.backends.local import files, group
from aicas.backends.local.group import DamagedRegion, Group
from aicas.backends.local.log import Log
from aicas.backends.local.overlay import IN_OWN_FILE, Place
from aicas.backends.local.packreader import InPack
from aicas.backends.local.rows import IndexDamagedError
from aicas.backends.local.segment import Segment, file_id, segment_name
from aicas.backends.local.view import View
from aicas.errors import Damaged, StorageFailed
from aicas.ids import ObjectId, id_of_kind

_MARK = "reclaiming"


class _Draft(NamedTuple):
    """A segment written anew, and where the records it kept lie in it."""

    path: Path
    id: int
    size: int
    objects: dict[ObjectId, Place]
    operations: dict[int, Place]


Records = Mapping[int, Mapping[int, ObjectId]]
"""Object records of the log: for each file id, the ids by their offsets."""


def begin(store: Path) -> bool:
    """Set the mark; tells whether it stood already. Needs the sweeper's lock.

    Raises:
        StorageFailed: the disk refused.
    """
    try:
        interrupted = (store / _MARK).exists()
        files.ensure_file(store / _MARK)
        files.flush_folder(store)
    except OSError as error:
        raise StorageFailed(f"cannot begin to reclaim space: {error.strerror}") from error
    return interrupted


def finish(store: Path) -> None:
    """Take the mark away."""
    with contextlib.suppress(OSError):  # then the next collection looks in vain
        (store / _MARK).unlink()


def records_at(doomed: Mapping[ObjectId, Place | InPack]) -> Records:
    """The records of some objects, by where the view places them; none for what is in packs."""
    found: dict[int, dict[int, ObjectId]] = defaultdict(dict)
    for object_id, place in doomed.items():
        if isinstance(place, Place) and place.file != IN_OWN_FILE:
            found[place.file][place.offset] = object_id
    return found


def dead_records(view: View) -> Records:
    """Every record whose object was deleted, or lies elsewhere now. Reads all sealed segments.

    Needs the sweeper's lock, and a view made anew from the log under it.
    """
    found: dict[int, dict[int, ObjectId]] = defaultdict(dict)
    # Only these has the view seen to their end; the active one grows while this runs.
    sealed = [identity for identity in view.log.newest().values() if identity < view.active.id]
    for identity in sealed:
        with contextlib.suppress(Damaged):
            for each in view.log.segment(identity).groups(group.SEGMENT_HEADER_BYTES):
                records = each.objects if isinstance(each, Group) else []
                inline = {
                    id_of_kind(r.kind, r.raw_id): r.offset for r in records if r.large_bytes is None
                }
                places = view.locate(inline)
                for object_id, offset in inline.items():
                    place = places.get(object_id)
                    here = isinstance(place, Place) and place[:2] == (identity, offset)
                    if not here:
                        found[identity][offset] = object_id
    return found


def rewrite_segments(view: View, dead: Records, packed: Collection[ObjectId] = ()) -> int:
    """Rewrite every sealed segment without its dead records; returns the bytes freed.

    Needs the sweeper's lock, and a view that was loaded under it.

    Args:
        view: of the log.
        dead: the records to leave out.
        packed: those of their objects that were not deleted, but lie in a pack now.
    """
    freed = 0
    for file, records in sorted(dead.items()):
        if file == view.active.id:
            continue
        old = view.log.segment(file)
        try:
            draft = _write_draft(old, records)
            if draft is not None:
                freed += _replace(view, old, draft, [i for i in records.values() if i in packed])
        except OSError as error:
            raise StorageFailed(f"cannot rewrite a log segment: {error.strerror}") from error
    return freed


def _write_draft(old: Segment, doomed: Mapping[int, ObjectId]) -> _Draft | None:
    """The segment without its doomed records, as a draft; ``None`` if it holds damage.

    A damaged segment is left as it is: what a checksum no longer vouches for is not copied, and
    nothing that might still be salvaged is thrown away.
    """
    seed = int.from_bytes(os.urandom(4), "little")
    header = group.SegmentHeader(old.sequence, old.header.generation + 1, seed)
    identity = file_id(header.sequence, header.generation)
    path = old.path.with_name(segment_name(identity) + ".new")
    path.unlink(missing_ok=True)
    fd = files.create_file(path)
    draft = _Draft(path, identity, group.SEGMENT_HEADER_BYTES, {}, {})
    try:
        files.write_all(fd, header.encode(), 0)
        for found in old.groups(draft.size):
            if isinstance(found, DamagedRegion) or found.damaged:
                path.unlink()
                return None
            data = _without(found, doomed, seed, draft)
            files.write_all(fd, data, draft.size)
            draft = draft._replace(size=draft.size + len(data))
        files.flush_file(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return draft


def _without(found: Group, doomed: Mapping[int, ObjectId], seed: int, draft: _Draft) -> bytes:
    """The group's bytes less its doomed object records; nothing if that was all it had.

    Adds to the draft, at whose end they are to be written, where the records it kept go.
    """
    base = found.offset + group.GROUP_HEAD_BYTES
    kept, at, shift = [], 0, draft.size - found.offset
    for record in found.objects:
        if doomed.get(record.offset) == record.raw_id:
            start = record.offset - base
            kept.append(found.body[at:start])
            at = start + record.length
            shift -= record.length
        elif record.large_bytes is None:
            place = Place(draft.id, record.offset + shift, record.length, found.at)
            draft.objects[id_of_kind(record.kind, record.raw_id)] = place
    told = found.operation
    if told:
        place = Place(draft.id, told.offset + shift, told.length, found.at)
        draft.operations[told.number] = place
    kept.append(found.body[at:])
    return group.encode_group(found.at, kept, seed, draft.size) if any(kept) else b""


def _replace(view: View, old: Segment, draft: _Draft, packed: Collection[ObjectId]) -> int:
    """Put the draft in the segment's place; returns the bytes freed.

    Writers go on: nothing is appended to a sealed segment, and whoever folds, under the same lock,
    sees that it is gone.
    """
    before = old.size()
    view.fold(wait=True)
    with view.lock, view.index_lock.held():
        if view.index.tables.reached().position.file <= old.id:
            draft.path.unlink()  # the index cannot be written: the space stays taken
            return 0
        draft.path.rename(draft.path.with_suffix(""))
        files.flush_folder(draft.path.parent)
        # An index that cannot follow is found out by whoever opens it next.
        with contextlib.suppress(IndexDamagedError):
            view.index.move_file(old.id, draft.id, draft.objects, packed, draft.operations)
        old.path.unlink()
    view.reload()
    return before - draft.size


def remove_leftovers(log: Log) -> None:
    """Delete drafts and superseded generations that a crash left.

    Needs the sweeper's lock and the turn.

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
