"""Garbage collection: a frozen plan with reasons and bytes, and the sweep that carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from aicas.backends.base import Backend, StoredObject
from aicas.backends.operation import Operation
from aicas.errors import Damaged
from aicas.graph import Price, price_of
from aicas.history.evicted import Evicted
from aicas.ids import Kind, ObjectId, SnapshotId
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost
from aicas.retention import roots

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
    kept_objects: int
    kept_bytes: int
    condemned: tuple[StoredObject, ...]
    price: Price
    """What the condemned snapshots cost."""

    @property
    def condemned_bytes(self) -> int:
        """Stored bytes of what would be deleted."""
        return sum(found.stored_bytes for found in self.condemned)


@dataclass(frozen=True, slots=True)
class GcResult:
    """What a collection deleted."""

    number: int | None
    """Its operation; ``None`` when there was nothing to delete."""
    objects: int
    freed_bytes: int
    """Bytes the disk got back."""


def plan_gc(backend: Backend, reader: ObjectReader, margins: Margins, now: int) -> GcPlan:
    """Find what no ref, lease, recent operation or recent object reaches.

    Raises:
        Damaged: something reachable is missing or damaged, so nothing may be deleted.
    """
    while True:
        seen = backend.last_number()
        try:
            return _plan(backend, reader, margins, now, seen)
        except Damaged:
            # Another collection may have taken what was reachable when this one began to look.
            if all(operation.changes for operation in backend.operations(since=seen)):
                raise


def _plan(backend: Backend, reader: ObjectReader, margins: Margins, now: int, seen: int) -> GcPlan:
    objects = list(backend.scan())
    held = {found.id for found in objects}
    is_gone = Evicted(backend, held).is_gone
    marked: set[ObjectId] = set()
    roots.mark(reader, roots.ref_roots(backend), marked, is_gone)
    roots.mark(reader, roots.lease_roots(backend), marked, is_gone)
    # What an earlier collection with a shorter retention took is gone by decision, not damage.
    recalled = set(
        roots.operation_roots(roots.recent_operations(backend, now - margins.retention_us))
    )
    roots.mark(reader, recalled - backend.missing(recalled), marked, is_gone)
    roots.mark(reader, roots.young_roots(objects, now - margins.grace_us), marked, is_gone)
    lost = backend.missing(marked - held)
    if lost:
        raise Damaged(f"{len(lost)} reachable objects are not in the store", object_id=min(lost))
    condemned = tuple(found for found in objects if found.id not in marked)
    kept = [found for found in objects if found.id in marked]
    kept_bytes = sum(found.stored_bytes for found in kept)
    return GcPlan(seen, len(kept), kept_bytes, condemned, _price(reader, condemned))


def _price(reader: ObjectReader, condemned: Iterable[StoredObject]) -> Price:
    """What snapshots cost; one that cannot be read has no price."""
    ids = (SnapshotId(found.id) for found in condemned if found.id.kind == Kind.SNAPSHOT)
    costs: list[Cost | None] = []
    while batch := list(islice(ids, _BATCH)):
        found = reader.snapshots(batch)
        costs += (found[i].cost if i in found else None for i in batch)
    return price_of(costs)


def sweep(backend: Backend, reader: ObjectReader, plan: GcPlan, operation: Operation) -> GcResult:
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

    def spare(newer: Sequence[Operation]) -> set[ObjectId]:
        needed: set[ObjectId] = set()
        wanted = set(roots.operation_roots(newer))
        roots.mark(reader, wanted - backend.missing(wanted), needed, evicted.is_gone)
        return needed

    leased: set[ObjectId] = set()
    roots.mark(reader, roots.lease_roots(backend), leased, evicted.is_gone)
    ids = [found.id for found in plan.condemned if found.id not in leased]
    deleted = backend.delete(ids, operation, plan.seen, spare)
    return GcResult(deleted.operation.number, len(deleted.ids), deleted.freed_bytes)
