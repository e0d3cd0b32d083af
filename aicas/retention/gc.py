"""Garbage collection: a frozen plan with reasons and bytes, and the sweep that carries it out.

Both take memory for some fifty bytes of each object the store holds, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.errors import AicasError, Damaged
from aicas.graph import Price, price_of
from aicas.history.evicted import Evicted
from aicas.ids import ObjectId, SnapshotId
from aicas.objects.links import cost_of
from aicas.objects.snapshot import Cost
from aicas.retention import roots
from aicas.retention.condemned import Condemned
from aicas.retention.listing import Listing
from aicas.retention.marking import Marking

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Margins:
    """How far back nothing is collected, in microseconds."""

    grace_us: int
    """Objects younger than this are kept, referred to or not."""
    retention_us: int
    """Operations younger than this can be undone: what they moved is kept."""


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What a collection would delete. Nothing has happened yet."""

    seen: int
    """The newest operation it takes into account."""
    condemned: Condemned
    price: Price
    """What the condemned snapshots cost."""

    @property
    def kept_objects(self) -> int:
        """How many objects would stay."""
        return self.condemned.others.objects

    @property
    def kept_bytes(self) -> int:
        """Their stored bytes."""
        return self.condemned.others.stored_bytes

    @property
    def condemned_bytes(self) -> int:
        """Stored bytes of what would be deleted."""
        return self.condemned.stored_bytes


@dataclass(frozen=True, slots=True)
class GcResult:
    """What a collection deleted."""

    number: int | None
    """Its operation; ``None`` when there was nothing to delete."""
    objects: int
    freed_bytes: int
    """Bytes the disk got back."""


def plan_gc(
    backend: Backend,
    margins: Margins,
    now: int,
    kept: Callable[[], Iterable[SnapshotId]] = tuple,
) -> GcPlan:
    """Find what no ref, lease, recent operation or recent object reaches.

    Args:
        backend: the store's.
        margins: how far back nothing is collected.
        now: the time.
        kept: names the versions to keep beyond those; may be called again.

    Raises:
        Damaged: something reachable is missing or damaged, so nothing may be deleted.
    """
    while True:
        seen = backend.last_number()
        try:
            return _plan(backend, margins, now, seen, kept)
        except Damaged:
            # Another collection may have taken what was reachable when this one began to look.
            if all(operation.changes for operation in backend.operations(since=seen)):
                raise


def _plan(
    backend: Backend,
    margins: Margins,
    now: int,
    seen: int,
    kept: Callable[[], Iterable[SnapshotId]],
) -> GcPlan:
    listing = Listing(backend.scan())
    marking = Marking(backend, listing, Evicted(backend).is_gone)
    marking.mark(roots.ref_roots(backend))
    marking.mark(roots.lease_roots(backend))
    # What an earlier collection with a shorter retention took is gone by decision, not damage.
    recent = roots.recent_operations(backend, now - margins.retention_us)
    marking.mark(roots.held(backend, roots.operation_roots(recent)))
    marking.mark(roots.held(backend, kept()))
    marking.mark_rows(_young(listing, now - margins.grace_us))
    condemned = Condemned(listing, marking.marks)
    return GcPlan(seen, condemned, _price(backend, condemned))


def _young(listing: Listing, since: int) -> Iterator[int]:
    """Rows of what was stored at ``since`` or later: work in flight may be about to need it."""
    return (row for row, (_, _, _, at) in enumerate(listing.rows()) if at >= since)


def _price(backend: Backend, condemned: Condemned) -> Price:
    """What snapshots cost; one that cannot be read has no price."""
    return price_of(_costs(backend, condemned))


def _costs(backend: Backend, condemned: Condemned) -> Iterator[Cost | None]:
    snapshots = condemned.snapshots()
    while batch := list(islice(snapshots, _BATCH)):
        frames = backend.read(batch)
        for snapshot in batch:
            try:
                yield cost_of(snapshot, frames.get(snapshot, b""))
            except AicasError:
                yield None


def sweep(backend: Backend, plan: GcPlan, operation: Operation) -> GcResult:
    """Delete what a plan condemned, less what operations and leases since then came to need.

    Safe beside any number of writers: the last look at new operations and the deletion are one
    step, in which none can be committed.

    Raises:
        Damaged: a new operation reaches something missing; nothing was deleted.
    """
    if not plan.condemned:
        return GcResult(None, 0, 0)
    evicted = Evicted(backend)
    evicted.catch_up()  # most of the log, so that little is left while others wait
    listing = plan.condemned.listing
    leased = Marking(backend, listing, evicted.is_gone, plan.condemned.marks)
    leased.mark(roots.lease_roots(backend))
    condemned = Condemned(listing, leased.marks)

    def spare(newer: Sequence[Operation]) -> Collection[ObjectId]:
        # All below what the plan marked is marked, so only what it condemned is looked at, and
        # what was stored since.
        needed = Marking(backend, listing, evicted.is_gone, condemned.marks)
        needed.mark(roots.held(backend, roots.operation_roots(newer)))
        return condemned.marked_in(needed.marks)

    deleted = backend.delete(condemned.ids(), operation, plan.seen, spare)
    return GcResult(deleted.operation.number, len(deleted.ids), deleted.freed_bytes)
