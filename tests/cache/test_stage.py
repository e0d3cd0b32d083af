"""``@cache.stage``: a function whose results are stored under the key its arguments name."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from aicas import AsyncCache, Cache, InvalidInput, Produced, Recipe, Store, Use


@pytest.fixture
def cache(store: Store) -> Cache:
    return Cache(store)


def test_a_call_runs_the_function_once_for_its_arguments(store: Store, cache: Cache) -> None:
    calls = []

    @cache.stage("phase-{phase}-generated_code", recipe={"model": "m", "parameters": {"t": 0.5}})
    def generate(phase: int, *, style: str = "plain") -> Any:
        """Write a phase."""
        calls.append((phase, style))
        return Produced([phase, style], tags=("made",))

    assert generate(1) == [1, "plain"]
    assert generate(1, style="plain") == generate(phase=1) == [1, "plain"]
    assert generate(2) == [2, "plain"]
    assert generate(1, style="terse") == [1, "terse"]
    assert calls == [(1, "plain"), (2, "plain"), (1, "terse")]
    snapshot = store.show("phase-1-generated_code")
    assert snapshot.recipe["model"] == "m"
    assert snapshot.recipe["parameters"] == {"t": 0.5, "phase": 1, "style": "terse"}
    assert snapshot.tags == ("made",)
    assert (generate.__name__, generate.__doc__) == ("generate", "Write a phase.")


def test_the_code_of_the_function_is_part_of_the_recipe(store: Store, cache: Cache) -> None:
    def first(x: int) -> int:
        return x + 1

    def second(x: int) -> int:
        return x + 2

    assert cache.stage("sum")(first)(1) == 2
    assert cache.stage("sum")(second)(1) == 3
    assert cache.stage("sum")(first)(1) == 2
    assert len(list(store.log("sum"))) == 2


def test_the_recipe_given_keeps_its_code_version_and_policy(store: Store, cache: Cache) -> None:
    for version in ("coder-v2.1", "coder-v2.2", "coder-v3.0"):
        recipe = Recipe(agent_version=version, code_version="mine", agent_policy="major")
        cache.stage("code", recipe=recipe)(lambda: "made")()
    made = [entry.snapshot.recipe for entry in store.log("code")]
    assert [(r["agent_version"], r["code_version"]) for r in made] == [
        ("coder-v3.0", "mine"),
        ("coder-v2.1", "mine"),
    ]


def test_inputs_take_arguments_too_and_other_braces_stay(store: Store, cache: Cache) -> None:
    store.put("plan", {"phases": ["old a", "old b"]})
    store.put("plan", {"phases": ["a", "b"]})
    inputs = ["plan#/phases/{phase}", "plan@{1}#/phases/0", Use("alias", "plan")]

    @cache.stage("code-{phase}", inputs=inputs, sample=2, session="s1", tags=["t"])
    def generate(phase: int) -> str:
        return f"code {phase}"

    assert generate(1) == "code 1"
    made = store.show("code-1")
    assert [(i.key, i.selector) for i in made.inputs] == [
        ("plan", "/phases/1"),
        ("plan", "/phases/0"),
        ("alias", None),
    ]
    assert (made.session_id, made.tags) == ("s1", ("t",))
    assert [sample.number for sample in store.samples("code-1")] == [2]


def test_a_key_that_names_no_argument_is_refused_where_it_is_written(cache: Cache) -> None:
    with pytest.raises(InvalidInput, match="has no argument 'phase'"):

        @cache.stage("code-{phase}")
        def generate(number: int) -> str:
            return ""


def test_arguments_that_are_no_values_are_refused(cache: Cache) -> None:
    @cache.stage("code")
    def generate(thing: object) -> str:
        return ""

    with pytest.raises(InvalidInput):
        generate(object())
    with pytest.raises(TypeError):
        generate()  # type: ignore[call-arg]


def test_errors_of_the_function_come_through(cache: Cache) -> None:
    @cache.stage("code", on_failure="retry", expires_in_hours=1)
    def generate() -> str:
        raise ZeroDivisionError("x")

    with pytest.raises(ZeroDivisionError):
        generate()
    with pytest.raises(InvalidInput, match="on_failure"):
        cache.stage("code", on_failure="ignore")  # type: ignore[arg-type]


async def test_an_asynchronous_cache_makes_stages_of_both_kinds_of_functions(store: Store) -> None:
    cache = AsyncCache(store)
    calls = []

    @cache.stage("awaited-{n}")
    async def awaited(n: int) -> int:
        calls.append(n)
        return n

    @cache.stage("blocking-{n}")
    def blocking(n: int) -> int:
        calls.append(n)
        return n

    assert inspect.iscoroutinefunction(awaited)
    assert inspect.iscoroutinefunction(blocking)
    assert [await awaited(1), await awaited(n=1), await blocking(2), await blocking(2)] == [
        1,
        1,
        2,
        2,
    ]
    assert calls == [1, 2]
