"""Moving away what has expired, so that nobody has to find out again that it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.backends.operation import RefChange
from aicas.graph import Price, price_of
from aicas.ids import SnapshotId
from aicas.names import RefName
from aicas.objects.reader import ObjectReader

EXPIRE = "expire"
_SPACES = ("live/", "samples/")


@dataclass(frozen=True, slots=True)
class ExpiryPlan:
    """What has expired. Nothing has happened yet."""

    refs: tuple[RefName, ...]
    price: Price
    """What making all of it again would cost, each artifact counted once."""


def plan_expiry(backend: Backend, reader: ObjectReader, now: int) -> ExpiryPlan:
    """Find the current versions and samples, of every project, whose time has passed.

    One that cannot be read is left where it is; verifying reports it.
    """
    costs = {}
    refs = []
    for change in expired(backend, reader, now):
        refs.append(change.ref)
        if change.old:
            costs[change.old] = reader.snapshot(change.old).cost
    return ExpiryPlan(tuple(refs), price_of(costs.values()))


def expired(backend: Backend, reader: ObjectReader, now: int) -> Iterator[RefChange]:
    """The moves that take away what has expired by ``now``."""
    states = {ref: state for space in _SPACES for ref, state in backend.refs(space).items()}
    targets = {ref: state.target for ref, state in states.items() if state.target}
    over: set[SnapshotId] = {
        found.id
        for found in reader.snapshots(set(targets.values())).values()
        if found.expiry_time is not None and found.expiry_time <= now
    }
    for ref, target in targets.items():
        if target in over:
            yield RefChange(ref, target, None)
