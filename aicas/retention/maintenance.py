"""The upkeep a store needs from time to time: what it would do, what it did, and when last."""

from __future__ import annotations

from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.retention.evicting import EvictionResult
from aicas.retention.eviction import EvictionPlan
from aicas.retention.expiry import ExpiryPlan

MAINTAIN = "maintain"
"""The verb of its operation, and the name of its lease."""


@dataclass(frozen=True, slots=True)
class MaintenancePlan:
    """What an upkeep would do. Nothing has happened yet."""

    expiry: ExpiryPlan
    eviction: EvictionPlan
    """Of what is left once that has expired."""


@dataclass(frozen=True, slots=True)
class MaintenanceResult:
    """What an upkeep did."""

    plan: MaintenancePlan
    operation: Operation
    """The record that it took place."""
    expired: Operation | None
    """What moved away what had expired; ``None`` if nothing had."""
    evicted: EvictionResult


def is_due(backend: Backend, since: int) -> bool:
    """Whether there was no upkeep at or after a time, though there was something to keep up.

    Looks no further back in the log than that time.
    """
    for operation in backend.operations():
        if operation.verb == MAINTAIN and operation.at >= since:
            return False
        if operation.at < since:
            return True
    return False
