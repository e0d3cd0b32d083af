"""Telling what was dropped by decision from what was lost.

An eviction is an operation with the verb ``evict`` that lists the ids of the payloads it drops in
its facts, as ``payloads``. It moves each ref that points at one, or did, from its snapshot to that
same snapshot, so that the reflog knows of it. Snapshots stay; the payloads' objects are deleted
after the operation was committed, so that nothing is ever missing without a record.
"""

from __future__ import annotations

from collections.abc import Collection

from aicas.backends.base import Backend, RefMove
from aicas.backends.operation import Operation
from aicas.ids import ObjectId
from aicas.names import RefName

EVICT = "evict"
PAYLOADS = "payloads"


def payloads_of(operation: Operation) -> frozenset[bytes]:
    """The ids of the payloads that an operation dropped; empty unless it is an eviction."""
    listed = operation.facts.get(PAYLOADS) if operation.verb == EVICT else None
    if not isinstance(listed, (list, tuple)):
        return frozenset()
    return frozenset(payload for payload in listed if isinstance(payload, bytes))


def is_standstill(move: RefMove) -> bool:
    """Whether a move of a ref only notes that something happened to what it points at."""
    return move.old == move.new


def evicted_payload(backend: Backend, ref: RefName, payload: ObjectId) -> Operation | None:
    """The newest eviction that dropped a payload which the store does not hold.

    Costs a look at the ref's own moves. One that was dropped while the ref pointed at nothing, or
    before there was such a ref, is searched for in the whole log.
    """
    if not backend.missing([payload]):
        return None
    for move in backend.reflog(ref):
        operation = backend.operation(move.number) if is_standstill(move) else None
        if operation and payload in payloads_of(operation):
            return operation
    return find_eviction(backend, payload)


def find_eviction(backend: Backend, payload: ObjectId) -> Operation | None:
    """The newest eviction that dropped a payload which the store does not hold, by the log."""
    if not backend.missing([payload]):
        return None
    return next((o for o in backend.operations() if payload in payloads_of(o)), None)


class Evicted:
    """Knows all payloads that evictions dropped, once the log was read for them."""

    def __init__(self, backend: Backend, held: Collection[ObjectId] = ()) -> None:
        """Nothing is read before it is asked for.

        Args:
            backend: the store's.
            held: objects that are known to be held.
        """
        self._backend = backend
        self._held = held
        self._dropped: dict[bytes, int] = {}
        self._seen = 0

    def catch_up(self) -> None:
        """Read the operations that were committed since the last time."""
        last = self._backend.last_number()
        if last > self._seen:
            for operation in self._backend.operations(newest_first=False, since=self._seen):
                self._dropped.update(dict.fromkeys(payloads_of(operation), operation.at))
            self._seen = last

    def dropped_at(self, payload: ObjectId) -> int | None:
        """When a payload that the store does not hold was dropped; ``None`` if it never was."""
        if payload in self._held or not self._backend.missing([payload]):
            return None
        self.catch_up()
        return self._dropped.get(payload)

    def is_gone(self, payload: ObjectId) -> bool:
        """Whether the store does not hold a payload, by decision."""
        return self.dropped_at(payload) is not None
