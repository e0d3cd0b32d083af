"""Two runs, stage by stage: where they first went apart, and what made them."""

from __future__ import annotations

import pytest

import aicas
from aicas.errors import InvalidInput, NotFound
from aicas.validity.reasons import InputChanged, RecipeChanged

RECIPE = {"prompt": "Write it", "model": "m"}


def run(store: aicas.Store, session: str, **changed: dict[str, object]) -> None:
    """ideas -> plan -> code -> tests; ``changed`` says what a stage does differently."""
    above: list[str] = []
    for key in ("ideas", "plan", "code", "tests"):
        options = changed.get(key, {})
        recipe = {**RECIPE, **options.get("recipe", {})}  # type: ignore[dict-item]
        if not store.lookup(key, recipe, above, session=session) or "payload" in options:
            made = " <- ".join([key, *map(str, map(store.get, above))])
            payload = options.get("payload", f"{made} {options.get('recipe', '')}")
            store.put(key, payload, recipe=recipe, inputs=above, session=session)
        above = [key]


def verdicts(found: object) -> dict[str, str]:
    return {pair.key: pair.verdict for pair in found.stages}  # type: ignore[attr-defined]


def test_runs_that_used_the_same_are_the_same(store: aicas.Store) -> None:
    run(store, "one")
    run(store, "two")
    found = store.compare("one", "two")
    assert set(verdicts(found).values()) == {"same"}
    assert [pair.key for pair in found.stages] == ["ideas", "plan", "code", "tests"]
    assert (found.divergence, found.reasons) == (None, ())


def test_the_first_stage_whose_recipe_differed_is_named_with_the_component(
    store: aicas.Store,
) -> None:
    run(store, "one")
    run(store, "two", plan={"recipe": {"model": "n"}})
    found = store.compare("one", "two")
    assert verdicts(found) == {
        "ideas": "same",
        "plan": "differs",
        "code": "differs",
        "tests": "differs",
    }
    assert found.divergence
    assert found.divergence.key == "plan"
    assert found.reasons == (RecipeChanged("model", "m", "n"),)


def test_the_same_recipe_and_inputs_with_another_output_have_no_reason(store: aicas.Store) -> None:
    run(store, "one")
    run(store, "two", code={"payload": "by chance"})
    found = store.compare("one", "two")
    assert found.divergence
    assert (found.divergence.key, found.divergence.verdict) == ("code", "differs")
    assert found.reasons == ()
    assert found.divergence.first
    assert found.divergence.second
    diff = store.diff_parts(found.divergence.first, found.divergence.second)
    assert not diff.is_same_content


def test_an_input_that_differed_is_named(store: aicas.Store) -> None:
    store.put("spec", "1")
    store.put("code", "a", recipe=RECIPE, inputs=["spec"], session="one")
    store.put("spec", "2")
    store.put("code", "b", recipe=RECIPE, inputs=["spec"], session="two")
    found = store.compare("one", "two")
    (reason,) = found.reasons
    assert isinstance(reason, InputChanged)
    assert reason.key == "spec"


def test_a_stage_that_only_one_run_has_is_a_divergence(store: aicas.Store) -> None:
    run(store, "one")
    store.put("docs", "d", inputs=["tests"], session="one")
    run(store, "two")
    found = store.compare("one", "two")
    assert found.divergence
    assert (found.divergence.key, found.divergence.verdict) == ("docs", "only in the first")
    assert store.compare("two", "one").divergence[1] == "only in the second"  # type: ignore[index]


def test_forks_and_earlier_states_of_a_project_compare_like_sessions(store: aicas.Store) -> None:
    run(store, "one")
    store.fork("default", "copy")
    assert store.compare("default", "copy").divergence is None
    run(store.at_project("copy"), "two", code={"recipe": {"prompt": "Better"}})
    found = store.compare("default", "copy")
    assert found.divergence
    assert found.divergence.key == "code"
    assert [r.component for r in found.reasons if isinstance(r, RecipeChanged)] == ["prompt"]
    assert (
        store.compare("copy@{op:5}", "copy").divergence
        == store.compare("default@{op:4}", "copy").divergence
    )
    mixed = store.compare("one", "copy")
    assert mixed.divergence
    assert mixed.divergence.key == "code"


def test_a_session_is_compared_in_the_project_it_worked_in(store: aicas.Store) -> None:
    run(store.at_project("a"), "one")
    run(store.at_project("b"), "two", tests={"payload": "other"})
    found = store.compare("one", "two")
    assert found.divergence
    assert found.divergence.key == "tests"


def test_what_is_neither_session_nor_project_is_not_found(store: aicas.Store) -> None:
    run(store, "one")
    for names in (("one", "nobody"), ("nobody", "one"), ("one", "nobody@{op:1}")):
        with pytest.raises(NotFound):
            store.compare(*names)
    with pytest.raises(NotFound):
        store.compare("one", "default@{op:99}")
    with pytest.raises(InvalidInput):
        store.compare("one", "default@{3 days ago}")
