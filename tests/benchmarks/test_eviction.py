"""Recorded demand is read as it is, no store exceeds its cap, and nothing beats the bound."""

from __future__ import annotations

import random
import sys
from itertools import combinations
from pathlib import Path

import pytest
from hand_clock import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st

import aicas
from aicas.analytics.prices import PriceTable
from aicas.backends.memory import MemoryBackend

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.bench import Bench
from benchmarks.eviction import run
from benchmarks.eviction.bound import upper_bound
from benchmarks.eviction.policies import OTHERS, Shipped
from benchmarks.eviction.replay import Policy, demand, replay, unlimited
from benchmarks.eviction.table import folder
from benchmarks.eviction.traces import (
    Artifact,
    Step,
    Trace,
    agent_calls,
    conversation,
    project,
    resumed,
)

POLICIES = {"ours": Shipped, **OTHERS}
PRICES = PriceTable({"m": {"input": "0.001", "output": "0.002", "cached": "0.0001"}})


@st.composite
def traces(draw: st.DrawFn, artifacts: int = 5, steps: int = 6) -> Trace:
    made: list[Artifact] = []
    for number in range(draw(st.integers(1, artifacts))):
        above = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        size, cost = draw(st.integers(1, 9)), draw(st.integers(0, 20))
        replaces = draw(st.sampled_from([None, *range(number)]))
        made.append(Artifact(size, cost, tuple(sorted(above)), replaces))
    wanted = st.lists(st.integers(0, len(made) - 1), min_size=1, max_size=3, unique=True)
    called = draw(st.lists(wanted, max_size=steps))
    numbered = tuple(Step(at, tuple(each)) for at, each in enumerate(called))
    return Trace("drawn", tuple(made), numbered, draw(st.booleans()))


class Everything:
    """A policy for the brute force: holds what it began a step with and what the step made."""

    held_bytes = 0

    def __init__(self, held: frozenset[int]) -> None:
        self.held = set(held)

    def __contains__(self, number: int) -> bool:
        return number in self.held

    def use(self, number: int) -> None: ...

    def put(self, number: int) -> None:
        self.held.add(number)

    def drop(self, number: int) -> None:
        self.held.discard(number)


def cheapest(trace: Trace, cap: int) -> int:
    """What is paid at least: after every step, every choice that fits is tried."""
    from benchmarks.eviction.replay import _Replay

    paid = {(frozenset[int](), frozenset[int]()): 0}
    for step in trace.steps:
        after: dict[tuple[frozenset[int], frozenset[int]], int] = {}
        for (held, known), so_far in paid.items():
            policy = Everything(held)
            one = _Replay(trace._replace(steps=(step,)), policy, cap)
            one._known |= known
            spent = so_far + one.run().paid
            for count in range(len(policy.held) + 1):
                for kept in combinations(sorted(policy.held), count):
                    if sum(trace.artifacts[i].bytes for i in kept) <= cap:
                        state = frozenset(kept), frozenset(one._known)
                        after[state] = min(after.get(state, spent), spent)
        paid = after
    return min(paid.values())


@settings(max_examples=40)
@given(traces(), st.integers(1, 30))
def test_no_choice_whatever_saves_more_than_the_bound(trace: Trace, cap: int) -> None:
    best = demand(trace) - cheapest(trace, cap)
    bound = upper_bound(trace, cap)
    assert best <= bound + 1e-6
    assert bound <= unlimited(trace).saved
    for policy in POLICIES.values():
        assert replay(trace, policy(trace, cap), cap).saved <= bound + 1e-6


class Watched:
    """A policy of which every put is looked at."""

    def __init__(self, policy: Policy, trace: Trace, cap: int) -> None:
        self._policy, self._trace, self._cap = policy, trace, cap

    def __getattr__(self, name: str) -> object:
        return getattr(self._policy, name)

    def __contains__(self, number: int) -> bool:
        return number in self._policy

    def put(self, number: int) -> None:
        self._policy.put(number)
        held = [i for i in range(len(self._trace.artifacts)) if i in self._policy]
        assert sum(self._trace.artifacts[i].bytes for i in held) == self._policy.held_bytes
        assert self._policy.held_bytes <= self._cap


@given(traces(artifacts=12, steps=30), st.integers(1, 60))
def test_no_policy_ever_holds_more_than_the_cap(trace: Trace, cap: int) -> None:
    for policy in POLICIES.values():
        watched = Watched(policy(trace, cap), trace, cap)
        assert replay(trace, watched, cap).demand == demand(trace)  # type: ignore[arg-type]


@given(traces(artifacts=12, steps=30))
def test_where_everything_fits_everything_is_paid_once(trace: Trace) -> None:
    for policy in POLICIES.values():
        done = replay(trace, policy(trace, trace.bytes), trace.bytes)
        above = {i for step in made_in(trace) for i in step}
        assert (done.made, done.paid) == (len(above), sum(trace.artifacts[i].cost for i in above))


