"""What has expired is moved away, a store is kept small, and upkeep comes when it is due."""

from __future__ import annotations

import pytest
from hand_clock import HandClock
from retention_world import DOLLAR, codes, contents, held_bytes, pipeline, usd

import aicas
from aicas.backends.base import Left, Packing, Taken
from aicas.backends.memory import MemoryBackend
from aicas.config import Config
from aicas.errors import Conflict, NotFound
from aicas.retention.maintenance import Pace

SMALL = Config(max_cache_size_gb=0.000_004, gc_grace_hours=1, cleanup_interval_hours=24)


def small(clock: HandClock, config: Config = SMALL) -> aicas.Store:
    return aicas.Store(MemoryBackend(), config=config, clock=clock, actor="test")


def test_what_has_expired_is_moved_away_in_one_operation(
    store: aicas.Store, clock: HandClock
) -> None:
    for key, hours in (("soon", 1), ("later", 2), ("never", 0)):
        store.put(key, key, expires_in_hours=hours, cost=usd(1))
    store.at_project("other").put("soon", "other", expires_in_hours=1)
    store.put("several", "1", sample=1, expires_in_hours=1, cost=usd(1))
    clock.pass_time(hours=1)
    plan = store.plan_expire()
    assert plan.refs == (
        "live/default/several", "live/default/soon", "live/other/soon", "samples/default/several=1"
    )  # fmt: skip
    assert (plan.price.usd_nano, plan.price.priced, plan.price.unpriced) == (2 * DOLLAR, 2, 1)
    done = store.expire("old")
    assert done is not None
    assert (done.verb, done.reason) == ("expire", "old")
    assert {change.ref for change in done.changes} == set(plan.refs)
    assert store.keys() == ["later", "never"]
    assert codes(store.lookup("soon")) == ["expired"]
    assert store.expire() is None
    assert store.plan_expire().refs == ()
    store.undo(done.number)
    assert store.keys() == ["later", "never", "several", "soon"]
    assert codes(store.lookup("soon")) == ["expired"]


def test_a_new_run_of_what_expired_has_that_cause(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "1", expires_in_hours=1)
    clock.pass_time(hours=2)
    store.expire()
    store.put("plan", "2")
    assert store.operation(store._backend.last_number()).facts["cause"] == "expired"


def test_upkeep_expires_then_evicts_down_to_the_setting_and_says_so(clock: HandClock) -> None:
    store = small(clock)
    pipeline(store, size=2000)
    store.put("expired", "x" * 500, expires_in_hours=2, cost=usd(1000))
    clock.pass_time(hours=3)
    plan = store.plan_maintain()
    assert plan.expiry.refs == ("live/default/expired",)
    assert plan.eviction.victims[0].key == "expired", "history goes first, however dear"
    done = store.maintain("by hand")
    assert done.plan.expiry == plan.expiry
    assert done.plan.eviction.victims == plan.eviction.victims
    assert held_bytes(store) <= 4_000
    assert (done.operation.verb, done.operation.reason) == ("maintain", "by hand")
    assert done.operation.facts == {
        "expired": 1, "evicted": done.evicted.payloads, "packed": 0,
        "bytes": done.evicted.freed_bytes,
    }  # fmt: skip
    assert store.verify().damage == ()
    assert any(store.lookup(f"stage-{n}") for n in range(4)), "no more goes than must"


def test_upkeep_is_due_once_in_an_interval_whoever_did_it(clock: HandClock) -> None:
    store = small(clock)
    other = aicas.Store(store._backend, config=SMALL, clock=clock, actor="other")
    store.put("plan", "1")
    assert store.maintain_if_due() is None, "a young store needs no upkeep"
    clock.pass_time(hours=24, seconds=1)
    assert store.maintain_if_due() is not None
    assert store.maintain_if_due() is None
    clock.pass_time(hours=23)
    assert other.maintain_if_due() is None
    clock.pass_time(hours=2)
    assert other.maintain_if_due() is not None
    assert store.maintain_if_due() is None
    assert store.maintain().operation.verb == "maintain", "when asked for, it is always done"


