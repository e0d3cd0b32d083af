"""The contract every backend keeps; ``tests/backends/contract.py`` checks it for each of them.

A backend holds frames under object ids and one append-only log of operations. Of a frame it knows
only where its kind stands (the high half of the second byte). Every method may be called from any
thread; every read first catches up with what other processes committed, so it answers for a moment
no earlier than the call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from aicas.backends.operation import Operation
from aicas.ids import BlobId, ObjectId, SnapshotId
from aicas.names import RefName


class Absent(Enum):
    """The one value that says 'this ref must not exist'. ``None`` never means that."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Expected = SnapshotId | Absent
LEASE_SECONDS: Final = 30.0
"""How long a holder may be silent before others take its lease."""


class RefState(NamedTuple):
    """Where a ref stands, and where it last stood if it has been moved away."""

    target: SnapshotId | None
    last: SnapshotId
    """The newest snapshot the ref ever pointed at; equal to ``target`` while it has one."""
    number: int
    """The operation that moved it last."""


class StoredObject(NamedTuple):
    """One object as ``scan`` lists it."""

    id: ObjectId
    stored_bytes: int
    """Bytes it takes in the backend; what deleting it frees."""
    at: int
    """When it was committed, in microseconds since 1970 UTC."""


class RefMove(NamedTuple):
    """One entry of a reflog: an operation and what it did to the ref."""

    number: int
    old: SnapshotId | None
    new: SnapshotId | None


class Staged(NamedTuple):
    """A large object, durable but not yet part of the store.

    It becomes part of it with the publish that names it; one that is never named is removed by
    a later ``delete``, once it is old.
    """

    id: BlobId
    stored_bytes: int
    token: str
    """The backend's own name for it until then."""


class Commit(NamedTuple):
    """What ``publish`` is to commit; see there."""

    objects: Mapping[ObjectId, bytes | Staged]
    operation: Operation
    expect: Mapping[RefName, Expected]
    require: Collection[ObjectId] = ()
    seen: object = None


class Fault(NamedTuple):
    """Something wrong in the backend's own structures, as ``check`` reports it."""

    what: str
    object_id: ObjectId | None = None


class Arranged(NamedTuple):
    """An object's place among others that are laid out one after another."""

    id: ObjectId
    label: str | None
    """Neighbours with one label resemble each other and are kept together; ``None`` for none."""


Arrange = Callable[[Collection[ObjectId]], Iterable[Arranged]]
"""Puts ids in the order in which they belong, each once."""
Plain = Callable[[ObjectId, bytes], bytes]
"""The frame of an object without compression; ``Damaged`` for one that is not sound."""


class Packing(NamedTuple):
    """What moving objects to where they take less room did."""

    objects: int
    freed_bytes: int
    """Bytes the medium got back; negative if it takes more now."""


class Taken(NamedTuple):
    """Another holds the lease."""

    epoch: int
    """Which holder it is, counted from 1: what to wait for."""


class Left(NamedTuple):
    """The holder waited for gave the lease back and left word for those who waited."""

    outcome: bytes


class LeaseState(NamedTuple):
    """A lease that is held at this moment."""

    name: str
    epoch: int
    needs: tuple[ObjectId, ...]
    """What its holder is working from; must not be collected."""


class Lease(Protocol):
    """The right to do something that only one should do at a time. For one thread at a time."""

    @property
    def epoch(self) -> int:
        """Which holder this is, counted from 1 for each name.

        Once a lease is given back without an outcome, counting begins anew.
        """

    def renew(self) -> bool:
        """Tell the others that the holder lives; false if the lease was lost meanwhile."""

    def release(self, outcome: bytes | None = None) -> None:
        """Give it back, leaving ``outcome`` for those who wait; twice is allowed.

        Raises:
            InvalidInput: the outcome is over ``MAX_OUTCOME_BYTES``; the lease is still held.
        """


class Staging(Protocol):
    """A large object on its way in. Leaving the context without ``finish`` discards it."""

    def __enter__(self) -> Staging: ...

    def __exit__(self, *details: object) -> None: ...

    def write(self, piece: bytes) -> object:
        """Append the next bytes of the frame."""

    def finish(self, blob: BlobId) -> Staged:
        """Make what was written durable as the frame of ``blob``."""


class FrameReader(Protocol):
    """A frame being read front to back."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` next bytes; ``b""`` at the end."""

    def close(self) -> None:
        """Release what it holds; closing twice is allowed."""


