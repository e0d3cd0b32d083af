"""What the log says beyond the point an index has reached, folded in memory."""

from __future__ import annotations

from typing import NamedTuple

from aicas.backends import operation as operations
from aicas.backends.fold import RefFold
from aicas.backends.local.group import Group, OperationRecord
from aicas.backends.operation import Operation
from aicas.ids import ObjectId, id_of_kind


class Position(NamedTuple):
    """A point in the log: everything before ``offset`` of segment ``file`` has been applied."""

    file: int
    offset: int


START = Position(0, 0)


class Place(NamedTuple):
    """Where a record lies. ``file`` is a segment's file id, or 0 for a file of the object's own."""

    file: int
    offset: int
    length: int
    at: int

    @property
    def stored_bytes(self) -> int:
        """What it takes on disk."""
        return self.length


IN_OWN_FILE = 0


class Gone(NamedTuple):
    """What stands in place of a place: the object was deleted by operation ``number``."""

    number: int


class Overlay:
    """Groups applied since ``base``, as final states: applying it to any view between ``base``
    and ``position`` gives the view at ``position``.
    """

    def __init__(self, base: Position, last_number: int) -> None:
        self.base = base
        self.position = base
        self.last_number = last_number
        self.refs = RefFold()
        self.places: dict[ObjectId, Place | Gone] = {}
        self.operations: dict[int, Place] = {}

    @property
    def weight(self) -> int:
        """How much memory and scanning it stands for, in records and refs."""
        return len(self.places) + len(self.operations) + len(self.refs.states)

    def files(self) -> set[int]:
        """The segment files it places records in."""
        placed = {place.file for place in self.places.values() if isinstance(place, Place)}
        placed.update(place.file for place in self.operations.values())
        return placed - {IN_OWN_FILE}

    def apply(self, group: Group, file: int, known: Operation | None = None) -> None:
        """Fold in the next group, which lies in the segment ``file``.

        Args:
            group: its records.
            file: the segment's file id.
            known: the group's operation, where it need not be decoded.
        """
        for record in group.objects:
            object_id = id_of_kind(record.kind, record.raw_id)
            own = record.large_bytes
            self.places[object_id] = (
                Place(file, record.offset, record.length, group.at)
                if own is None
                else Place(IN_OWN_FILE, 0, own, group.at)
            )
        number = self._take_operation(group, file, known)
        for kind, raw_id in group.deleted:
            self.places[id_of_kind(kind, raw_id)] = Gone(number)

    def _take_operation(self, group: Group, file: int, known: Operation | None) -> int:
        """Fold in the group's operation; returns its number.

        Where damage hides that, it is the lowest that it can have been: what was packed later
        than a deletion must not count as deleted.
        """
        found = group.operation
        if found and known is None and _is_sound(found):
            known = operations.decode(found.data, found.number)
        if found is None or known is None:
            return self.last_number + 1
        self.operations[found.number] = Place(file, found.offset, found.length, group.at)
        self.refs.apply(known)
        self.last_number = found.number
        return found.number


def _is_sound(record: OperationRecord) -> bool:
    return operations.record_digest(record.number, record.data) == record.digest
