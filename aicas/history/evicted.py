"""Telling what was dropped by decision from what was lost.

An eviction is an operation with the verb ``evict``. It moves each ref whose payload it drops from
its snapshot to that same snapshot, so that the reflog knows of it, and lists the ids of the
payloads in its facts, as ``payloads``.
"""

from __future__ import annotations

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.ids import ObjectId
from aicas.names import RefName

EVICT = "evict"
PAYLOADS = "payloads"


def evicted_payload(backend: Backend, ref: RefName, payload: ObjectId) -> Operation | None:
    """The newest eviction that dropped a payload a ref points or pointed at."""
    for move in backend.reflog(ref):
        operation = backend.operation(move.number)
        if operation and operation.verb == EVICT:
            if bytes(payload) in operation.facts.get(PAYLOADS, ()):
                return operation
    return None
