"""Every recommendation has a cause in the recorded history, and none is made without it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hand_clock import HandClock
from hypothesis import given
from hypothesis import strategies as st

import aicas
from aicas import Cost, CostOptimizer
from aicas.analytics.prompts import common_start, differ_in_passing
from aicas.backends.memory import MemoryBackend
from aicas.config import Config

DOLLAR = 10**9


@dataclass
class World:
    """A store whose clock goes on with every run; what happens in it can be told apart by name."""

    clock: HandClock = field(default_factory=HandClock)
    name: str = "a"

    def __post_init__(self) -> None:
        config = Config(auto_maintain=False)  # it would expire things at moments of its own
        self.store = aicas.Store(MemoryBackend(), config=config, clock=self.clock, actor="test")

    def key(self, stage: str) -> str:
        return f"{self.name}-{stage}"

    def put(
        self,
        stage: str,
        payload: Any = "p",
        usd: int = 1,
        inputs: Sequence[str] = (),
        **more: Any,
    ) -> None:
        self.clock.pass_time(seconds=1)
        cost = more.pop("cost", Cost(usd * DOLLAR, 10, 5))
        self.store.put(
            self.key(stage), payload, cost=cost, inputs=list(map(self.key, inputs)), **more
        )

    def invalidate(self, stage: str) -> None:
        self.store.invalidate(self.key(stage), only=True)

    def evict(self, stage: str) -> None:
        self.clock.pass_time(seconds=1)
        self.store.evict(self.store.plan_evict([self.key(stage)], grace_hours=0))

    def advice(self) -> dict[str, dict[str, Any]]:
        optimizer = CostOptimizer(self.store)
        return {
            entry["strategy"]: entry
            for entry in asyncio.run(optimizer.get_optimization_recommendations())
        }


def a_usual_history(there: World) -> None:
    """Runs that had to be: first times, other work, and hits."""
    there.put("plan", {"phases": ["a", "b"]}, recipe={"prompt": "Make a plan"})
    there.put("code", "one", inputs=["plan"])
    there.put("plan", {"phases": ["a", "c"]}, recipe={"prompt": "Make another plan"})
    there.put("test", "two", inputs=["plan#/phases/1"], recipe={"model": "m"})
    there.put("plan", {"phases": ["a", "d"]}, recipe={"prompt": "Make another plan", "v": 2})
    there.put("test", "three", inputs=["plan#/phases/1"], recipe={"model": "m"})
    there.store.lookup(there.key("plan"))
    there.store.lookup(there.key("nothing"))
    there.invalidate("test")
    there.put("test", "four", inputs=["plan#/phases/1"], recipe={"model": "m"})


def runs_without_asking(there: World) -> None:
    there.put("plan")
    for _ in range(13):
        there.store.lookup(there.key("plan"))
    for _ in range(7):
        there.store.lookup(there.key("other"))
    for n in range(3):
        there.put("plan", f"{n}", usd=2)


def runs_after_expiry(there: World) -> None:
    there.put("plan", expires_in_hours=1)
    there.clock.pass_time(hours=70.5)
    there.put("plan", "other", usd=6, expires_in_hours=1)


def runs_after_eviction(there: World) -> None:
    there.put("plan")
    there.evict("plan")
    there.put("plan", "other", usd=6)


def runs_after_needless_invalidation(there: World) -> None:
    there.put("plan")
    there.invalidate("plan")
    there.put("plan", usd=6)


def runs_for_the_time_of_day(there: World) -> None:
    for n, usd in enumerate((1, 2, 4)):
        prompt = f"It is 2026-11-2{n}T10:0{n}Z, run 4f0c{n}a2b.  Make a plan"
        there.put("plan", f"{n}", usd=usd, recipe={"prompt": prompt})


def runs_for_wordings_that_did_not_last(there: World) -> None:
    for usd, prompt in ((1, "Make a plan"), (6, "Make a good plan"), (9, "Plan it in parts")):
        there.put("plan", prompt, usd=usd, recipe={"prompt": prompt})


def runs_for_a_part_nobody_read(there: World) -> None:
    phases = [{"id": n, "goal": f"goal {n}"} for n in range(4)]
    there.put("plan", {"phases": phases})
    there.put("code", "one", inputs=["plan"], usd=8)
    phases[3]["goal"] = "another"
    there.put("plan", {"phases": phases}, recipe={"v": 2})
    there.put("code", "two", inputs=["plan"], usd=8)


def runs_for_one_file_of_many(there: World) -> None:
    files = {f"src/{n}.py": b"%d" % n for n in range(4)}
    there.put("plan", files)
    there.put("code", "one", inputs=["plan"], usd=8)
    there.put("plan", files | {"src/0.py": b"new"}, recipe={"v": 2})
    there.put("code", "two", inputs=["plan"], usd=8)


def runs_that_send_the_same_again(there: World, cached: int = 0) -> None:
    prices = {"input": 3 * DOLLAR, "output": 15 * DOLLAR, "cached": DOLLAR}
    for n in range(3):
        there.clock.pass_time(seconds=30)
        cost = Cost(7, 9_000, 10, cached if n else 0, 0, "m", prices)
        recipe = {"prompt": "The house style. " * 1000 + f"Stage {'ab c'[n]}"}
        there.put(f"stage-{n}", f"{n}", cost=cost, recipe=recipe)


def runs_after_a_failed_validation(there: World) -> None:
    there.put("plan", "bad", validation_status="failed")
    there.put("plan", "good", usd=6)


def runs_of_which_nothing_came(there: World) -> None:
    there.store.spend(there.key("plan"), Cost(6 * DOLLAR), reason="the answer was cut off")


def runs_of_a_model_without_a_price(there: World) -> None:
    there.put("plan", "p", cost=Cost(None, 10, 5, model="new-model"))


CAUSES: dict[str, tuple[Callable[[World], None], int, int]] = {
    "aggressive_caching": (runs_without_asking, 3, 6 * DOLLAR),
    "longer_expiry": (runs_after_expiry, 1, 6 * DOLLAR),
    "larger_cache": (runs_after_eviction, 1, 6 * DOLLAR),
    "invalidate_less": (runs_after_needless_invalidation, 1, 6 * DOLLAR),
    "stabilise_prompts": (runs_for_the_time_of_day, 2, 6 * DOLLAR),
    "narrower_inputs": (runs_for_a_part_nobody_read, 1, 7 * DOLLAR),
    "provider_prompt_cache": (runs_that_send_the_same_again, 2, 2 * 4251 * 2000),
    "fix_validation": (runs_after_a_failed_validation, 1, 6 * DOLLAR),
    "fix_failures": (runs_of_which_nothing_came, 1, 6 * DOLLAR),
    "price_unknown_models": (runs_of_a_model_without_a_price, 1, 0),
}


@pytest.mark.parametrize("strategy", CAUSES)
def test_a_cause_in_the_history_is_recommended_against_and_nothing_else_is(strategy: str) -> None:
    history, runs, nano = CAUSES[strategy]
    there = World()
    history(there)
    found = there.advice()
    assert list(found) == [strategy]
    assert found[strategy]["runs"] == runs
    assert found[strategy]["potential_savings_usd_nano"] == nano
    assert found[strategy]["confidence"] == round(runs / (runs + 3), 2)


def test_the_manual_names_every_recommendation_with_its_effort() -> None:
    page = (Path(__file__).parents[2] / "docs" / "costs.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (low|medium|high) \|$", page, re.MULTILINE)
    efforts = {}
    for strategy, (history, _, _) in CAUSES.items():
        there = World()
        history(there)
        efforts[strategy] = there.advice()[strategy]["implementation_effort"]
    assert dict(rows) == efforts


def test_a_usual_history_gives_no_cause() -> None:
    there = World()
    a_usual_history(there)
    assert there.advice() == {}


def test_many_causes_are_each_found_with_their_own_money() -> None:
    there = World()
    for name, (history, _, _) in CAUSES.items():
        there.name = name
        history(there)
        there.name = f"usual-{name}"
        a_usual_history(there)
    found = there.advice()
    assert {name: (a["runs"], a["potential_savings_usd_nano"]) for name, a in found.items()} == {
        name: (runs, nano) for name, (_, runs, nano) in CAUSES.items()
    }
    savings = [entry["potential_savings_usd_nano"] for entry in found.values()]
    assert savings == sorted(savings, reverse=True)


def test_a_recommendation_has_the_documented_fields() -> None:
    there = World()
    runs_without_asking(there)
    assert there.advice()["aggressive_caching"] == {
        "strategy": "aggressive_caching",
        "description": "Increase cache hit rate from 65% to 70%: 3 runs were made although a valid"
        " version was stored, most of all a-plan; let get_or_create look first",
        "potential_savings_usd": 6.0,
        "potential_savings_usd_nano": 6 * DOLLAR,
        "implementation_effort": "medium",
        "confidence": 0.5,
        "runs": 3,
        "unpriced_runs": 0,
    }


def test_how_long_artifacts_would_have_to_live_is_said() -> None:
    there = World()
    runs_after_expiry(there)
    assert "live 71 hours or longer" in there.advice()["longer_expiry"]["description"]


def other_work_after_expiry(there: World) -> None:
    there.put("plan", expires_in_hours=1)
    there.clock.pass_time(hours=2)
    there.put("plan", "other", recipe={"v": 2})


def other_work_after_eviction(there: World) -> None:
    there.put("plan")
    there.evict("plan")
    there.put("plan", "other", recipe={"v": 2})


def another_output_after_an_invalidation(there: World) -> None:
    there.put("plan", "one")
    there.invalidate("plan")
    there.put("plan", "two")


def one_new_wording(there: World) -> None:
    there.put("plan", "one", recipe={"prompt": "Make a plan"})
    there.put("plan", "two", recipe={"prompt": "Make a good plan"})


def a_new_wording_for_a_new_model(there: World) -> None:
    for n in range(3):
        there.put("plan", f"{n}", recipe={"prompt": f"At {n}", "model": f"m{n}"})


def an_input_of_text(there: World) -> None:
    for text in ("one\ntwo\n", "one\nthree\n"):
        there.put("plan", text, recipe={"text": text})
        there.put("code", f"for {text}", inputs=["plan"])


def an_input_that_changed_all_over(there: World) -> None:
    for n in range(2):
        there.put("plan", {"a": n, "b": n}, recipe={"v": n})
        there.put("code", f"{n}", inputs=["plan"])


def an_input_that_is_new(there: World) -> None:
    there.put("plan", {"a": 1, "b": 2})
    there.put("spec", {"a": 1, "b": 2})
    there.put("code", "one", inputs=["plan"])
    there.put("code", "two", inputs=["plan", "spec"])


def prompts_that_the_provider_cached(there: World) -> None:
    runs_that_send_the_same_again(there, cached=4_000)


def prompts_too_far_apart(there: World) -> None:
    for _ in range(3):
        there.clock.pass_time(hours=2)
        prices = {"input": 3 * DOLLAR, "output": 15 * DOLLAR, "cached": DOLLAR}
        cost = Cost(7, 9_000, 10, 0, 0, "m", prices)
        there.put(f"at-{there.clock.now}", cost=cost, recipe={"prompt": "x" * 9_000})


def an_imported_history(there: World) -> None:
    for text in ("one", "two", "three"):
        there.put("plan", text, cost=None)


@pytest.mark.parametrize(
    "history",
    [
        a_usual_history,
        an_imported_history,
        other_work_after_expiry,
        other_work_after_eviction,
        another_output_after_an_invalidation,
        one_new_wording,
        a_new_wording_for_a_new_model,
        an_input_of_text,
        an_input_that_changed_all_over,
        an_input_that_is_new,
        prompts_that_the_provider_cached,
        prompts_too_far_apart,
    ],
)
def test_what_only_looks_like_a_cause_gives_no_recommendation(
    history: Callable[[World], None],
) -> None:
    there = World()
    history(there)
    assert there.advice() == {}


def test_one_file_of_a_tree_is_a_part_as_a_leaf_of_a_value_is() -> None:
    there = World()
    runs_for_one_file_of_many(there)
    found = there.advice()["narrower_inputs"]
    assert found["potential_savings_usd"] == 6.0


def test_what_is_too_long_ago_counts_no_more() -> None:
    there = World()
    runs_without_asking(there)
    there.clock.pass_time(hours=31 * 24)
    assert there.advice() == {}


def test_runs_without_a_price_are_counted_and_worth_nothing() -> None:
    there = World()
    there.put("plan")
    there.put("plan", cost=Cost(None, 1, 1))
    found = there.advice()["aggressive_caching"]
    assert (found["runs"], found["unpriced_runs"], found["potential_savings_usd"]) == (1, 1, 0.0)


def test_what_was_collected_is_no_evidence_and_no_error() -> None:
    there = World()
    runs_after_expiry(there)
    there.invalidate("plan")
    there.clock.pass_time(hours=1)
    there.store.gc(there.store.plan_gc(grace_hours=0, retention_hours=0))
    there.store = aicas.Store(there.store._backend, clock=there.clock)  # remembers nothing of it
    assert there.advice() == {}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("a b", "a\n  b ", True),
        ("at 10:00", "at 23:59", True),
        ("run 4f0c1a2b", "run 00ff1122", True),
        ("v1", "v22", True),
        ("a decade", "a facade", False),
        ("a", "b", False),
        ("a", None, False),
        (None, None, False),
    ],
)
def test_prompts_differ_in_passing_by_spacing_numbers_and_ids(
    old: str | None, new: str | None, *, same: bool
) -> None:
    assert differ_in_passing(old, new) is same


@given(st.text("ab", max_size=9), st.text("ab", max_size=9))
def test_what_texts_begin_with_in_common(first: str, second: str) -> None:
    end = common_start(first, second)
    assert first[:end] == second[:end]
    assert min(len(first), len(second)) == end or first[end] != second[end]