def test_without_an_interval_upkeep_is_never_due(clock: HandClock) -> None:
    store = small(clock, SMALL._replace(cleanup_interval_hours=0))
    assert store.maintain_if_due() is None


def test_only_one_does_the_upkeep(clock: HandClock) -> None:
    store = small(clock)
    store.put("plan", "1")
    clock.pass_time(hours=25)
    lease = store._backend.lease("maintain")
    assert not isinstance(lease, (Taken, Left))
    assert store.maintain_if_due() is None
    with pytest.raises(Conflict):
        store.maintain()
    lease.release()
    assert store.maintain_if_due() is not None


def test_clearing_moves_away_all_of_one_project_until_it_is_undone(
    store: aicas.Store, clock: HandClock
) -> None:
    recipe = {"prompt": "p"}
    store.put("plan", "1", recipe=recipe, cost=usd(1))
    store.put("several", "a", sample=1)
    store.put("bad", "failed", validation_status="failed")
    store.at_project("other").put("plan", "other")
    before, refs = contents(store), store.refs()
    plan = store.plan_clear()
    assert plan.refs == (
        "live/default/plan",
        "live/default/several",
        "samples/default/several=1",
        "quarantine/default/bad",
    )
    assert (plan.price.usd_nano, plan.price.unpriced) == (DOLLAR, 2)
    done = store.clear("start over")
    assert (done.verb, {change.ref for change in done.changes}) == ("clear", set(plan.refs))
    assert list(store.refs()) == ["live/other/plan"]
    assert codes(store.lookup("plan", recipe, [])) == ["invalidated"], "no trace serves it"
    with pytest.raises(NotFound):
        store.clear()
    assert contents(store) == before
    store.undo()
    assert store.refs() == refs
    assert store.lookup("plan", recipe, [])


def test_a_collection_says_what_the_snapshots_it_condemns_cost(
    store: aicas.Store, clock: HandClock
) -> None:
    pipeline(store)
    store.put("unpriced", "x")
    store.clear()
    clock.pass_time(hours=1)
    plan = store.plan_gc(grace_hours=0, retention_hours=0)
    assert (plan.price.usd_nano, plan.price.priced, plan.price.unpriced) == (10 * DOLLAR, 4, 1)
    store.gc(plan)
    assert store.plan_gc(grace_hours=0, retention_hours=0).price.priced == 0


class _Interrupt:
    """Interrupts an upkeep at its n-th report."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, what: str, done: int) -> None:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1


def test_an_upkeep_can_be_interrupted_wherever_it_is_and_done_again(
    store: aicas.Store, clock: HandClock
) -> None:
    for round_ in range(4):
        store.put("files", {f"{n}": b"%d %d" % (round_, n) * 50 for n in range(9)})
        store.put("soon", f"{round_}", expires_in_hours=1)
        clock.pass_time(hours=25)
        before = contents(store)
        with pytest.raises(KeyboardInterrupt):
            store.maintain(pace=Pace(told=_Interrupt(at=round_)))
            raise KeyboardInterrupt  # it has told less often
        assert contents(store) == before
        assert store.verify().damage == ()
    done = store.maintain()
    assert done.packed.complete
    assert contents(store) == before
    assert codes(store.lookup("soon")) == ["expired"]


def test_an_upkeep_with_little_time_packs_a_part_and_says_so() -> None:
    steps = [Packing(10, 100), Packing(20, -5), Packing(30, 7)]
    told: list[tuple[str, int]] = []
    pace = Pace(0.0, lambda what, done: told.append((what, done)))
    assert pace.run("packing", steps) == (10, 100, False)
    assert told == [("packing", 10)]
    assert Pace().run("packing", steps) == (60, 102, True)
    assert Pace(0.0).run("packing", []) == (0, 0, True)


def test_what_was_evicted_is_no_damage_once_its_record_is_packed(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "x" * 100)
    clock.pass_time(seconds=0.2)
    store.evict(store.plan_evict(["plan"], grace_hours=0))
    for _ in store.pack():
        pass
    assert store.verify().damage == ()
