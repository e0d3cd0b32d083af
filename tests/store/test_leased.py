"""What the holder of a lease works from is not collected."""

from __future__ import annotations

from hand_clock import HandClock

import aicas
from aicas.backends.base import Lease, Left, Taken
from aicas.ids import ObjectId, SnapshotId


def lease(store: aicas.Store, *needs: ObjectId) -> Lease:
    taken = store._backend.lease("work", needs=needs)
    assert not isinstance(taken, (Taken, Left))
    return taken


def test_a_collection_keeps_what_a_lease_needs_and_all_below_it(
    store: aicas.Store, clock: HandClock
) -> None:
    made = store.put("plan", {"a": b"1", "b": b"2"})
    store.invalidate("plan")
    clock.pass_time(hours=1)
    held = lease(store, made.id, SnapshotId(bytes(32)))
    assert not store.plan_gc(grace_hours=0, retention_hours=0).condemned
    held.release(b"done with it")
    assert len(store.plan_gc(grace_hours=0, retention_hours=0).condemned) == 4


def test_a_plan_that_has_grown_old_spares_what_was_leased_since(
    store: aicas.Store, clock: HandClock
) -> None:
    made, other = store.put("plan", "1"), store.put("other", "2")
    store.invalidate("plan")
    store.invalidate("other")
    clock.pass_time(hours=1)
    plan = store.plan_gc(grace_hours=0, retention_hours=0)
    assert len(plan.condemned) == 4
    lease(store, made.id)
    assert store.gc(plan).objects == 2
    assert store.payload(store.snapshot(made.id)) == "1"
    assert store._backend.missing([other.id]) == {other.id}
