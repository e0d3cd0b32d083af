"""Which payloads an eviction plan names, in which order, and which it never names."""

from __future__ import annotations

import pytest
from hand_clock import HandClock
from retention_world import DOLLAR, held_bytes, pipeline, unpressed, usd

import aicas
from aicas.backends.base import Left, Taken
from aicas.config import Config
from aicas.errors import InvalidInput, NotFound
from aicas.history.publish import Account
from aicas.names import RefName
from aicas.retention.eviction import EvictionPlan


def names(plan: EvictionPlan) -> list[str]:
    return [victim.key for victim in plan.victims]


def everything(store: aicas.Store) -> EvictionPlan:
    return store.plan_evict(to_bytes=0, grace_hours=0)


def put(store: aicas.Store, key: str, *, size: int = 1000, **more: object) -> aicas.Snapshot:
    return store.put(key, unpressed(size, key), **more)  # type: ignore[arg-type]


def test_what_costs_least_for_its_size_goes_first(store: aicas.Store, clock: HandClock) -> None:
    put(store, "dear", cost=usd(9))
    put(store, "cheap", cost=usd(1))
    put(store, "large", size=40_000, cost=usd(9))
    clock.pass_time(hours=1)
    plan = everything(store)
    assert names(plan) == ["large", "cheap", "dear"]
    scores = [victim.score for victim in plan.victims]
    assert scores == sorted(scores, key=lambda score: score or 0)
    assert plan.price.usd_nano == 19 * DOLLAR
    assert (plan.price.priced, plan.price.latency_us) == (3, 3_000_000)


def test_it_stops_as_soon_as_it_is_small_enough(store: aicas.Store, clock: HandClock) -> None:
    pipeline(store)
    clock.pass_time(hours=1)
    held = held_bytes(store)
    plan = store.plan_evict(to_bytes=held - 1, grace_hours=0)
    assert (len(plan.victims), plan.short_by_bytes, plan.spared) == (1, 0, ())
    assert (plan.held_bytes, plan.kept_bytes) == (held, held - plan.freed_bytes)
    assert store.plan_evict(to_bytes=held, grace_hours=0).victims == ()
    assert store.plan_evict().victims == (), "the setting is 10 GB"


def test_the_setting_is_the_usual_size(clock: HandClock) -> None:
    from aicas.backends.memory import MemoryBackend

    limit = Config(max_cache_size_gb=0.000_003, gc_grace_hours=0)
    store = aicas.Store(MemoryBackend(), config=limit, clock=clock, actor="test")
    pipeline(store, size=2000)
    clock.pass_time(hours=1)
    plan = store.plan_evict()
    assert plan.victims
    assert plan.kept_bytes <= 3_000 or plan.short_by_bytes


