"""The upkeep a store needs from time to time: what it would do, what it did, and when last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aicas.backends.base import Backend, Packing
from aicas.backends.operation import Operation
from aicas.retention.evicting import EvictionResult
from aicas.retention.eviction import EvictionPlan
from aicas.retention.expiry import ExpiryPlan

MAINTAIN = "maintain"
"""The verb of its operation, and the name of its lease."""


Told = Callable[[str, int], object]
"""Told what is being done, and how many objects that was done to."""


class Packed(NamedTuple):
    """What moving objects to where they take less room came to."""

    objects: int = 0
    freed_bytes: int = 0
    """Bytes the medium got back."""
    complete: bool = True
    """Whether nothing is left to be moved."""


class Pace:
    """How long an upkeep may take, counted from now, and who is told how far it is."""

    def __init__(self, seconds: float | None = None, told: Told | None = None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds
        self._told = told

    def tell(self, what: str, done: int) -> None:
        """Report progress."""
        if self._told is not None:
            self._told(what, done)

    def run(self, what: str, steps: Iterable[Packing]) -> Packed:
        """Take steps while there is time; at least one, so that it comes to an end some day."""
        objects = freed_bytes = 0
        for step in steps:
            objects += step.objects
            freed_bytes += step.freed_bytes
            self.tell(what, objects)
            if self._until is not None and time.monotonic() > self._until:
                return Packed(objects, freed_bytes, complete=False)
        return Packed(objects, freed_bytes)


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
    packed: Packed


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
