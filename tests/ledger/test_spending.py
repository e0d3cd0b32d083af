"""Money in operations: written once, read strictly, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hand_clock import HandClock

import aicas
from aicas import Cost
from aicas.backends.base import ABSENT
from aicas.backends.memory import MemoryBackend
from aicas.backends.operation import Operation, RefChange
from aicas.errors import InvalidInput
from aicas.ids import SnapshotId
from aicas.ledger.spending import put_facts, spend_facts, spending_of, spendings
from aicas.names import Key, Project, RefName

PRICE = Cost(5_000, 100, 50, 20, 900, "gpt-4", {"input": 30}, 2)
REF = RefName("live/shop/plan")
MADE = SnapshotId(b"s" * 32)


def put(facts: dict[str, Any], **more: Any) -> Operation:
    change = RefChange(REF, None, MADE)
    return Operation("put", 7, "me", (change,), session="run", facts=facts, number=3, **more)


def test_a_put_says_what_was_spent_on_which_stage_and_why() -> None:
    found = spending_of(put(put_facts("expired", PRICE)))
    assert found is not None
    assert found.cost == PRICE
    assert found[:7] == (3, 7, "shop", "plan", "run", "gpt-4", "expired")
    assert found.snapshot == MADE


def test_money_can_have_been_spent_before_it_was_recorded() -> None:
    found = spending_of(put(put_facts("first", None, at=2)))
    assert found is not None
    assert (found.at, found.cost, found.model) == (2, None, None)


def test_money_without_a_snapshot_to_show_for_it_is_recorded_too() -> None:
    facts = spend_facts(Project("shop"), Key("plan"), "first", PRICE, at=4)
    found = spending_of(Operation("spend", 9, "me", session="run", facts=facts, number=8))
    assert found is not None
    assert found[:7] == (8, 4, "shop", "plan", "run", "gpt-4", "first")
    assert (found.cost, found.snapshot) == (PRICE, None)


def test_operations_without_money_are_not_in_the_books() -> None:
    assert spending_of(put({})) is None
    assert spending_of(put({"objects": 3})) is None
    assert spending_of(Operation("gc", 9, "me", facts={"cause": "first"})) is None


GOOD = put_facts("first", PRICE)


@pytest.mark.parametrize(
    "facts",
    [
        {"cause": "first"},
        {"cost": None},
        {**GOOD, "cause": "boredom"},
        {**GOOD, "cause": ["first"]},
        {**GOOD, "cost": 5},
        {**GOOD, "cost": {**GOOD["cost"], "usd_nano": -1}},
        {**GOOD, "cost": {**GOOD["cost"], "usd_nano": 1.5}},
        {**GOOD, "cost": {**GOOD["cost"], "bonus": 1}},
        {**GOOD, "cost": {**GOOD["cost"], "calls": True}},
        {**GOOD, "cost": {**GOOD["cost"], "model": "a\nb"}},
        {**GOOD, "at": "now"},
        {**GOOD, "at": 2**80},
    ],
)
def test_odd_money_is_refused_left_out_and_reported(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        spending_of(put(facts))
    backend = MemoryBackend()
    if not any(isinstance(value, int) and value > 2**64 for value in facts.values()):
        change = RefChange(REF, None, None)
        backend.publish({}, Operation("put", 7, "me", (change,), facts=facts), {REF: ABSENT})
        assert list(spendings(backend)) == []
        assert [finding.what for finding in aicas.Store(backend).verify().damage] != []


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"project": "shop", "key": "plan", "cause": "first"},
        {"project": "shop", "key": "plan", "cause": "first", "cost": None},
        {"project": "../shop", "key": "plan", **GOOD},
        {"project": "shop", "key": "a b", **GOOD},
        {"key": "plan", **GOOD},
        {"project": 3, "key": "plan", **GOOD},
    ],
)
def test_a_spend_must_say_for_what(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        spending_of(Operation("spend", 9, "me", facts=facts))


def test_a_period_is_from_its_first_moment_up_to_its_end(
    store: aicas.Store, clock: HandClock
) -> None:
    times = []
    for n in range(4):
        times.append(clock.pass_time(hours=1))
        store.put(f"stage-{n}", "x", cost=Cost(n))
    found = list(spendings(store._backend, times[1], times[3]))
    assert [(s.at, s.key) for s in found] == [(times[1], "stage-1"), (times[2], "stage-2")]
