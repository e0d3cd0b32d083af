"""Publishing many snapshots with few flushes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from aicas.backends.base import Backend, RefState
from aicas.backends.operation import Operation, RefChange
from aicas.clock import Clock
from aicas.errors import Conflict, StorageFailed, Vanished
from aicas.history.pending import PendingBackend
from aicas.history.publish import MAX_ATTEMPTS, Account, Draft, Drafter, Publisher
from aicas.ids import ObjectId, SnapshotId
from aicas.names import RefName
from aicas.objects.payload import Prepared
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot

MOST_BYTES = 32 << 20
"""Raw bytes that wait at most before they are written."""
MOST_PUTS = 5_000
"""Snapshots that wait at most."""

Progress = Callable[[int], object]
"""Called with the number of snapshots that are durable."""


class _Put(NamedTuple):
    """A put that is pending, as it is repeated when another came in between."""

    refs: Sequence[RefName]
    prepared: Prepared
    draft: Drafter
    made: SnapshotId


class BatchPublisher(Publisher):
    """Gathers puts and commits them many at a time. Safe for many threads."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        actor: str,
        *,
        compress: bool,
        progress: Progress | None,
    ) -> None:
        pending = PendingBackend(backend, self.settle, compress=compress)
        self.backend = cast("Backend", pending)
        """The store as it will be once everything is committed."""
        self.reader = ObjectReader(self.backend)
        super().__init__(self.backend, self.reader, clock, actor, compress=compress)
        self._at_once = Publisher(backend, self.reader, clock, actor, compress=compress)
        self._pending = pending
        self._progress = progress
        self._lock = threading.RLock()
        self._puts: list[_Put] = []
        self._durable = 0
        self._lost: Vanished | None = None
        self._failure: StorageFailed | None = None
        self.renamed: dict[SnapshotId, SnapshotId] = {}
        """Snapshots that were made anew, because others published to their keys, and as what."""

    def put(self, refs: Sequence[RefName], prepared: Prepared, draft: Drafter) -> Snapshot:
        """As ``Publisher.put``, but durable only after ``settle``."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            snapshot = super().put(refs, prepared, self._following(draft))
            self._puts.append(_Put(refs, prepared, draft, snapshot.id))
            if len(self._puts) >= MOST_PUTS or self._pending.raw_bytes >= MOST_BYTES:
                self.settle()
            return snapshot

    def _encoded(self, object_id: ObjectId, data: bytes) -> bytes:
        return data

    def _following(self, draft: Drafter) -> Drafter:
        """The draft, made from what became of its inputs."""

        def drafted(states: Mapping[RefName, RefState | None]) -> Draft:
            wanted = draft(states)
            if not self.renamed:
                return wanted
            inputs = tuple(
                item._replace(snapshot=self.renamed.get(item.snapshot, item.snapshot))
                for item in wanted.snapshot.inputs
            )
            return wanted._replace(snapshot=wanted.snapshot._replace(inputs=inputs))

        return drafted

    def move(self, changes: Sequence[RefChange], account: Account) -> Operation:
        """As ``Publisher.move``, after everything that was put."""
        with self._lock:
            self.settle()
            return self._at_once.move(changes, account)

    def settle(self) -> None:
        """Commit everything that was put; it is durable when this returns.

        Raises:
            Vanished: an input was collected meanwhile. What does not depend on it was committed.
            Conflict: others published without pause.
            StorageFailed: see ``Backend.publish``; nothing more can be put.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._commit()
            done, self._puts = len(self._puts), []
            self._durable += done
            if done and self._progress is not None:
                self._progress(self._durable)
            lost, self._lost = self._lost, None
            if lost is not None:
                raise lost

    def _commit(self) -> None:
        for _ in range(MAX_ATTEMPTS):
            try:
                self._pending.make()
                return
            except (Conflict, Vanished):
                self._repeat()
            except StorageFailed as error:
                self._failure = error  # whether they are there is not known: never put them again
                raise
        raise Conflict(f"others kept publishing; gave up after {MAX_ATTEMPTS} tries")

    def _repeat(self) -> None:
        """Put everything once more, after what others committed."""
        puts, self._puts = self._puts, []
        self._pending.forget()
        for put in puts:
            try:
                made = super().put(put.refs, put.prepared, self._following(put.draft)).id
            except Vanished as error:
                self._lost = self._lost or error
                continue
            if made != put.made:
                self._rename(put.made, made)
            self._puts.append(put._replace(made=made))

    def _rename(self, old: SnapshotId, new: SnapshotId) -> None:
        for first, last in self.renamed.items():
            if last == old:
                self.renamed[first] = new
        self.renamed[old] = new

    def close(self) -> None:
        """Let go of what encodes; what was put and not settled is dropped."""
        self._pending.close()
