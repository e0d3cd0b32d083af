"""Thousands of recorded, priced LLM calls go through the ledger, and not a nano-dollar is lost."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hand_clock import HandClock
from recordings import SAMPLES, WHOLE, recording

import aicas
from aicas import Cost, CostOptimizer, PriceTable
from aicas.backends.memory import MemoryBackend

NANO = 10**9
CHEAPER = 252
"""Nano-USD that a token read from the provider's cache costs less."""
# What the provider charged then; the recorded costs bear it out, call by call.
LISTED = {"input": "0.00028", "output": "0.00042", "cached": "0.000028"}
PRICES = PriceTable({"deepseek-chat": LISTED, "deepseek-reasoner": LISTED})

Call = dict[str, Any]


@pytest.fixture(
    scope="module",
    params=[
        SAMPLES / "agent_calls_sample.jsonl.zst",
        WHOLE / "trace_agent_calls.jsonl.zst",
    ],
    ids=["sample", "whole"],
)
def calls(request: pytest.FixtureRequest) -> list[Call]:
    return recording(request.param)


def in_memory() -> tuple[aicas.Store, HandClock]:
    clock = HandClock()
    return aicas.Store(MemoryBackend(), clock=clock, actor="test"), clock


def recipe_of(call: Call) -> dict[str, Any]:
    return {"model": call["model"], "prompt_hash": call["prompt_hash"]}


def key_of(call: Call) -> str:
    return f"answer-{call['prompt_hash']}"


def nano(call: Call) -> int:
    """The recorded cost; the source sums floats, whose digits after the ninth are noise."""
    return int((call["cost_usd"] * NANO).to_integral_value())


def pay(store: aicas.Store, clock: HandClock, call: Call) -> None:
    clock.now = int(call["ts"] * 10**6)
    store.put(
        key_of(call),
        {"call": call["call"], "finish_reason": call["finish_reason"]},
        recipe=recipe_of(call),
        session=call["session"],
        expires_in_hours=0,
        cost=Cost(
            nano(call),
            call["prompt_tokens"],
            call["completion_tokens"],
            call["cache_hit_tokens"],
            model=call["model"],
            unit_prices=PRICES.models[call["model"]]._asdict(),
        ),
    )


def test_every_recorded_cost_is_what_its_tokens_come_to(calls: list[Call]) -> None:
    for call in calls:
        priced = PRICES.price(
            call["model"],
            call["prompt_tokens"],
            call["completion_tokens"],
            call["cache_hit_tokens"],
        )
        assert priced.usd_nano == nano(call)


def replayed(calls: list[Call]) -> aicas.Store:
    store, clock = in_memory()
    for call in calls:
        pay(store, clock, call)
    return store


def test_spent_is_the_sum_of_the_recorded_costs_to_the_nano_dollar(calls: list[Call]) -> None:
    store = replayed(calls)
    found = store.books(by="session")
    total = found.total
    assert total.spent_nano == sum(map(nano, calls))
    assert abs(total.spent_nano - sum((c["cost_usd"] for c in calls), Decimal()) * NANO) < 1
    assert total.spent_nano == total.first_nano + sum(total.regenerated.values())
    firsts = {call["prompt_hash"]: call for call in reversed(calls)}
    assert total.first_nano == sum(map(nano, firsts.values()))
    assert (total.runs, total.calls, total.unpriced) == (len(calls), len(calls), 0)
    recorded: Counter[str] = Counter()
    for call in calls:
        recorded[call["session"]] += nano(call)
    assert {name: sums.spent_nano for name, sums in found.groups.items()} == recorded
    assert store.verify().damage == ()


def test_what_the_provider_cached_is_shown_apart(calls: list[Call]) -> None:
    total = replayed(calls).books().total
    cached = sum(call["cache_hit_tokens"] for call in calls)
    assert cached > 0
    assert total.cached_tokens == cached
    assert total.saved_by_provider_nano == cached * CHEAPER
    assert total.saved_by_reuse_nano == 0
    assert total.spent_nano == sum(map(nano, calls))


def test_with_the_cache_in_front_what_was_spent_and_what_hit_is_the_whole_sum(
    calls: list[Call],
) -> None:
    store, clock = in_memory()
    paid: dict[tuple[str, str], int] = {}
    hits, saved, avoided = 0, 0, 0
    for call in calls:
        clock.now = int(call["ts"] * 10**6)
        same = (call["prompt_hash"], call["model"])
        found = store.lookup(key_of(call), recipe_of(call), (), session=call["session"])
        assert bool(found) == (same in paid)
        if found:
            hits, saved, avoided = hits + 1, saved + paid[same], avoided + nano(call)
        else:
            pay(store, clock, call)
            paid[same] = nano(call)
    total = store.books().total
    assert hits > 0
    assert (total.hits, total.misses) == (hits, len(calls) - hits)
    assert total.saved_by_reuse_nano == saved
    assert total.saved_calls == hits
    assert total.spent_nano + avoided == sum(map(nano, calls))
    assert store.verify().damage == ()


async def test_paying_again_for_the_same_prompt_is_what_is_recommended_against(
    calls: list[Call],
) -> None:
    optimizer = CostOptimizer(replayed(calls))
    repeated = (await optimizer.analyze_costs(days=30)).totals.by_cause["repeated"]
    found = {a["strategy"]: a for a in await optimizer.get_optimization_recommendations()}
    assert repeated > 0
    assert found["aggressive_caching"]["potential_savings_usd_nano"] == repeated
    days = await optimizer.track_cost_trends(days=30)
    assert len(days) == 30
    assert sum(day.totals.spent_nano for day in days) == sum(map(nano, calls))


def test_a_store_on_disk_keeps_the_same_books(local_store: aicas.Store, clock: HandClock) -> None:
    calls = recording(SAMPLES / "agent_calls_sample.jsonl.zst")
    for call in calls:
        pay(local_store, clock, call)
    found = local_store.books(by="cause").total
    assert found.spent_nano == sum(map(nano, calls))
    assert found == replayed(calls).books().total
