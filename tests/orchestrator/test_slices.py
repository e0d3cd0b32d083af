"""A phase depends on its own part of the breakdown, and on nothing else of it."""

from __future__ import annotations

import copy

import pytest
from team import Bench

from aicas import MICRO_PHASES, StageFailed

LAST = "final_integration_summary"


def code(*phases: int) -> list[str]:
    return [f"phase-{n}-generated_code" for n in phases]


def reports(*phases: int) -> list[str]:
    return [f"phase-{n}-validation_report" for n in phases]


def edit_phase_7(bench: Bench) -> None:
    plan = copy.deepcopy(bench.store.get(MICRO_PHASES))
    plan["phases"][6]["responsibilities"].append("say when something is due")
    bench.store.amend(MICRO_PHASES, plan, "the customer was not clear about it")


async def test_editing_one_phase_leaves_every_other_phase_valid(bench: Bench) -> None:
    await bench.generate()
    edit_phase_7(bench)
    states = {stage.key: stage.state for stage in bench.store.status()}
    stale = {key for key, state in states.items() if state == "stale"}
    assert stale == {*code(7), *reports(7), LAST}
    assert {states[key] for key in [*code(1, 2, 3, 4, 5, 6, 8, 9, 10)]} == {"valid"}


async def test_after_an_edit_only_the_edited_phase_is_paid_again(bench: Bench) -> None:
    await bench.generate()
    all_calls = len(bench.calls)
    edit_phase_7(bench)
    await bench.generate()
    assert bench.stages("generated") == [*code(7), *reports(7), LAST]
    assert len(bench.calls) == 3
    assert bench.ended()["calls_saved"] == all_calls - 3
    assert not {*code(8, 9, 10), *reports(8, 9, 10)} & set(bench.calls)


async def test_each_phase_reads_its_own_entry_of_the_breakdown(bench: Bench) -> None:
    await bench.generate()
    for number in range(1, 11):
        used = bench.store.show(f"phase-{number}-generated_code").inputs
        (selector,) = [item.selector for item in used if item.key == MICRO_PHASES]
        assert selector == f"/phases/{number - 1}"


async def test_a_phase_that_is_no_more_in_the_breakdown_says_so(bench: Bench) -> None:
    await bench.generate()
    plan = copy.deepcopy(bench.store.get(MICRO_PHASES))
    del plan["phases"][9]
    bench.store.amend(MICRO_PHASES, plan, "one phase less")
    reasons = {stage.key: [r.code for r in stage.reasons] for stage in bench.store.status()}
    assert reasons[code(10)[0]] == ["selector_unmatched"]
    assert reasons[code(9)[0]] == []


async def test_money_paid_for_a_stage_that_failed_is_in_the_books(bench: Bench) -> None:
    bench.answers["agree"] = lambda _: "no JSON at all"
    with pytest.raises(StageFailed, match="brainstorming_features"):
        await bench.generate()
    ended = bench.ended()
    assert ended["lost_usd_nano"] == ended["spent_usd_nano"] > 0
    (spent,) = [o for o in bench.store.ops() if o.verb == "spend"]
    assert spent.facts["cost"]["usd_nano"] == ended["spent_usd_nano"]
    assert (spent.facts["cause"], spent.facts["cost"]["calls"]) == ("first", 4)
