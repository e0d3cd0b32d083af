"""What a collection would delete: the unmarked rows of a listing, made objects one at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from aicas.backends.base import StoredObject
from aicas.ids import Kind, ObjectId, SnapshotId, id_of_kind
from aicas.retention.listing import Listing
from aicas.retention.marking import MARKED, UNMARKED


class Amount(NamedTuple):
    """How many objects, and the bytes they take."""

    objects: int = 0
    stored_bytes: int = 0


class Condemned(Collection[StoredObject]):
    """The objects that nothing needs, sorted by id. Immutable."""

    def __init__(self, listing: Listing, marks: bytes) -> None:
        """The objects of a listing that a marking left unmarked."""
        self.listing = listing
        self.marks = marks
        counts = {kind: [0, 0] for kind in Kind}
        others = [0, 0]
        for (_, kind, size, _), mark in zip(listing.rows(), marks, strict=True):
            count = others if mark else counts[kind]  # type: ignore[index]  # kinds are their numbers
            count[0] += 1
            count[1] += size
        self.kinds: Mapping[Kind, Amount] = {k: Amount(*counted) for k, counted in counts.items()}
        """How much of each kind."""
        self.others = Amount(*others)
        """How much is not condemned."""

    @property
    def stored_bytes(self) -> int:
        """Stored bytes of all of them."""
        return sum(amount.stored_bytes for amount in self.kinds.values())

    def __len__(self) -> int:
        return sum(amount.objects for amount in self.kinds.values())

    def __iter__(self) -> Iterator[StoredObject]:
        for (raw, kind, size, at), mark in zip(self.listing.rows(), self.marks, strict=True):
            if mark == UNMARKED:
                yield StoredObject(id_of_kind(kind, raw), size, at)

    def __contains__(self, found: object) -> bool:
        return isinstance(found, StoredObject) and found.id in self.ids()

    def ids(self) -> CondemnedIds:
        """Their ids alone."""
        return CondemnedIds(self)

    def snapshots(self) -> Iterator[SnapshotId]:
        """The ids of the snapshots among them."""
        for (raw, kind, _, _), mark in zip(self.listing.rows(), self.marks, strict=True):
            if kind == Kind.SNAPSHOT and mark == UNMARKED:
                yield SnapshotId(raw)

    def marked_in(self, marks: bytes) -> list[ObjectId]:
        """Those that another marking of the same listing marked."""
        rows = zip(self.marks, marks, strict=True)
        return [self.listing.id(row) for row, both in enumerate(rows) if both == (UNMARKED, MARKED)]


class CondemnedIds(Collection[ObjectId]):
    """The ids of what is condemned, sorted."""

    def __init__(self, condemned: Condemned) -> None:
        self._condemned = condemned

    def __len__(self) -> int:
        return len(self._condemned)

    def __iter__(self) -> Iterator[ObjectId]:
        condemned = self._condemned
        for (raw, kind, _, _), mark in zip(condemned.listing.rows(), condemned.marks, strict=True):
            if mark == UNMARKED:
                yield id_of_kind(kind, raw)

    def __contains__(self, object_id: object) -> bool:
        if not isinstance(object_id, bytes):
            return False
        row = self._condemned.listing.find(object_id)
        return row >= 0 and self._condemned.marks[row] == UNMARKED
