"""What must be kept, with all it refers to: what refs, leases and recent operations name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.ids import ObjectId, SnapshotId

_BATCH = 1_000


def ref_roots(backend: Backend) -> set[ObjectId]:
    """What refs of every space point at: live, quarantined, pinned, remote."""
    return {state.target for state in backend.refs("").values() if state.target}


def lease_roots(backend: Backend) -> set[ObjectId]:
    """What the holders of leases are working from, as far as it is there."""
    needs = {needed for lease in backend.leases() for needed in lease.needs}
    return needs - backend.missing(needs)


def operation_roots(operations: Iterable[Operation]) -> Iterator[SnapshotId]:
    """The snapshots that undoing some operations would need."""
    for operation in operations:
        for change in operation.changes:
            yield from (i for i in (change.old, change.new) if i is not None)


def recent_operations(backend: Backend, since: int) -> Iterator[Operation]:
    """The operations from the first one at or after the time ``since`` on.

    Every one is looked at, so one that was recorded while a clock stood wrong ends nothing early.
    """
    recent = False
    for operation in backend.operations(newest_first=False):
        recent = recent or operation.at >= since
        if recent:
            yield operation


def held(backend: Backend, snapshots: Iterable[SnapshotId]) -> Iterator[SnapshotId]:
    """Those that the store holds; others went by decision, when less had to be kept."""
    left = iter(snapshots)
    while batch := set(islice(left, _BATCH)):
        yield from batch - backend.missing(batch)
