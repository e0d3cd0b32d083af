from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from team import Bench, changed

from aicas import InvalidInput, NotFound, StageFailed
from aicas.names import Key, Project, RefName, quarantine_ref
from aicas.orchestrator import templates
from aicas.orchestrator.wrappers import failing_at, paced

CALLS = 4 + 1 + 1 + 10 + 10 + 1
PHASE_1, REPORT_1 = "phase-1-generated_code", "phase-1-validation_report"
EARLY = ["brainstorming_features", "system_architecture_plan", "project_micro_phases"]


async def test_a_run_stores_every_stage_and_writes_a_project_that_works(bench: Bench) -> None:
    await bench.generate()
    phases = [
        f"phase-{n}-{w}" for n in range(1, 11) for w in ("generated_code", "validation_report")
    ]
    assert bench.stages("generated") == [*EARLY, *phases, "final_integration_summary"]
    assert len(bench.calls) == CALLS
    ended = bench.ended()
    assert (ended["complete"], ended["calls_made"], ended["calls_saved"]) == (True, CALLS, 0)
    assert ended["spent_usd_nano"] > 0 == ended["saved_usd_nano"] == ended["spent_unpriced_stages"]
    run_project(bench.output)


def run_project(folder: Path) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert "OK" in run("unittest")
    run("todo_app", "add", "Buy milk")
    run("todo_app", "add", "Call home")
    run("todo_app", "done", "1")
    assert run("todo_app", "list").splitlines() == ["  1 [x] Buy milk", "  2 [ ] Call home"]


async def test_the_same_run_again_asks_no_agent(bench: Bench) -> None:
    await bench.generate()
    spent = bench.ended()["spent_usd_nano"]
    await bench.generate()
    assert bench.calls == []
    assert bench.stages("generated") == []
    ended = bench.ended()
    assert (ended["calls_made"], ended["calls_saved"]) == (0, CALLS)
    assert (ended["spent_usd_nano"], ended["saved_usd_nano"]) == (0, spent)


@pytest.mark.parametrize(
    "stage", [*EARLY, PHASE_1, "phase-8-generated_code", "final_integration_summary"]
)
async def test_a_run_that_failed_resumes_where_it_failed(bench: Bench, stage: str) -> None:
    with pytest.raises(StageFailed, match=f"stage {stage} failed") as caught:
        await bench.generate(team=failing_at(bench.team(), stage))
    assert caught.value.exit_code == 8
    assert "same command resumes" in (caught.value.hint or "")
    done = bench.stages("generated")
    assert bench.stages("failed") == [stage]
    assert not bench.ended()["complete"]
    await bench.generate()
    assert bench.stages("cached") == done
    assert set(bench.calls).isdisjoint(done)
    assert bench.stages("generated")[0] == stage


async def test_a_new_request_runs_anew_and_the_old_one_comes_back_free(bench: Bench) -> None:
    await bench.generate()
    bench.output = bench.output / "other"
    await bench.generate("Recipe book with tags and shopping list")
    assert "brainstorming_features" in bench.stages("generated")
    bench.output = bench.output / "again"
    await bench.generate()
    assert bench.calls == []
    assert any(event.get("moved") for event in bench.told())


async def test_a_stage_that_comes_back_the_same_brings_its_dependents_back_for_nothing(
    bench: Bench,
) -> None:
    await bench.generate()
    done = bench.store.invalidate("phase-8-generated_code")
    assert len(done.changes) == 5
    await bench.generate()
    assert bench.stages("generated") == bench.calls == ["phase-8-generated_code"]


async def test_a_stage_that_comes_out_otherwise_runs_exactly_its_dependents_again(
    bench: Bench,
) -> None:
    await bench.generate()
    bench.store.invalidate("phase-8-generated_code")

    def remark(value: dict[str, Any]) -> None:
        for path, text in value["files"].items():
            value["files"][path] = text + "# as you wish\n" * path.endswith(".py")

    bench.answers["generate_code"] = changed(remark)
    bench.output = bench.output / "other"
    await bench.generate()
    assert bench.stages("generated") == [
        "phase-8-generated_code",
        "phase-8-validation_report",
        "phase-10-generated_code",
        "phase-10-validation_report",
        "final_integration_summary",
    ]


async def test_inputs_are_exactly_what_a_stage_reads(bench: Bench) -> None:
    await bench.generate()
    keys: list[str] = [*bench.store.keys()]
    inputs = {key: set(bench.store.show(key).dependencies) for key in keys}
    code = [f"phase-{n}-generated_code" for n in range(1, 4)]
    plans = {"project_micro_phases", "system_architecture_plan"}
    assert inputs["brainstorming_features"] == set()
    assert inputs["system_architecture_plan"] == {"brainstorming_features"}
    assert inputs["project_micro_phases"] == {"system_architecture_plan"}
    assert inputs["phase-2-generated_code"] == {*plans, PHASE_1}
    assert inputs["phase-5-generated_code"] == {*plans, *code}
    assert inputs["phase-5-validation_report"] == {
        "project_micro_phases",
        "phase-5-generated_code",
        *code,
    }


