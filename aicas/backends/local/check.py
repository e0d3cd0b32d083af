"""Examining the log itself, and the index against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aicas.backends import operation as operations
from aicas.backends.base import Fault
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion, Group
from aicas.backends.local.overlay import START, Overlay, Position
from aicas.backends.local.segment import Segment, list_segments
from aicas.backends.local.view import View
from aicas.errors import Damaged, UnsupportedFormat
from aicas.ids import id_of_kind


def check_log(view: View, folder: Path) -> Iterator[Fault]:
    """Read every segment from its first byte; report damage, gaps and a lying index.

    Groups that are committed while it runs are not examined.
    """
    with view.lock:
        end = view.overlay.position
    replayed = Overlay(START, 0)
    sequences = list_segments(folder)
    for identity in sequences.values():
        if identity > end.file:
            break
        try:
            segment = Segment.open(folder, identity)
        except (Damaged, UnsupportedFormat) as error:
            yield Fault(str(error))
            continue
        except FileNotFoundError:
            continue  # rewritten while we read; its records are in the newer file
        limit = end.offset if identity == end.file else segment.size()
        yield from _check_segment(segment, replayed, limit)
    yield from _check_sequences(list(sequences))
    yield from _compare(view, replayed, end)


def _check_sequences(sequences: list[int]) -> Iterator[Fault]:
    for sequence in sorted(set(range(1, max(sequences, default=0) + 1)) - set(sequences)):
        yield Fault(f"log segment {sequence} is not there")


def _check_segment(segment: Segment, replayed: Overlay, limit: int) -> Iterator[Fault]:
    name = segment.path.name
    for found in segment.groups(SEGMENT_HEADER_BYTES):
        if found.offset >= limit:
            return
        if isinstance(found, DamagedRegion):
            size = found.end - found.offset
            yield Fault(f"log segment {name}: {size} bytes at {found.offset} are damaged")
            continue
        if found.damaged:
            yield Fault(f"log segment {name}: the group at {found.offset} fails its checksum")
        yield from _check_operation(found, replayed)
        replayed.apply(found, segment.id)


def _check_operation(found: Group, replayed: Overlay) -> Iterator[Fault]:
    record = found.operation
    if record is None:
        return
    if record.number != replayed.last_number + 1:
        first, last = replayed.last_number + 1, record.number - 1
        yield Fault(f"operations {first} to {last} are missing from the log")
    if operations.record_digest(record.number, record.data) != record.digest:
        yield Fault(f"the record of operation {record.number} does not match its digest")
        replayed.last_number = record.number


def _compare(view: View, replayed: Overlay, end: Position) -> Iterator[Fault]:
    """The index must say what the log says, where nothing was committed meanwhile."""
    with view.lock:
        view.refresh()
        if view.overlay.position != end:
            return
        states, places = view.refs(""), dict(view.places())
    if states != dict(sorted(replayed.refs.states.items())):
        yield Fault("the index disagrees with the log about refs: delete the store's index folder")
    held = {i for i, place in replayed.places.items() if place}
    for object_id in held.symmetric_difference(places):
        yield Fault(
            "the index disagrees with the log: delete the store's index folder",
            id_of_kind(object_id.kind, object_id),
        )
