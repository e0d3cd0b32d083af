"""Examining the log itself, and the index against it."""

from __future__ import annotations

from collections.abc import Iterator

from aicas.backends import operation as operations
from aicas.backends.base import Fault
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion, Group
from aicas.backends.local.log import Log
from aicas.backends.local.overlay import START, Gone, Overlay, Place, Position
from aicas.backends.local.segment import GENERATION_BITS, Segment
from aicas.backends.local.view import View
from aicas.errors import Damaged, UnsupportedFormat
from aicas.names import RefName

_REMEDY = "delete the store's index folder, and it comes back from the log"


def check_log(view: View) -> Iterator[Fault]:
    """Read every segment from its first byte; report damage, gaps and a lying index.

    Groups that are committed while it runs are not examined.
    """
    with view.lock:
        end = view.overlay.position
    replayed = Overlay(START, 0)
    last = end.file >> GENERATION_BITS
    present = list(view.log.newest())
    for sequence in sorted(set(range(1, last + 1)).difference(present)):
        yield Fault(f"log segment {sequence} is not there")
    for sequence in present:
        segment = _open(view.log, sequence)
        if isinstance(segment, Fault):
            yield segment
        elif sequence <= last:
            limit = end.offset if segment.id == end.file else segment.size()
            yield from _check_segment(segment, replayed, limit, sealed=sequence < last)
    yield from _compare(view, replayed, end)
    yield from map(Fault, view.packs.check())


def _open(log: Log, sequence: int) -> Segment | Fault:
    while True:
        try:
            return log.segment(log.newest()[sequence])
        except FileNotFoundError:
            continue  # rewritten since it was listed
        except (Damaged, UnsupportedFormat) as error:
            return Fault(str(error))


def _check_segment(
    segment: Segment, replayed: Overlay, limit: int, *, sealed: bool
) -> Iterator[Fault]:
    name, is_sealed = segment.path.name, False
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
        is_sealed = found.seals
    if sealed and not is_sealed:
        yield Fault(f"log segment {name} does not end with its seal")


def _check_operation(found: Group, replayed: Overlay) -> Iterator[Fault]:
    record = found.operation
    if record is None:
        return
    if record.number > replayed.last_number + 1:
        first, last = replayed.last_number + 1, record.number - 1
        yield Fault(f"operations {first} to {last} are missing from the log")
    if operations.record_digest(record.number, record.data) != record.digest:
        yield Fault(f"the record of operation {record.number} does not match its digest")
        replayed.last_number = record.number


def _compare(view: View, replayed: Overlay, end: Position) -> Iterator[Fault]:
    """The index must say what the log says, where nothing was committed meanwhile."""
    with view.lock:
        states, places = view.refs(""), dict(view.hot_places())
        wrong = [name for name in replayed.refs.states if not _agrees(view, replayed, name)]
        lost = [number for number in replayed.operations if not view.operation_place(number)]
        view.refresh()
        if view.overlay.position != end:
            return
    if states != dict(sorted(replayed.refs.states.items())) or wrong:
        yield Fault(f"the index disagrees with the log about refs: {_REMEDY}")
    if lost:
        yield Fault(f"the index has lost {len(lost)} operations: {_REMEDY}")
    differing = {
        object_id: told.number if isinstance(told := replayed.places.get(object_id), Gone) else 0
        for object_id in replayed.places.keys() | places.keys()
        if _extent(replayed.places.get(object_id)) != _extent(places.get(object_id))
    }
    packed = view.packs.locate(differing)
    for object_id in differing:
        held = isinstance(replayed.places.get(object_id), Place), object_id in places
        # Where only one has it, it may have been packed between the two looks.
        if all(held) or object_id not in packed:
            yield Fault(f"the index disagrees with the log: {_REMEDY}", object_id)


def _agrees(view: View, replayed: Overlay, name: RefName) -> bool:
    told = replayed.refs
    moves = view.moves(name) == told.moves[name][::-1]
    return moves and view.consumers(name) == told.consumers(name)


def _extent(place: Place | Gone | None) -> tuple[int, int] | None:
    """What a place says that no collection changes."""
    return (place.length, place.at) if isinstance(place, Place) else None
