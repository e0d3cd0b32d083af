"""The figures of the report: all that people read is there, and comes from the books."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hand_clock import HandClock
from hypothesis import given
from hypothesis import strategies as st

import aicas
from aicas import CacheManager, CostOptimizer, InvalidInput
from aicas.backends.memory import MemoryBackend
from aicas.clock import HOUR
from aicas.objects.snapshot import Cost


def in_memory(clock: HandClock, **more: Any) -> aicas.Store:
    return aicas.Store(MemoryBackend(), clock=clock, actor="test", **more)


def fill(store: aicas.Store, clock: HandClock) -> None:
    """Two runs of one stage, one of another; three hits, one miss."""
    cached = Cost(2_000_000_000, 1000, 50, 800, 3_000_000, "m", {"input": 10**9, "cached": 10**8})
    store.put("plan", "12345", cost=cached)
    store.invalidate("plan")
    store.lookup("plan")
    store.put("plan", "123456", cost=Cost(500_000_000, 10, 5, 0, 1_000_000, "m", calls=2))
    store.put("code", {"a.py": b"x" * 94})
    for _ in range(3):
        clock.pass_time(seconds=1)
        assert store.lookup("plan")


async def test_the_numbers_people_read_are_there_by_name(
    store: aicas.Store, clock: HandClock
) -> None:
    fill(store, clock)
    stats = await CacheManager(store).get_cache_analytics()
    assert stats["total_entries"] == 2
    assert stats["total_size_bytes"] == 100
    assert stats["total_size_mb"] == 0.0001
    assert (stats["hit_rate"], stats["miss_rate"]) == (75.0, 25.0)
    assert stats["cost_savings_usd"] == 1.5
    assert stats["cost_savings_usd_nano"] == 1_500_000_000
    assert stats["api_calls_saved"] == 6
    assert (stats["spent_usd"], stats["first_usd"], stats["regenerated_usd"]) == (2.5, 2.0, 0.5)
    assert stats["spent_by_cause_usd"] == {"first": 2.0, "invalidated": 0.5}
    assert stats["provider_savings_usd_nano"] == 800 * 900
    assert (stats["unpriced_runs"], stats["unrecorded_runs"], stats["unpriced_hits"]) == (0, 1, 0)
    assert stats["miss_reasons"] == {"invalidated": 1}
    assert (stats["tokens_saved"], stats["seconds_saved"]) == (45, 3.0)
    assert stats["cost_reduction"] == 37.5
    assert json.loads(json.dumps(stats)) == stats


async def test_costs_read_as_the_examples_of_the_manual_do(
    store: aicas.Store, clock: HandClock
) -> None:
    fill(store, clock)
    cost_analysis = await CostOptimizer(store).analyze_costs(days=30)
    assert f"Cache Hit Rate: {cost_analysis.hit_rate:.1f}%" == "Cache Hit Rate: 75.0%"
    assert f"Total Savings: ${cost_analysis.estimated_savings_usd:.2f}" == "Total Savings: $1.50"
    assert f"API Calls Saved: {cost_analysis.api_calls_saved}" == "API Calls Saved: 6"
    assert cost_analysis.spent_usd == cost_analysis.first_usd + cost_analysis.regenerated_usd
    assert sum(cost_analysis.by_cause.values()) == cost_analysis.spent_usd
    assert list(cost_analysis.by_cause) == ["first", "invalidated"]
    assert cost_analysis.api_calls == 3
    with pytest.raises(AttributeError):
        cost_analysis.since = 0  # type: ignore[misc]


async def test_nothing_happened_is_no_error_and_no_division() -> None:
    store = in_memory(HandClock())
    stats = await CacheManager(store).get_cache_analytics()
    assert {stats[n] for n in ("hit_rate", "miss_rate", "cost_reduction", "total_entries")} == {0}
    found = await CostOptimizer(store).analyze_costs()
    assert (found.hit_rate, found.miss_rate, found.by_cause) == (0.0, 0.0, {})
    assert await CostOptimizer(store).get_optimization_recommendations() == []


async def test_every_day_is_there_even_a_quiet_one(clock: HandClock) -> None:
    store = in_memory(clock)
    store.put("plan", "p", cost=Cost(7))
    clock.pass_time(hours=48)
    store.lookup("plan")
    days = await CostOptimizer(store).track_cost_trends(days=4)
    assert [day.date for day in days] == ["2027-01-14", "2027-01-15", "2027-01-16", "2027-01-17"]
    assert [day.totals.spent_nano for day in days] == [0, 7, 0, 0]
    assert [day.totals.saved_by_reuse_nano for day in days] == [0, 0, 0, 7]
    assert [day.cost_reduction for day in days] == [0, 0, 0, 100]
    assert [day.hit_rate for day in days] == [0, 0, 0, 100]


@pytest.mark.parametrize("days", [0, -1, 36_501])
async def test_an_impossible_number_of_days_is_refused(days: int) -> None:
    optimizer = CostOptimizer(in_memory(HandClock()))
    calls: list[Callable[[int], Any]] = [
        optimizer.analyze_costs,
        optimizer.track_cost_trends,
        optimizer.get_optimization_recommendations,
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match="days"):
            await call(days)


async def test_only_the_project_of_the_store_counts(clock: HandClock) -> None:
    store = in_memory(clock)
    for project, nano in (("one", 1), ("two", 2)):
        store.at_project(project).put("plan", "p", cost=Cost(nano))
    found = await CostOptimizer(store.at_project("two")).analyze_costs()
    assert found.totals.spent_nano == 2


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "lookup", "invalidate"]),
        st.integers(0, 60),
        st.none() | st.integers(0, 10**12),
    ),
    max_size=20,
)


@given(EVENTS, st.integers(1, 10))
def test_the_days_add_up_to_the_period(events: list[tuple[str, int, int | None]], n: int) -> None:
    clock = HandClock(1_800_000_000_000_000 + 7 * HOUR)
    store = in_memory(clock)
    for name, hours, nano in events:
        clock.pass_time(hours=hours)
        if name == "put":
            store.put("plan", "p", cost=Cost(nano))
        elif name == "lookup":
            store.lookup("plan")
        elif store.lookup("plan"):
            store.invalidate("plan")
    optimizer = CostOptimizer(store)
    whole = asyncio.run(optimizer.analyze_costs(n)).totals
    days = [day.totals for day in asyncio.run(optimizer.track_cost_trends(n))]
    assert len(days) == n
    for name in ("spent_nano", "first_nano", "saved_by_reuse_nano", "hits", "misses", "runs"):
        assert getattr(whole, name) == sum(getattr(day, name) for day in days), name
