"""A plan says what a run would do and cost, asks nobody and changes nothing."""

from __future__ import annotations

import pytest
from team import Bench

from aicas import StageFailed
from aicas.orchestrator.generation import Generation
from aicas.orchestrator.planning import RunPlan
from aicas.orchestrator.wrappers import failing_at

FIRST = ["brainstorming_features", "system_architecture_plan", "project_micro_phases"]


async def plan(bench: Bench, request: str = "Build todo app") -> RunPlan:
    bench.calls.clear()
    before = bench.store.stamp(), bench.store.refs()
    run = Generation(bench.store, bench.team(), "sess_plan", bench.events.append)
    found = await run.plan(request)
    assert bench.calls == [], "a plan asks nobody"
    assert (bench.store.stamp(), bench.store.refs()) == before, "a plan changes nothing"
    assert bench.store.books().total.lookups == bench.store.books(session="sess_test").total.lookups
    return found


def to_run(found: RunPlan) -> list[str]:
    return [stage.key for stage in found.stages if not stage.is_cached]


async def test_of_a_first_run_only_what_is_certain_is_planned_and_nothing_is_priced(
    bench: Bench,
) -> None:
    found = await plan(bench)
    assert to_run(found) == FIRST
    assert not found.is_whole
    assert (found.price.priced, found.price.unpriced) == (0, 3)


async def test_a_finished_run_is_planned_as_free(bench: Bench) -> None:
    await bench.generate()
    spent = bench.ended()["spent_usd_nano"]
    found = await plan(bench)
    assert (to_run(found), found.is_whole) == ([], True)
    assert (found.price.priced, found.price.unpriced, found.price.usd_nano) == (0, 0, 0)
    assert found.saved.usd_nano == spent


async def test_after_a_failure_the_rest_is_priced_by_what_the_same_stages_cost(
    bench: Bench,
) -> None:
    await bench.generate()
    real = {stage.key: stage.snapshot for stage in (await plan(bench)).stages}
    bench.store.invalidate("phase-9-generated_code")
    found = await plan(bench)
    again = to_run(found)
    assert again[0] == "phase-9-generated_code"
    assert again[-1] == "final_integration_summary"
    assert found.stages[-1].reasons != ()
    for stage in found.stages:
        if stage.estimate:
            snapshot = real[stage.key]
            assert snapshot is not None
            assert snapshot.cost is not None
            assert stage.estimate.cost is not None
            assert stage.estimate.cost.usd_nano == snapshot.cost.usd_nano
            assert stage.estimate.runs == 1


async def test_a_phase_that_never_ran_is_priced_by_the_other_phases(bench: Bench) -> None:
    with pytest.raises(StageFailed):
        await bench.generate(team=failing_at(bench.team(), "phase-8-generated_code"))
    found = await plan(bench)
    assert found.is_whole
    estimates = {stage.key: stage.estimate for stage in found.stages if stage.estimate}
    phase, last = estimates["phase-8-generated_code"], estimates["final_integration_summary"]
    assert (phase.runs, phase.cost is not None) == (7, True)
    assert (last.runs, last.cost) == (0, None)
    assert (found.price.priced, found.price.unpriced) == (6, 1)


async def test_another_request_is_planned_along_the_last_known_breakdown(bench: Bench) -> None:
    await bench.generate()
    found = await plan(bench, "Build todo app with tags")
    assert found.is_whole
    assert to_run(found)[:3] == FIRST
    assert len(to_run(found)) == 24
    assert found.price.usd_nano == bench.ended()["spent_usd_nano"]


async def test_a_plan_finds_what_a_run_would_bring_back(bench: Bench) -> None:
    await bench.generate()
    bench.output = bench.output / "other"
    await bench.generate("Build todo app with tags")
    found = await plan(bench, "Build todo app")
    assert to_run(found) == []