def made_in(trace: Trace) -> list[set[int]]:
    """What is there after a step that was not before, when nothing is ever dropped."""
    there: set[int] = set()
    steps = []
    for step in trace.steps:
        todo, fresh = list(step.wanted), set[int]()
        while todo:
            number = todo.pop()
            if number not in there | fresh:
                fresh.add(number)
                todo += trace.artifacts[number].inputs
        there |= fresh
        steps.append(fresh)
    return steps


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(0, 10**6))
def test_the_policy_called_ours_is_the_one_that_the_product_evicts_by(
    stages: int, seed: int
) -> None:
    rng = random.Random(seed)
    clock = HandClock()
    store = aicas.Store(MemoryBackend(), clock=clock, actor="test")
    made = []
    for number in range(stages):
        above = sorted(rng.sample(range(number), min(number, rng.randrange(3))))
        content = rng.randbytes(rng.randrange(2_000, 20_000))
        made.append(Artifact(len(content), rng.randrange(1, 10**9), tuple(above)))
        store.put(
            f"stage-{number}",
            content,
            inputs=[f"stage-{i}" for i in above],
            cost=aicas.Cost(usd_nano=made[-1].cost),
            expires_in_hours=0,
        )
        clock.pass_time(hours=1)
    trace = Trace("put", tuple(made), (), alike=False)
    ours = Shipped(trace, trace.bytes)
    for number in range(stages):
        ours.put(number)
    for _ in range(rng.randrange(6)):
        found = rng.randrange(stages)
        assert store.lookup(f"stage-{found}")
        ours.use(found)
    plan = store.plan_evict(to_bytes=0, grace_hours=0)
    assert len(plan.victims) == stages
    for victim in plan.victims:
        number = int(victim.key.removeprefix("stage-"))
        scores = {i: ours._score(i) for i in range(stages) if i in ours}
        # The product counts some bytes more for each, as they are stored.
        assert scores[number] <= min(scores.values()) + 0.05
        ours.drop(number)


def test_a_lost_input_is_made_again_and_orphans_what_was_made_from_it() -> None:
    plan, code, report = Artifact(1, 100), Artifact(1, 10, (0,)), Artifact(1, 1, (1,))
    steps = (Step(0, (0, 1)), Step(1, (2,)), Step(2, (0,)), Step(3, (1,)))
    trace = Trace("three", (plan, code, report), steps, alike=False)
    paid = {alike: _paid_without_plan(trace._replace(alike=alike)) for alike in (True, False)}
    assert paid == {True: 100 + 10 + 1 + 100, False: 100 + 10 + 1 + 100 + 10}


def _paid_without_plan(trace: Trace) -> int:
    class Forgetful(Everything):
        def put(self, number: int) -> None:
            if number:
                self.held.add(number)

    forgetful = Forgetful(frozenset())
    return replay(trace._replace(steps=trace.steps[:3]), forgetful, 9).paid + (
        0 if 1 in forgetful.held else trace.artifacts[1].cost
    )


def test_a_prompt_is_blocks_each_made_from_the_one_before() -> None:
    requests = [
        {"timestamp": 0, "input_length": 600, "output_length": 9, "hash_ids": [7, 8]},
        {"timestamp": 5, "input_length": 1024, "output_length": 9, "hash_ids": [7, 9]},
    ]
    trace = conversation(iter(requests), PRICES)
    assert [artifact.inputs for artifact in trace.artifacts] == [(), (0,), (0,)]
    assert [artifact.bytes // 4 for artifact in trace.artifacts] == [512, 88, 512]
    assert trace.steps == (Step(0, (0, 1)), Step(5_000, (0, 2)))


def test_an_answer_is_made_from_the_one_before_it_and_found_by_its_prompt() -> None:
    def call(session: str, name: str, before: str | None, at: int) -> dict[str, object]:
        return {
            "ts": at, "session": session, "model": "m", "prompt_tokens": 100,
            "completion_tokens": 10, "cache_hit_tokens": 50, "prompt_hash": name,
            "parent_prompt_hash": before,
        }  # fmt: skip

    calls = [call("s", "a", None, 1), call("s", "b", "a", 2), call("t", "a", None, 3)]
    trace = agent_calls(iter(calls), PRICES)
    assert trace.artifacts[0] == Artifact(40, 50_000 + 5_000 + 20_000)
    assert [step.wanted for step in trace.steps] == [(0,), (0, 1), (0,)]


def test_a_stage_reads_the_versions_it_is_recorded_to_have_read() -> None:
    def stage(key: str, version: int, read: dict[str, int]) -> dict[str, object]:
        return {
            "project": "p", "stage_key": key, "version": version, "dep_versions": read,
            "payload": {"files": {"a": key * 400}}, "ended_at": "2025-10-20T21:08:08-04:00",
        }  # fmt: skip

    stages = [stage("plan", 1, {}), stage("plan", 2, {"plan": 1}), stage("code", 1, {"plan": 2})]
    trace = project(iter(stages), PRICES, "p")
    assert [artifact.replaces for artifact in trace.artifacts] == [None, 0, None]
    assert [step.wanted for step in trace.steps] == [(0,), (0, 1), (1, 2)]
    assert [step.wanted for step in resumed(trace).steps] == [(0,), (0, 1), (0, 1, 2)]
    assert project(iter(stages), PRICES, "q").steps == ()


def test_the_recorded_traces_give_a_row_for_each_cap(tmp_path: Path) -> None:
    if not folder().is_dir():
        pytest.skip("the recordings are not here")
    rows = list(run(Bench(tmp_path, scale=0.02)))
    assert len(rows) == 6 * 4 + 1
    assert all(str(row).count(" | ") == 4 for row in rows)
