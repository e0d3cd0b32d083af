"""Every index is derived: dropped and built again, it gives the same answers after any history."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hand_clock import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st

import aicas
from aicas.backends.local import layout, view
from aicas.backends.local.backend import LocalBackend
from aicas.config import Config
from aicas.errors import AicasError

STAGES = {"plan": [], "code": ["plan#/a"], "tests": ["code", "plan#/b"], "report": ["tests"]}
RECIPES = [{"model": "m"}, {"model": "n"}]
STEP = st.tuples(
    st.sampled_from(
        ["put", "put", "put", "fail", "sample", "invalidate", "undo", "accept", "quarantine",
         "promote", "choose", "look up", "resume"]
    ),
    st.sampled_from(list(STAGES)),
    st.integers(0, 2),
)  # fmt: skip


@contextmanager
def opened(folder: Path, clock: HandClock) -> Iterator[aicas.Store]:
    backend, config = LocalBackend(folder), Config(auto_maintain=False)
    with aicas.Store(backend, config=config, location=folder, clock=clock, actor="test") as store:
        yield store


def payload(key: str, variant: int) -> Any:
    return {"a": variant // 2, "b": variant} if key == "plan" else f"{key} {variant}"


def take(store: aicas.Store, what: str, key: str, variant: int) -> None:
    """One step of a history; one that has nothing to act on changes nothing."""
    recipe = RECIPES[variant % 2]
    known = {
        "recipe": recipe,
        "inputs": STAGES[key],
        "expires_in_hours": 1 if variant == 2 and key == "report" else 0,
    }
    steps = {
        "put": lambda: store.put(key, payload(key, variant), **known),
        "fail": lambda: store.put(key, "bad", validation_status="failed", **known),
        "sample": lambda: store.put(key, payload(key, variant), sample=variant + 1, **known),
        "invalidate": lambda: store.invalidate(key, "because", only=variant == 2),
        "undo": store.undo,
        "accept": lambda: store.accept(key, "good"),
        "quarantine": lambda: store.quarantine(key, "bad"),
        "promote": lambda: store.promote(key, "good after all"),
        "choose": lambda: store.choose(key, ["1", f"{key}~1", f"{key}@{{1}}"][variant]),
        "look up": lambda: store.lookup(key, recipe, STAGES[key]),
        "resume": lambda: store.resume(f"{key}@{{1}}"),
    }
    with suppress(AicasError):
        steps[what]()


def answers(store: aicas.Store) -> dict[str, Any]:
    """Everything that is asked of a store, none of which moves anything."""
    found: dict[str, Any] = {
        "refs": store.refs(),
        "status": store.status(),
        "log": list(store.log()),
        "ops": [(done.number, done.verb) for done in store.ops()],
    }
    for key, inputs in STAGES.items():
        for name, ask in {
            "why": lambda key=key: store.why(key),
            "log": lambda key=key: list(store.log(key)),
            "dependents": lambda key=key: store.dependents(key),
            "reflog": lambda key=key: store.reflog(key),
            "samples": lambda key=key: store.samples(key),
            "plan": lambda key=key: store.plan_invalidate(key),
            "resume": lambda key=key: store.plan_resume(f"{key}@{{1}}"),
        }.items():
            try:
                found[f"{name} {key}"] = ask()
            except AicasError as error:
                found[f"{name} {key}"] = str(error)
        for number, recipe in enumerate(RECIPES):
            try:
                found[f"lookup {key} {number}"] = store.peek(key, recipe, inputs)
                found[f"why {key} {number}"] = store.why(key, recipe, inputs)
            except AicasError as error:
                found[f"lookup {key} {number}"] = str(error)
    return found


@pytest.mark.parametrize("busy", [False, True], ids=["usual", "index written all the time"])
@settings(max_examples=25)
@given(steps=st.lists(STEP, max_size=25))
def test_answers_are_the_same_after_every_index_was_dropped(
    busy: bool, steps: list[tuple[str, str, int]]
) -> None:
    clock = HandClock()
    folder = Path(tempfile.mkdtemp(prefix="aicas-rebuilt-"))
    hurry = {"FOLD_RECORDS": 4, "_MOST_RECORDS": 8} if busy else {}
    try:
        with mock.patch.multiple(view, **hurry) if hurry else mock.MagicMock():
            layout.create(folder)
            with opened(folder, clock) as store:
                for step in steps:
                    clock.pass_time(seconds=1)
                    take(store, *step)
                clock.pass_time(hours=2)
                before = answers(store)
            shutil.rmtree(folder / "index", ignore_errors=True)
            with opened(folder, clock) as store:
                assert answers(store) == before
                assert store.verify().damage == ()
                assert answers(store) == before
    finally:
        shutil.rmtree(folder)


@settings(max_examples=200)
@given(steps=st.lists(STEP, max_size=25))
def test_every_way_to_ask_gives_the_same_answer(steps: list[tuple[str, str, int]]) -> None:
    clock = HandClock()
    store = aicas.in_memory(clock=clock)
    for step in steps:
        clock.pass_time(seconds=1)
        take(store, *step)
    clock.pass_time(hours=2)
    logged = {entry.snapshot.id: entry for entry in store.log()}
    for stage in store.status():
        why = store.why(stage.key)
        assert (stage.state, stage.reasons) == (why.state, why.reasons)
        assert (stage.cause and stage.cause.path[-1]) == (why.cause and why.cause.path[-1])
        assert (stage.cause and stage.cause.reason) == (why.cause and why.cause.reason)
        assert (stage.state == "valid") == (not stage.reasons)
        assert stage.snapshot
        assert stage.snapshot.id in logged, "no version is hidden"
        plain = store.peek(stage.key)
        assert bool(plain) == (stage.state == "valid")
    for key, recipe in product(STAGES, RECIPES):  # only now: a hit may move a ref
        agrees_with_lookup(store, key, recipe)
    assert store.verify().damage == ()


def agrees_with_lookup(store: aicas.Store, key: str, recipe: dict[str, str]) -> None:
    """Asking what a lookup would say, and why, is right about what it then says."""
    inputs = STAGES[key]
    with suppress(AicasError):
        said, why = store.peek(key, recipe, inputs), store.why(key, recipe, inputs)
        before = store.refs()
        found = store.lookup(key, recipe, inputs)
        assert said == found
        if isinstance(found, aicas.Hit):
            assert found.snapshot.recipe["model"] == recipe["model"]
            assert found.snapshot.validation_status != "failed"
            assert found.moved == (store.refs() != before)
            assert why.reasons == () or (why.earlier and why.earlier.id == found.snapshot.id)
            store.undo() if found.moved else None
        else:
            assert (why.reasons, why.earlier) == (found.reasons, None)
