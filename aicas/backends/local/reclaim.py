"""Giving disk space back: segments that held deleted objects are written anew without them.

Order: new file complete and flushed → under the writer lock: renamed, folder flushed, index
moved → old file removed. A crash before the rename leaves a draft; after it, two generations, of
which the newer counts, and an index that notices its file is gone and is built anew. A reader that
holds the old file open goes on with it.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from aicas.backends.local import files, group
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import DamagedRegion, Group
from aicas.backends.local.overlay import IN_OWN_FILE, START, Overlay, Place
from aicas.backends.local.segment import Segment, file_id, list_segments, segment_name
from aicas.backends.local.view import View
from aicas.errors import StorageFailed
from aicas.ids import ObjectId


def rewrite_segments(view: View, writer: FileLock, doomed: Mapping[ObjectId, Place]) -> int:
    """Rewrite every sealed segment without the doomed records; returns the bytes freed."""
    by_file: dict[int, set[int]] = defaultdict(set)
    for place in doomed.values():
        if place.file not in (IN_OWN_FILE, view.active.id):
            by_file[place.file].add(place.offset)
    freed = 0
    for file, offsets in sorted(by_file.items()):
        old = view.segment(file)
        try:
            draft = _write_draft(old, offsets)
            if draft is not None:
                freed += _replace(view, writer, old, draft)
        except OSError as error:
            raise StorageFailed(f"cannot rewrite a log segment: {error.strerror}") from error
    return freed


def _write_draft(old: Segment, doomed: set[int]) -> Path | None:
    """The segment without its doomed records, as a draft; ``None`` if it holds damage.

    A damaged segment is left as it is: what a checksum no longer vouches for is not copied, and
    nothing that might still be salvaged is thrown away.
    """
    header = group.SegmentHeader(
        old.sequence, old.header.generation + 1, old.header.seed ^ 0x5A5A5A5A
    )
    path = old.path.with_name(segment_name(file_id(header.sequence, header.generation)) + ".new")
    path.unlink(missing_ok=True)
    fd = files.create_file(path)
    try:
        offset = group.SEGMENT_HEADER_BYTES
        files.write_all(fd, header.encode(), 0)
        for found in old.groups(offset):
            if isinstance(found, DamagedRegion) or found.damaged:
                path.unlink()
                return None
            data = _without(found, doomed, header.seed)
            files.write_all(fd, data, offset)
            offset += len(data)
        files.flush_file(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return path


def _without(found: Group, doomed: set[int], seed: int) -> bytes:
    """The group's bytes less its doomed object records; nothing if that was all it had."""
    base = found.offset + group.GROUP_HEAD_BYTES
    kept, at = [], 0
    for record in found.objects:
        if record.offset in doomed:
            start = record.offset - base
            kept.append(found.body[at:start])
            at = start + record.length
    kept.append(found.body[at:])
    return group.encode_group(found.at, kept, seed) if any(kept) else b""


def _replace(view: View, writer: FileLock, old: Segment, draft: Path) -> int:
    new = file_id(old.sequence, old.header.generation + 1)
    before, folder = old.size(), draft.parent
    with writer.held(), view.lock:
        view.catch_up(exclusive=True)
        view.fold(wait=True)
        draft.rename(folder / segment_name(new))
        files.flush_folder(folder)
        fresh = view.segment(new)
        with view.index_lock.held():
            overlay = _places_in(fresh)
            objects = ((i, place) for i, place in overlay.places.items() if place)
            view.index.replace_file(old.id, objects, overlay.operations.items())
        old.path.unlink()
        view.reload()
    return before - fresh.size()


def _places_in(segment: Segment) -> Overlay:
    """Where the segment's records lie now."""
    overlay = Overlay(START, 0)
    for found in segment.groups(group.SEGMENT_HEADER_BYTES):
        if isinstance(found, Group):
            overlay.apply(found, segment.id)
    return overlay


def remove_leftovers(folder: Path) -> None:
    """Delete drafts and superseded generations that a crash left. Needs the sweeper's lock."""
    newest = {segment_name(identity) for identity in list_segments(folder).values()}
    for path in folder.iterdir():
        if path.name not in newest:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