class Backend(Protocol):
    """Objects and the operation log of one store."""

    def read(self, ids: Iterable[ObjectId]) -> dict[ObjectId, bytes]:
        """The whole frame of each object; ids the store does not hold are left out.

        Bytes are returned as stored: whoever decodes them checks them against the id.
        """

    def stream(self, object_id: ObjectId) -> FrameReader | None:
        """The frame of one object, to read piece by piece; ``None`` if not held."""

    def missing(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """Those of ``ids`` that the store does not hold at this moment."""

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """Up to ``limit`` held ids whose hexadecimal form starts with ``hex_prefix``."""

    def scan(self) -> Iterator[StoredObject]:
        """Every object held when the call began, in no particular order."""

    def used_bytes(self) -> int:
        """What the store takes in its medium, told without looking at each object.

        At least what its objects take: deleted ones that still take room count too, and the log.
        """

    def stage(self) -> Staging:
        """Begin a large object."""

    def publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        operation: Operation,
        expect: Mapping[RefName, Expected],
        require: Collection[ObjectId] = (),
        seen: object = None,
    ) -> Operation:
        """Commit: every object durable, then the operation; all of it or nothing.

        When it returns, a power cut cannot undo it. Objects already held are not written again.

        Args:
            objects: frames (or staged large objects) by id.
            operation: its ``number`` is ignored; the committed one is returned.
            expect: what refs must be at the moment of commit; every ref the operation moves
                must be named here.
            require: ids that must be held at the moment of commit.
            seen: a stamp: with it the caller says that at that moment every ref was as expected,
                everything required was held, and none of the objects was. That need not be found
                out again where nothing was committed since.

        Raises:
            Conflict: a ref is not as expected. Nothing changed.
            Vanished: a required or staged object is not held. Nothing changed.
            StorageFailed: the medium refused. The change may or may not be found later, but it
                is never found in part.
        """

    def publish_all(self, commits: Sequence[Commit]) -> list[Operation]:
        """Commit one after another, as ``publish`` does each, and make all durable at once.

        A crash before it returns can leave the first few of them, never one without those before.

        Raises:
            Conflict, Vanished: one of them cannot be committed, even after those before it.
                Nothing changed.
            StorageFailed: see ``publish``.
        """

    def ref(self, name: RefName) -> RefState | None:
        """Where one ref stands; ``None`` if no operation ever moved it."""

    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """All refs under a prefix at one moment, moved-away ones too, sorted by name."""

    def dependents(self, name: RefName) -> set[RefName]:
        """The refs whose current snapshot was made from ``name``; one step, not transitive."""

    def reflog(self, name: RefName) -> list[RefMove]:
        """Every move of one ref, newest first."""

    def operations(self, *, newest_first: bool = True, since: int = 0) -> Iterator[Operation]:
        """The log's operations whose number is above ``since``."""

    def operation(self, number: int) -> Operation | None:
        """One operation; ``None`` if the log has no such number."""

    def last_number(self) -> int:
        """The number of the newest operation; 0 in an empty store."""

    def stamp(self) -> object:
        """A value that is equal to an earlier one only if nothing was committed in between."""

    def delete(
        self,
        condemned: Collection[ObjectId],
        operation: Operation,
        seen: int,
        spare: Callable[[Sequence[Operation]], Collection[ObjectId]],
    ) -> Deleted:
        """Remove objects and give their space back; for the sweeper alone.

        Args:
            condemned: what the sweeper found unreachable.
            operation: recorded in the log as the deletion; it moves no ref.
            seen: the newest operation the sweeper's marking took into account.
            spare: called with the operations committed since ``seen``, before anything is
                removed and while no other can be committed; it returns the ids to keep after
                all.

        A reader that already holds an object's bytes keeps them. A crash leaves every object
        either held or deleted.
        """

    def pack(self, arrange: Arrange, plain: Plain) -> Iterator[Packing]:
        """Move objects, a batch each time more is asked for, to where they take less room.

        Nothing but their place changes (and their time is rounded up, to the second at most), so
        any number of readers and writers may be at work. It may be left at any moment, by a crash
        too: what was packed stays packed. A backend without such a place has nothing to do.

        Args:
            arrange: arranges a batch.
            plain: undoes the compression of each object, so that many can be compressed
                together; one that is not sound stays as it is.

        Yields:
            What each batch did.

        Raises:
            StorageFailed: the medium refused.
        """

    def lease(
        self,
        name: str,
        *,
        needs: Collection[ObjectId] = (),
        waited_on: int | None = None,
        lifetime: float = LEASE_SECONDS,
    ) -> Lease | Taken | Left:
        """Take a lease if nobody holds it; never waits.

        A holder whose process is gone holds nothing. One that lives, but has not renewed while
        this process watched for its lifetime, has lost it; no clocks are compared.

        Args:
            name: what the lease is for: up to 128 letters, digits, ``-``, ``_``.
            needs: objects the holder works from; they count as reachable while it is held.
            waited_on: the epoch of a holder this caller has seen; if that one, or one after it,
                left an outcome, it is returned and nothing is taken.
            lifetime: seconds without ``renew`` after which others may take it.

        Raises:
            InvalidInput: no such name or lifetime can be.
            StorageFailed: the medium refused.
        """

    def leases(self) -> list[LeaseState]:
        """The leases held at this moment, by living holders."""

    def record(self, at: int, events: Sequence[bytes]) -> None:
        """Append events, beside the log; durable when it returns.

        Args:
            at: microseconds since 1970 UTC; events are filed by its day.
            events: each one line of bytes without a line break.

        A crash leaves each event whole or absent, and those recorded before it untouched.

        Raises:
            InvalidInput: an event that is no such line, or is over ``MAX_EVENT_BYTES``.
            StorageFailed: the medium refused. The events may or may not be found later.
        """

    def recorded(self, since: int = 0) -> Iterator[bytes]:
        """The events of the day of ``since`` and later, oldest day first, each day in the order
        recorded. Damaged ones are left out; ``check`` reports them."""

    def memo(self, name: str) -> bytes | None:
        """What ``remember`` was last told by this name, by any process; ``None`` if nothing is.

        A memo may be lost at any time, also to an older one; it is never half of one.
        """

    def remember(self, name: str, content: bytes) -> None:
        """Keep a memo of up to a few KB, for as long as that costs nothing; never fails.

        Args:
            name: letters and ``-``.
            content: what to keep.
        """

    def check(self) -> Iterator[Fault]:
        """Examine the backend's own structures: checksums, numbering, indexes.

        Of leases that nobody holds nothing is left afterwards, their outcomes included.
        """

    def close(self) -> None:
        """Release files and locks; closing twice is allowed."""


class Deleted(NamedTuple):
    """What a ``delete`` did."""

    operation: Operation
    ids: frozenset[ObjectId]
    freed_bytes: int
    """Bytes the medium got back."""
