"""A store in memory: the contract in its plainest form, for tests and throw-away runs."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from aicas.backends.base import (
    LEASE_SECONDS,
    Arrange,
    Commit,
    Deleted,
    Expected,
    Fault,
    FrameReader,
    LeaseState,
    Left,
    Packing,
    Plain,
    RefMove,
    RefState,
    Staged,
    StoredObject,
    Taken,
)
from aicas.backends.events import check_events, day_of
from aicas.backends.fold import RefFold, check_in_order
from aicas.backends.memoryleases import MemoryLease, MemoryLeases
from aicas.backends.operation import Operation
from aicas.errors import Vanished
from aicas.ids import BlobId, ObjectId
from aicas.names import RefName


class MemoryBackend:
    """Keeps everything in this process and loses it with it. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._frames: dict[ObjectId, tuple[bytes, int]] = {}
        self._operations: list[Operation] = []
        self._fold = RefFold()
        self._staged: dict[str, bytes] = {}
        self._events: dict[str, list[bytes]] = {}
        self._leases = MemoryLeases()
        self._memos: dict[str, bytes] = {}
        self._used_bytes = 0

    def read(self, ids: Iterable[ObjectId]) -> dict[ObjectId, bytes]:
        """See ``Backend.read``."""
        with self._lock:
            return {i: self._frames[i][0] for i in ids if i in self._frames}

    def stream(self, object_id: ObjectId) -> FrameReader | None:
        """See ``Backend.stream``."""
        with self._lock:
            found = self._frames.get(object_id)
            return io.BytesIO(found[0]) if found else None

    def missing(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """See ``Backend.missing``."""
        with self._lock:
            return {i for i in ids if i not in self._frames}

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        with self._lock:
            return sorted(i for i in self._frames if i.hex().startswith(hex_prefix))[:limit]

    def scan(self) -> Iterator[StoredObject]:
        """See ``Backend.scan``."""
        with self._lock:
            held = list(self._frames.items())
        return (StoredObject(i, len(frame), at) for i, (frame, at) in held)

    def used_bytes(self) -> int:
        """See ``Backend.used_bytes``."""
        return self._used_bytes

    def stage(self) -> MemoryStaging:
        """See ``Backend.stage``."""
        return MemoryStaging(self._staged)

    def publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        operation: Operation,
        expect: Mapping[RefName, Expected],
        require: Collection[ObjectId] = (),
        seen: object = None,
    ) -> Operation:
        """See ``Backend.publish``; durable only as long as the process."""
        return self.publish_all([Commit(objects, operation, expect, require, seen)])[0]

    def publish_all(self, commits: Sequence[Commit]) -> list[Operation]:
        """See ``Backend.publish_all``."""
        with self._lock:
            check_in_order(commits, self._fold.states.get)
            brought: set[ObjectId] = set()
            gone: list[ObjectId] = []
            for commit in commits:
                gone += [i for i, frame in commit.objects.items() if not self._is_there(i, frame)]
                brought.update(commit.objects)
                gone += [i for i in commit.require if i not in self._frames and i not in brought]
            if gone:
                raise Vanished(gone)
            return [self._commit(commit) for commit in commits]

    def _is_there(self, object_id: ObjectId, frame: bytes | Staged) -> bool:
        return (
            not isinstance(frame, Staged)
            or frame.token in self._staged
            or object_id in self._frames
        )

    def _commit(self, commit: Commit) -> Operation:
        for object_id, frame in commit.objects.items():
            content = self._staged.pop(frame.token, b"") if isinstance(frame, Staged) else frame
            if object_id not in self._frames:
                self._frames[object_id] = (content, commit.operation.at)
                self._used_bytes += len(content)
        return self._append(commit.operation)

    def _append(self, operation: Operation) -> Operation:
        committed = operation.numbered(len(self._operations) + 1)
        self._operations.append(committed)
        self._fold.apply(committed)
        return committed

    def ref(self, name: RefName) -> RefState | None:
        """See ``Backend.ref``."""
        return self._fold.states.get(name)

    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """See ``Backend.refs``."""
        with self._lock:
            states = self._fold.states
            return {name: states[name] for name in sorted(states) if name.startswith(prefix)}

    def dependents(self, name: RefName) -> set[RefName]:
        """See ``Backend.dependents``."""
        with self._lock:
            return self._fold.consumers(name)

    def reflog(self, name: RefName) -> list[RefMove]:
        """See ``Backend.reflog``."""
        with self._lock:
            return self._fold.moves.get(name, [])[::-1]

    def operations(self, *, newest_first: bool = True, since: int = 0) -> Iterator[Operation]:
        """See ``Backend.operations``."""
        with self._lock:
            chosen = self._operations[since:]
        return iter(chosen[::-1] if newest_first else chosen)

    def operation(self, number: int) -> Operation | None:
        """See ``Backend.operation``."""
        with self._lock:
            known = 1 <= number <= len(self._operations)
            return self._operations[number - 1] if known else None

    def last_number(self) -> int:
        """See ``Backend.last_number``."""
        return len(self._operations)

    def stamp(self) -> object:
        """See ``Backend.stamp``."""
        return len(self._operations)

    def delete(
        self,
        condemned: Collection[ObjectId],
        operation: Operation,
        seen: int,
        spare: Callable[[Sequence[Operation]], Collection[ObjectId]],
    ) -> Deleted:
        """See ``Backend.delete``."""
        with self._lock:
            newer = self._operations[seen:]
            doomed = set(condemned).difference(spare(newer) if newer else ())
            freed = {i: self._frames.pop(i)[0] for i in doomed if i in self._frames}
            freed_bytes = sum(map(len, freed.values()))
            self._used_bytes -= freed_bytes
            committed = self._append(operation)
        return Deleted(committed, frozenset(freed), freed_bytes)

    def pack(self, arrange: Arrange, plain: Plain) -> Iterator[Packing]:
        """See ``Backend.pack``; memory has one place for all."""
        return iter(())

    def lease(
        self,
        name: str,
        *,
        needs: Collection[ObjectId] = (),
        waited_on: int | None = None,
        lifetime: float = LEASE_SECONDS,
    ) -> MemoryLease | Taken | Left:
        """See ``Backend.lease``."""
        return self._leases.lease(name, needs, waited_on, lifetime)

    def leases(self) -> list[LeaseState]:
        """See ``Backend.leases``."""
        return self._leases.leases()

    def record(self, at: int, events: Sequence[bytes]) -> None:
        """See ``Backend.record``; durable only as long as the process."""
        check_events(events)
        with self._lock:
            self._events.setdefault(day_of(at), []).extend(events)

    def recorded(self, since: int = 0) -> Iterator[bytes]:
        """See ``Backend.recorded``."""
        first = day_of(since)
        with self._lock:
            days = sorted(day for day in self._events if day >= first)
            chosen = [event for day in days for event in self._events[day]]
        return iter(chosen)

    def memo(self, name: str) -> bytes | None:
        """See ``Backend.memo``."""
        return self._memos.get(name)

    def remember(self, name: str, content: bytes) -> None:
        """See ``Backend.remember``."""
        self._memos[name] = content

    def check(self) -> Iterator[Fault]:
        """See ``Backend.check``; memory has no structure of its own to be damaged."""
        self._leases.forget()
        return iter(())

    def close(self) -> None:
        """Nothing to release: the content stays readable, as a closed store's files do."""


class MemoryStaging:
    """A large object gathered in memory."""

    def __init__(self, staged: dict[str, bytes]) -> None:
        self._staged = staged
        self._pieces: list[bytes] = []

    def __enter__(self) -> MemoryStaging:
        return self

    def __exit__(self, *details: object) -> None:
        self._pieces = []

    def write(self, piece: bytes) -> object:
        """See ``Staging.write``."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def finish(self, blob: BlobId) -> Staged:
        """See ``Staging.finish``."""
        frame = b"".join(self._pieces)
        token = os.urandom(16).hex()
        self._staged[token] = frame
        return Staged(blob, len(frame), token)
