"""Several outputs of one recipe are kept side by side, until one is chosen."""

from __future__ import annotations

import pytest

import aicas
from aicas.errors import InvalidInput, InvalidName, NotFound

RECIPE = {"prompt": "Write it"}


def make(store: aicas.Store, *numbers: int, key: str = "code") -> dict[int, aicas.Snapshot]:
    return {n: store.put(key, f"take {n}", recipe=RECIPE, sample=n) for n in numbers}


def current(store: aicas.Store, key: str = "code") -> list[int]:
    return [sample.number for sample in store.samples(key) if sample.is_current]


def test_samples_are_siblings_and_the_first_is_current(store: aicas.Store) -> None:
    base = store.put("code", "before", recipe={"prompt": "Other"})
    made = make(store, 2, 1, 10)
    assert {sample.parent for sample in made.values()} == {base.id}
    assert [sample.number for sample in store.samples("code")] == [1, 2, 10]
    assert current(store) == [2]
    assert store.get("code") == "take 2"
    for number, snapshot in made.items():
        found = store.lookup("code", RECIPE, [], sample=number)
        assert isinstance(found, aicas.Hit)
        assert found.snapshot.id == snapshot.id
        assert store.show(f"samples/default/code={number}").id == snapshot.id
    found = store.lookup("code", RECIPE, [], sample=3)
    assert [r.code for r in found.reasons] == ["never_stored"]  # type: ignore[union-attr]


def test_choosing_moves_the_current_version_and_keeps_the_others(store: aicas.Store) -> None:
    made = make(store, 1, 2, 3)
    done = store.choose("code", "3", "the shortest")
    assert (done.verb, done.reason) == ("choose", "the shortest")
    assert current(store) == [3]
    assert [s.number for s in store.samples("code")] == [1, 2, 3]
    assert {e.snapshot.id for e in store.log("code")} == {made[1].id, made[3].id}
    store.choose("code", "1")
    assert current(store) == [1]
    assert {e.snapshot.id for e in store.log("code")} == {made[1].id, made[3].id}, "none is hidden"
    store.undo()
    assert current(store) == [3]
    chosen = next(e for e in store.log("code") if e.is_current)
    assert "choose" in [store.operation(n).verb for n in chosen.numbers]


def test_any_version_of_the_key_can_be_chosen(store: aicas.Store) -> None:
    old = store.put("code", "old")
    store.put("code", "new")
    store.choose("code", "code~1")
    assert store.resolve("code") == old.id
    store.choose("code", "code@{1}")
    assert store.get("code") == "new"
    store.choose("code", str(old.id)[:12])
    assert store.resolve("code") == old.id


def test_what_is_no_output_of_the_key_or_is_current_is_refused(store: aicas.Store) -> None:
    make(store, 1, 2)
    store.put("plan", "p")
    for choice in ("1", "code", "plan"):
        with pytest.raises(InvalidInput):
            store.choose("code", choice)
    for choice in ("3", "nowhere"):
        with pytest.raises(NotFound):
            store.choose("code", choice)
    with pytest.raises(NotFound):
        store.choose("nowhere", "1")


@pytest.mark.parametrize("number", [0, -1, 10**9, True, "1", 1.0])
def test_what_is_no_number_of_a_sample_is_refused(store: aicas.Store, number: object) -> None:
    with pytest.raises(InvalidName):
        store.put("code", "x", sample=number)  # type: ignore[arg-type]
    with pytest.raises(InvalidName):
        store.lookup("code", sample=number)  # type: ignore[arg-type]
    assert list(store.ops()) == []


def test_a_stage_made_from_the_current_sample_is_stale_after_another_choice(
    store: aicas.Store,
) -> None:
    make(store, 1, 2)
    store.put("tests", "t", recipe=RECIPE, inputs=["code"])
    store.choose("code", "2")
    assert not store.lookup("tests", RECIPE, ["code"])
    store.choose("code", "1")
    assert store.lookup("tests", RECIPE, ["code"])


def test_a_sample_is_an_input_by_its_whole_name(store: aicas.Store) -> None:
    made = make(store, 1, 2)
    built = store.put("tests", "t", recipe=RECIPE, inputs=["samples/default/code=2"])
    assert [(i.key, i.snapshot) for i in built.inputs] == [("code", made[2].id)]
    assert not store.lookup("tests"), "the current version of code is another"
    store.choose("code", "2")
    assert store.lookup("tests")


def test_a_sample_of_a_new_recipe_becomes_current(store: aicas.Store) -> None:
    make(store, 1, 2)
    other = store.put("code", "other", recipe={"prompt": "New"}, sample=1)
    assert store.resolve("code") == other.id
    assert [s.number for s in store.samples("code")] == [1, 2]
    assert store.lookup("code", RECIPE, [], sample=2)
    found = store.lookup("code", RECIPE, [], sample=1)
    assert isinstance(found, aicas.Hit)
    assert found.moved, "the earlier sample of that number comes back for its recipe"


def test_invalidating_takes_the_samples_along_and_undo_brings_them_back(
    store: aicas.Store,
) -> None:
    make(store, 1, 2)
    make(store, 1, key="code-2")
    store.put("tests", "t", recipe=RECIPE, inputs=["code"], sample=4)
    plan = store.plan_invalidate("code")
    moved = {
        "live/default/code",
        "samples/default/code=1",
        "samples/default/code=2",
        "live/default/tests",
        "samples/default/tests=4",
    }
    assert set(plan.refs) == moved
    done = store.invalidate("code")
    assert {change.ref for change in done.changes} == moved
    assert store.samples("code") == []
    for number in (1, 2, None):
        assert not store.lookup("code", RECIPE, [], sample=number)
    assert current(store, "code-2") == [1]
    store.undo()
    assert current(store) == [1]
    assert store.lookup("code", RECIPE, [], sample=2)
    assert store.lookup("tests", RECIPE, ["code"], sample=4)


def test_putting_the_current_sample_aside_leaves_the_others(store: aicas.Store) -> None:
    make(store, 1, 2)
    store.quarantine("code", "bad")
    assert [s.number for s in store.samples("code")] == [2]
    assert not store.lookup("code", RECIPE, [], sample=1)
    assert store.lookup("code", RECIPE, [], sample=2)
    store.choose("code", "2")
    assert store.get("code") == "take 2"


def test_a_sample_that_failed_is_kept_aside_and_is_no_sample(store: aicas.Store) -> None:
    make(store, 1)
    store.put("code", "bad", recipe=RECIPE, sample=2, validation_status="failed")
    assert [s.number for s in store.samples("code")] == [1]
    assert store.get("quarantine/default/code") == "bad"
    assert not store.lookup("code", RECIPE, [], sample=2)
