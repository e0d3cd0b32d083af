"""Carrying out an eviction: the record first, then the deletion.

A crash before the record changes nothing; one after it leaves payloads that are recorded as
dropped and still held, which do no harm: they are served as before, and the next eviction takes
them. Nothing is ever missing without a record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.backends.operation import Operation, RefChange
from aicas.errors import Conflict, Damaged, NotFound, Vanished
from aicas.history.evicted import EVICT, PAYLOADS
from aicas.history.publish import Account, Publisher
from aicas.ids import ObjectId, SnapshotId
from aicas.names import Key, split_ref
from aicas.objects.reader import ObjectReader
from aicas.retention.eviction import EvictionPlan, Victim
from aicas.retention.holdings import leased
from aicas.retention.sharing import Sharing

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class EvictionResult:
    """What an eviction dropped."""

    number: int | None
    """Its operation; ``None`` when there was nothing to drop."""
    payloads: int
    objects: int
    freed_bytes: int
    """Bytes the disk got back."""


def evict(
    backend: Backend,
    reader: ObjectReader,
    publisher: Publisher,
    plan: EvictionPlan,
    reason: str | None,
) -> EvictionResult:
    """Drop what a plan named, less what operations and leases since then came to need.

    A payload that is put again meanwhile stays, or is held again. Safe beside any number of
    readers and writers: the last look at new operations and the deletion are one step, in which
    none can be committed.

    Raises:
        Conflict: others moved the same refs all the time.
        Damaged: what a new operation needs cannot be read. Nothing was deleted.
        StorageFailed: the medium refused.
    """
    return _Eviction(backend, reader, publisher).run(plan, reason)


class _Eviction:
    def __init__(self, backend: Backend, reader: ObjectReader, publisher: Publisher) -> None:
        self._backend = backend
        self._reader = reader
        self._publisher = publisher

    def run(self, plan: EvictionPlan, reason: str | None) -> EvictionResult:
        for _ in range(_ATTEMPTS):
            seen = self._backend.last_number()
            needed = self._needed(self._backend.operations(since=plan.seen))
            victims = [victim for victim in plan.victims if victim.payload not in needed]
            if not victims:
                return EvictionResult(None, 0, 0, 0)
            try:
                done = self._note(victims, reason)
            except Conflict:
                continue
            return self._delete(victims, done, seen, needed)
        raise Conflict("others kept moving the refs of what was to be evicted")

    def _needed(self, operations: Iterable[Operation]) -> set[ObjectId]:
        """All objects of what operations made current, and of what leases are held for."""
        sharing = Sharing(self._reader.tree)
        targets = {*_made_current(operations)}
        snapshots = self._reader.snapshots(targets)
        for payload in [*(s.payload.id for s in snapshots.values())]:
            if not self._backend.missing([payload]):
                self._enter(sharing, payload)
        for payload in leased(self._backend, self._reader):
            self._enter(sharing, payload)
        return set(sharing.objects)

    @staticmethod
    def _enter(sharing: Sharing, payload: ObjectId) -> None:
        try:
            sharing.add(payload)
        except NotFound as error:
            raise Damaged(f"{error}, but is reachable", object_id=payload) from error

    def _note(self, victims: Sequence[Victim], reason: str | None) -> Operation:
        """Record the eviction, in the log and in the reflog of every ref it concerns."""
        payloads = sorted(bytes(victim.payload) for victim in victims)
        facts = {
            PAYLOADS: payloads,
            "bytes": sum(victim.freed_bytes for victim in victims),
        }
        try:
            changes = [*self._standstills(victims)]
            return self._publisher.move(changes, Account(EVICT, reason, facts=facts))
        except (NotFound, Vanished) as error:
            raise Damaged("what a ref points at is not in the store") from error

    def _standstills(self, victims: Sequence[Victim]) -> Iterator[RefChange]:
        """A move from where it stands to the same for every ref that was ever at a victim."""
        runs: dict[Key, set[SnapshotId]] = defaultdict(set)
        for victim in victims:
            for run in victim.runs:
                runs[run.key].add(run.id)
        for ref, state in self._backend.refs("").items():
            mine = runs.get(split_ref(ref)[2])
            if mine and state.target and any(m.new in mine for m in self._backend.reflog(ref)):
                yield self._publisher.change(ref, state.target, state.target)

    def _delete(
        self, victims: Sequence[Victim], done: Operation, seen: int, needed: set[ObjectId]
    ) -> EvictionResult:
        condemned = {object_id for victim in victims for object_id in victim.objects}

        def spare(newer: Sequence[Operation]) -> set[ObjectId]:
            return self._needed(newer)

        facts = {"objects": len(condemned), "bytes": done.facts["bytes"]}
        account = Account("gc", f"dropped by operation {done.number}", facts=facts)
        operation = self._publisher.operation((), account)
        deleted = self._backend.delete(condemned - needed, operation, seen, spare)
        gone = sum(v.payload in deleted.ids or not v.objects for v in victims)
        return EvictionResult(done.number, gone, len(deleted.ids), deleted.freed_bytes)


def _made_current(operations: Iterable[Operation]) -> Iterator[SnapshotId]:
    """What refs were moved to; an eviction only notes where they stand."""
    for operation in operations:
        for change in operation.changes:
            if change.new is not None and change.new != change.old:
                yield change.new
