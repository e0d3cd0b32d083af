"""Versions that rules keep stay through collections and evictions, and others do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hand_clock import HandClock
from hypothesis import given
from hypothesis import strategies as st
from retention_world import contents, unpressed

import aicas
from aicas.backends.memory import MemoryBackend
from aicas.clock import DAY
from aicas.config import Config
from aicas.ids import SnapshotId

Rules = Mapping[str, Mapping[str, Any]]


def with_rules(store: aicas.Store, rules: Rules, **settings: Any) -> aicas.Store:
    """The same store, opened with rules."""
    config = Config(retention=rules, **settings)
    return aicas.Store(store._backend, config=config, clock=store._clock, actor="test")


def put_versions(store: aicas.Store, clock: HandClock, key: str, count: int) -> list[SnapshotId]:
    """So many versions, a day apart; the newest first."""
    made = []
    for number in range(count):
        clock.pass_time(hours=24)
        made.append(store.put(key, f"{key} {number} " + unpressed(300, f"{key}{number}")).id)
    return made[::-1]


def kept(store: aicas.Store) -> dict[str, list[SnapshotId]]:
    return {
        judged.ref: [version.snapshot for version in judged.versions if version.kept_by]
        for judged in store.retention()
    }


def test_a_rule_is_for_the_keys_that_fit_its_pattern(store: aicas.Store, clock: HandClock) -> None:
    phase = put_versions(store, clock, "phase-1", 4)
    plan = put_versions(store, clock, "plan", 4)
    other = put_versions(store.at_project("shop"), clock, "plan", 4)
    assert store.retention() == []
    ruled = with_rules(store, {"phase-*": {"keep_last": 2}, "shop/*": {"keep_within": "2d"}})
    assert kept(ruled) == {"live/default/phase-1": phase[:2], "live/shop/plan": other[:3]}
    ruled = with_rules(store, {"plan": {"keep_last": 1, "keep_within": "1d"}})
    assert kept(ruled) == {"live/default/plan": plan[:2], "live/shop/plan": other[:2]}
    assert [v.kept_by for v in ruled.retention()[0].versions] == [
        ("plan: keep_last = 1", "plan: keep_within = 1d"), ("plan: keep_within = 1d",), (), ()
    ]  # fmt: skip


def test_a_span_counts_back_from_the_newest_version_however_long_ago(
    store: aicas.Store, clock: HandClock
) -> None:
    made = put_versions(store, clock, "plan", 4)
    clock.pass_time(hours=24 * 1000)
    store.invalidate("plan")
    ruled = with_rules(store, {"*": {"keep_within": "1d"}})
    assert kept(ruled) == {"live/default/plan": made[:2]}


def test_a_version_that_was_current_twice_is_one_version(
    store: aicas.Store, clock: HandClock
) -> None:
    first, second = put_versions(store, clock, "plan", 2)[::-1]
    store.undo()
    (judged,) = with_rules(store, {"*": {"keep_last": 1}}).retention()
    assert [(v.snapshot, bool(v.kept_by)) for v in judged.versions] == [
        (first, True), (second, False)
    ]  # fmt: skip


def test_a_collection_leaves_what_a_rule_keeps_and_all_it_was_made_from(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("features", "what was asked for")
    for number in range(3):
        clock.pass_time(hours=24)
        store.put("plan", f"plan {number}", inputs=["features"])
        store.put("spare", f"spare {number}")
        store.invalidate("plan")
        store.invalidate("spare")
    store.invalidate("features")
    clock.pass_time(hours=24 * 365)
    ruled = with_rules(store, {"plan": {"keep_last": 1}})
    ruled.gc(ruled.plan_gc(grace_hours=0, retention_hours=0))
    # A version's parent is part of its past, so the versions before the kept one stay too.
    held = {payload for payload in contents(store).values() if payload is not None}
    assert held == {"what was asked for", "plan 0", "plan 1", "plan 2"}
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert contents(store) == {}


def test_an_eviction_takes_the_history_that_no_rule_keeps(
    store: aicas.Store, clock: HandClock
) -> None:
    made = put_versions(store, clock, "plan", 4)
    free = put_versions(store, clock, "spare", 2)
    clock.pass_time(hours=48)
    ruled = with_rules(store, {"plan": {"keep_last": 2}})
    plan = ruled.plan_evict(to_bytes=0)
    assert {run.id for victim in plan.victims for run in victim.runs} == {*made[2:], *free}
    assert {spared.reason for spared in plan.spared} == {"kept by plan: keep_last = 2"}
    assert plan.short_by_bytes
    asked = ruled.plan_evict(["plan", "plan@{3}"])
    assert [run.id for victim in asked.victims for run in victim.runs] == [made[3]]
    assert [spared.reason for spared in asked.spared] == ["kept by plan: keep_last = 2"]
    ruled.evict(plan)
    assert {v.snapshot for j in ruled.retention() for v in j.versions if v.kept_by} == {*made[:2]}
    for snapshot in made[:2]:
        store.payload(store.snapshot(snapshot))


@given(
    ages=st.lists(st.integers(0, 10), min_size=1, max_size=8).map(sorted),
    last=st.none() | st.integers(1, 9),
    within=st.none() | st.integers(1, 12),
)
def test_the_newest_so_many_and_the_youngest_are_kept_and_no_other(
    ages: list[int], last: int | None, within: int | None
) -> None:
    clock = HandClock()
    start = clock.now
    store = aicas.Store(MemoryBackend(), clock=clock, actor="test")
    for number, age in enumerate(reversed(ages)):
        clock.now = start + (10 - age) * DAY
        store.put("plan", str(number))
    rule: dict[str, Any] = {}
    if last is not None:
        rule["keep_last"] = last
    if within is not None:
        rule["keep_within"] = f"{within}d"
    if not rule:
        return
    (judged,) = with_rules(store, {"p*": rule}).retention()
    for number, version in enumerate(judged.versions):
        by_number = last is not None and number < last
        by_age = within is not None and ages[number] - ages[0] <= within
        assert bool(version.kept_by) == (by_number or by_age)


@pytest.mark.parametrize("rules", [{}, {"nothing": {"keep_last": 1}}])
def test_without_a_rule_that_fits_nothing_is_kept(
    store: aicas.Store, clock: HandClock, rules: Rules
) -> None:
    put_versions(store, clock, "plan", 2)
    clock.pass_time(hours=48)
    assert len(with_rules(store, rules).plan_evict(to_bytes=0).victims) == 2