def test_what_others_were_made_from_is_worth_as_much_again_at_most(
    store: aicas.Store, clock: HandClock
) -> None:
    for key, price, inputs in (
        ("first", 3, []),
        ("second", 5, ["first"]),
        ("third", 4, ["second"]),
    ):
        put(store, key, cost=usd(price), inputs=inputs)
    clock.pass_time(hours=1)
    victims = everything(store).victims
    worth = [(victim.key, victim.worth_nano // DOLLAR) for victim in victims]
    # What goes does not count any more for what it was made from: alone, the second counts 5.
    assert worth == [("third", 4), ("second", 5), ("first", 3)]
    for key, expected in (("first", 6), ("second", 9), ("third", 4)):
        (victim,) = store.plan_evict([key], grace_hours=0).victims
        assert victim.worth_nano == expected * DOLLAR


def test_a_descendant_counts_once_and_over_one_that_is_gone_itself(
    store: aicas.Store, clock: HandClock
) -> None:
    put(store, "plan", cost=usd(1000))
    put(store, "left", inputs=["plan"], cost=usd(10))
    put(store, "right", inputs=["plan"], cost=usd(20))
    put(store, "join", inputs=["left", "right"], cost=usd(100))
    clock.pass_time(hours=1)

    def worth() -> int:
        return store.plan_evict(["plan"], grace_hours=0).victims[0].worth_nano // DOLLAR

    assert worth() == 1130
    for gone in ("left", "right"):
        store.evict(store.plan_evict([gone], grace_hours=0))
    assert worth() == 1100, "what is gone already cannot be lost, what was made from it can"


def test_a_store_ages_by_what_is_stored_in_it_not_by_the_clock(
    store: aicas.Store, clock: HandClock
) -> None:
    for key in ("old", "found", "dear"):
        put(store, key, cost=usd(100 if key == "dear" else 1), expires_in_hours=0)
        clock.pass_time(hours=1)
    scores = {victim.key: victim.score for victim in everything(store).victims}
    clock.pass_time(hours=24 * 365)
    assert {victim.key: victim.score for victim in everything(store).victims} == scores
    assert store.lookup("found")
    for number in range(3):
        clock.pass_time(hours=1)
        put(store, f"new-{number}", cost=usd(1))
    assert names(everything(store))[0] == "old"
    assert {"found", "dear"}.isdisjoint(names(everything(store))[:2])


def test_history_goes_before_what_a_ref_points_at(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", unpressed(100, "old"), cost=usd(900))
    store.put("plan", unpressed(100, "new"), cost=usd(1))
    store.put("bad", unpressed(100, "bad"), cost=usd(800), validation_status="failed")
    clock.pass_time(hours=1)
    plan = everything(store)
    assert [victim.reason for victim in plan.victims] == [
        "in quarantine",
        "no ref points at it",
        "least worth for its size",
    ]


def test_what_was_found_often_or_lately_stays_longer(store: aicas.Store, clock: HandClock) -> None:
    for key in ("idle", "busy", "early"):
        put(store, key, cost=usd(1), expires_in_hours=0)
    for _ in range(3):
        assert store.lookup("busy")
        assert store.lookup("early")
    clock.pass_time(hours=24 * 7)
    assert store.lookup("busy")
    plan = everything(store)
    assert names(plan) == ["idle", "early", "busy"]
    assert [victim.hits for victim in plan.victims] == [0, 3, 4]


def test_a_run_without_a_price_counts_as_the_median_and_apart(
    store: aicas.Store, clock: HandClock
) -> None:
    for key, price in (("a", 1), ("b", 5), ("c", 100)):
        put(store, key, cost=usd(price))
    put(store, "unpriced")
    clock.pass_time(hours=1)
    plan = everything(store)
    worth = {victim.key: victim.worth_nano // DOLLAR for victim in plan.victims}
    assert worth == {"a": 1, "b": 5, "c": 100, "unpriced": 5}
    assert (plan.price.usd_nano, plan.price.unpriced) == (106 * DOLLAR, 1)


def test_without_any_price_size_decides(store: aicas.Store, clock: HandClock) -> None:
    for key, size in (("small", 100), ("large", 10_000), ("middle", 1000)):
        put(store, key, size=size)
    clock.pass_time(hours=1)
    assert names(everything(store)) == ["large", "middle", "small"]


def test_what_is_shared_frees_nothing_before_the_last_one_goes(
    store: aicas.Store, clock: HandClock
) -> None:
    common = unpressed(20_000, "common").encode()
    store.put("part", common, cost=usd(1))
    for number in range(2):
        store.put(f"tree-{number}", {"common": common, "own": b"%d" % number}, cost=usd(1))
    clock.pass_time(hours=1)
    plan = store.plan_evict(["part"], grace_hours=0)
    assert plan.victims == ()
    assert [spared.reason for spared in plan.spared] == ["it is part of what others hold"]
    all_of_them = store.plan_evict(["part", "tree-0", "tree-1"], grace_hours=0)
    assert names(all_of_them) == ["tree-0", "tree-1", "part"]
    freed = [victim.freed_bytes for victim in all_of_them.victims]
    assert freed[0] < 1000
    assert freed[1] < 1000
    assert freed[2] > 9_000
    assert names(everything(store))[-1] == "part"


def test_one_payload_of_several_refs_goes_from_all_of_them(
    store: aicas.Store, clock: HandClock
) -> None:
    put(store, "plan", cost=usd(1))
    store.fork("default", "copy")
    clock.pass_time(hours=1)
    (victim,) = store.plan_evict(["plan"], grace_hours=0).victims
    assert victim.refs == ("live/copy/plan", "live/default/plan")


def test_nothing_pinned_leased_or_young_goes(store: aicas.Store, clock: HandClock) -> None:
    pinned, leased, child = (put(store, key, cost=usd(1)) for key in ("pinned", "leased", "input"))
    pin = store._publisher.change(RefName("pins/default/kept"), None, pinned.id)
    store._publisher.move([pin], Account("pin"))
    leases = [
        store._backend.lease("by-snapshot", needs=[leased.id]),
        store._backend.lease("by-payload", needs=[child.payload.id]),
    ]
    clock.pass_time(hours=25)
    put(store, "young", cost=usd(1))
    assert store.plan_evict(to_bytes=0).victims == ()
    plan = store.plan_evict(["pinned", "leased", "input", "young"])
    assert {spared.key: spared.reason for spared in plan.spared} == {
        "pinned": "pinned",
        "leased": "someone works from it",
        "input": "someone works from it",
        "young": "too young to judge",
    }
    assert plan.short_by_bytes == 0
    short = store.plan_evict(to_bytes=100)
    assert short.short_by_bytes == short.kept_bytes - 100
    assert len(short.spared) == 4
    for lease in leases:
        assert not isinstance(lease, (Taken, Left))
        lease.release()
    assert sorted(names(store.plan_evict(to_bytes=0))) == ["input", "leased"]


def test_what_is_asked_for_and_cannot_be_is_refused(store: aicas.Store) -> None:
    put(store, "plan")
    with pytest.raises(NotFound):
        store.plan_evict(["nothing"])
    for arguments in ({"keys": ["plan"], "to_bytes": 1}, {"to_bytes": -1}, {"grace_hours": -1}):
        with pytest.raises(InvalidInput):
            store.plan_evict(**arguments)


def test_the_same_store_gives_the_same_plan(store: aicas.Store, clock: HandClock) -> None:
    pipeline(store)
    pipeline(store.at_project("other"))
    clock.pass_time(hours=1)
    assert everything(store) == everything(store)