async def test_editing_a_prompt_runs_exactly_its_stage_and_what_follows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.generate()
    original = templates.template

    def edited(task: str) -> str:
        return original(task) + ("\nBe brief.\n" if task == "integrate" else "")

    monkeypatch.setattr(templates, "template", edited)
    await bench.generate()
    assert bench.stages("generated") == ["final_integration_summary"]
    reasons = next(e["reasons"] for e in bench.told() if e.get("status") == "generated")
    assert [reason["code"] for reason in reasons] == ["recipe_changed"]
    assert "prompt changed" in reasons[0]["text"]


def aside(key: str) -> RefName:
    return quarantine_ref(Project("default"), Key(key))


async def test_a_phase_that_fails_its_checks_is_stored_and_never_served(bench: Bench) -> None:
    def spoil(value: dict[str, Any]) -> None:
        path = next(iter(value["files"]))
        value["files"][path] = "def broken(:\n"

    bench.answers["generate_code"] = changed(spoil)
    for _ in range(2):
        with pytest.raises(StageFailed, match=f"stage {REPORT_1} failed: .*SyntaxError") as caught:
            await bench.generate()
        assert f"aicas invalidate {PHASE_1}" in (caught.value.hint or "")
        assert REPORT_1 in bench.calls
    with pytest.raises(NotFound):
        bench.store.get(REPORT_1)
    report = bench.store.snapshot(bench.store.refs("quarantine/")[aside(REPORT_1)])
    assert report.validation_status == "failed"
    assert not bench.store.payload(report)["passed"]
    bench.answers.clear()
    bench.store.invalidate(PHASE_1)
    await bench.generate()
    assert bench.store.show(REPORT_1).validation_status == "passed"
    assert bench.store.refs("quarantine/") == {}


async def test_the_validator_can_refuse_what_passed_every_check(bench: Bench) -> None:
    bench.answers["validate"] = changed(lambda v: v.update(verdict="fail", remarks=["too terse"]))
    with pytest.raises(StageFailed, match="too terse"):
        await bench.generate()


@pytest.mark.parametrize(
    ("task", "answer", "stage"),
    [
        ("propose", "I cannot help with that.", "brainstorming_features"),
        ("agree", "[]", "brainstorming_features"),
        ("agree", "{}", "brainstorming_features"),
        ("architecture", '{"modules": 3}', "system_architecture_plan"),
        ("micro_phases", '{"phases": []}', "project_micro_phases"),
        ("micro_phases", '{"phases": [NaN]}', "project_micro_phases"),
        ("generate_code", '{"files": {"../escape": "x"}}', PHASE_1),
        ("generate_code", '{"files": {"A": "x", "a": "y"}}', PHASE_1),
        ("generate_code", '{"files": {"cut": "sh', PHASE_1),
        ("validate", '{"verdict": 1, "remarks": []}', REPORT_1),
        ("integrate", '{"summary": "no readme"}', "final_integration_summary"),
    ],
)
async def test_a_bad_answer_fails_its_stage_and_stores_nothing(
    bench: Bench, task: str, answer: str, stage: str
) -> None:
    bench.answers[task] = lambda _: answer
    with pytest.raises(StageFailed, match=f"stage {stage} failed"):
        await bench.generate()
    with pytest.raises(NotFound):
        bench.store.show(stage)


async def test_an_answer_may_stand_in_a_code_fence(bench: Bench) -> None:
    bench.answers["architecture"] = lambda text: f"```json\n{text}\n```\n"
    await bench.generate()
    assert bench.ended()["complete"]


async def test_a_model_without_a_price_is_counted_apart(bench: Bench) -> None:
    team = dict(bench.team())
    agent: Any = team["validator"]
    agent.agent = type(agent.agent)("demonstration-own", "own-model")
    await bench.generate(team=team)
    ended = bench.ended()
    assert ended["spent_unpriced_stages"] >= 10
    assert ended["spent_usd_nano"] > 0
    assert bench.store.show(REPORT_1).cost is not None


async def test_a_store_prices_its_own_models(bench: Bench) -> None:
    await bench.generate(team=paced(bench.team(), 0))
    cost = bench.store.show("brainstorming_features").cost
    assert cost is not None
    assert cost.usd_nano is not None
    assert (cost.calls, cost.model) == (4, "gpt-4, claude-3-opus")
    assert cost.unit_prices["gpt-4 input"] == 30_000_000_000
    assert cost.latency_us > 0


@pytest.mark.parametrize("request_", ["", "  \n", "x" * 20_001])
async def test_a_request_of_no_use_is_refused_before_anything_runs(
    bench: Bench, request_: str
) -> None:
    with pytest.raises(InvalidInput):
        await bench.generate(request_)
    assert bench.store.keys() == []


async def test_files_of_others_in_the_output_are_not_touched(bench: Bench) -> None:
    bench.output.mkdir()
    (bench.output / "README.md").write_text("mine")
    with pytest.raises(InvalidInput) as caught:
        await bench.generate()
    assert "--overwrite" in (caught.value.hint or "")
    assert (bench.output / "README.md").read_text() == "mine"
    assert [path.name for path in bench.output.iterdir()] == ["README.md"]


async def test_the_result_says_that_it_is_a_demonstration(bench: Bench) -> None:
    await bench.generate()
    assert "demonstration" in (bench.output / "README.md").read_text()
    summary = json.loads((bench.output / "integration_summary.json").read_text())
    assert all("demonstration" in agent for agent in summary["agents"])
    assert "demonstration" in str(bench.store.show(PHASE_1).agent_version)
