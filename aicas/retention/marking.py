"""Following links from what is needed, in bounded memory: one byte for each object of a store."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator

from aicas.backends.base import Backend
from aicas.errors import Damaged
from aicas.ids import Kind, ObjectId
from aicas.objects.links import links_of
from aicas.retention.listing import Listing

_BATCH = 500
_BATCH_BYTES = 4 << 20
MARKED = 1
UNMARKED = 0


class Marking:
    """Marks objects of a listing, with everything they refer to. For one thread.

    What is marked is never looked below again: whoever marked it has marked that too.
    """

    def __init__(
        self,
        backend: Backend,
        listing: Listing,
        is_gone: Callable[[ObjectId], bool],
        marks: bytes | None = None,
    ) -> None:
        """Begin with nothing marked, or with the marks of a marking of the same listing.

        Args:
            backend: what the listing is of.
            listing: the objects to mark.
            is_gone: tells of a payload that is not listed whether it was evicted, so that
                nothing is below it.
            marks: as ``marks`` gave them.
        """
        self._backend = backend
        self._listing = listing
        self._is_gone = is_gone
        self._marks = bytearray(len(listing)) if marks is None else bytearray(marks)
        self._todo = array("Q")
        self._beyond: set[ObjectId] = set()
        self._unread: list[ObjectId] = []

    @property
    def marks(self) -> bytes:
        """``MARKED`` or ``UNMARKED`` for each row of the listing, as of now."""
        return bytes(self._marks)

    def mark(self, roots: Iterable[ObjectId]) -> None:
        """Mark some objects and everything reachable from them.

        Raises:
            Damaged: a reachable object is missing or damaged. What hangs below it is unknown, so
                nothing may be deleted.
        """
        for root in roots:
            self._reach(root)
            if len(self._unread) >= _BATCH:
                self._follow()
        self._follow()

    def mark_rows(self, rows: Iterable[int]) -> None:
        """The same, for objects by their rows."""
        self.mark(self._listing.id(row) for row in rows)

    def _reach(self, object_id: ObjectId) -> None:
        row = self._listing.find(object_id)
        if row < 0:  # stored since the listing was made, or lost
            if object_id not in self._beyond:
                self._beyond.add(object_id)
                self._unread.append(object_id)
        elif self._marks[row] == UNMARKED:
            kind = self._listing.kind(row)
            if kind != object_id.kind:
                raise Damaged(
                    f"{object_id.short} is referred to as what it is not", object_id=object_id
                )
            self._marks[row] = MARKED
            if kind != Kind.BLOB:
                self._todo.append(row)

    def _follow(self) -> None:
        while batch := self._take():
            blobs = [i for i in batch if i.kind == Kind.BLOB]
            for lost in self._backend.missing(blobs):
                raise _lost(lost)
            linking = [i for i in batch if i.kind != Kind.BLOB]
            frames = self._backend.read(linking)
            for object_id in linking:
                if object_id not in frames:
                    raise _lost(object_id)
                for link in self._below(object_id, frames[object_id]):
                    self._reach(link)

    def _take(self) -> list[ObjectId]:
        """What to look below next: so many objects, or fewer that take so many bytes."""
        batch = self._unread[-_BATCH:]
        del self._unread[-_BATCH:]
        taken = 0
        while self._todo and len(batch) < _BATCH and taken < _BATCH_BYTES:
            row = self._todo.pop()
            taken += self._listing.stored_bytes(row)
            batch.append(self._listing.id(row))
        return batch

    def _below(self, object_id: ObjectId, frame: bytes) -> Iterator[ObjectId]:
        payload, others = links_of(object_id, frame)
        if payload and (self._listing.find(payload) >= 0 or not self._is_gone(payload)):
            yield payload
        yield from others


def _lost(object_id: ObjectId) -> Damaged:
    kind = object_id.kind.name.lower()
    return Damaged(
        f"{kind} {object_id.short} is not in the store, but is reachable", object_id=object_id
    )
