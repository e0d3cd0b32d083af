"""``resume``, ``fork`` and ``compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

STAGES = {"ideas": [], "plan": ["ideas"], "code": ["plan"], "tests": ["code"]}


def run(shell: Shell, turn: int, *, project: str = "default") -> None:
    for key, inputs in STAGES.items():
        deps = [argument for name in inputs for argument in ("--dep", name)]
        shell(
            "--project", project, "put", key, *deps, "--session", f"run-{turn}",
            "--cost-usd", str(turn), stdin=f"{key} {turn}\n",
        )  # fmt: skip


@pytest.fixture
def twice(store: Shell) -> Shell:
    run(store, 1)
    run(store, 2)
    return store


def test_the_plan_of_a_resume_is_printed_first(store: Shell) -> None:
    run(store, 1)
    store("invalidate", "code", "--only")
    run(store, 2)
    shown = store("resume", "plan@{1}", "--dry-run").out.splitlines()
    assert shown[0].startswith("to go on from plan ")
    assert [line.split()[0] for line in shown[1:3]] == ["ideas", "plan"]
    assert "->" in shown[1]
    assert shown[3] == "kept, and not paid again: $2.00, 0 ms"
    assert shown[4:] == [
        "to be made again after it:",
        "  code",
        "  tests",
        "to be paid for that: $4.00, 0 ms",
        "nothing was changed (dry run)",
    ]
    assert store("cat", "plan").out == "plan 2\n"


def test_what_followed_then_comes_back_at_no_cost(twice: Shell) -> None:
    shown = twice("resume", "plan@{1}", "--dry-run").out.splitlines()
    assert shown[4:] == [
        "back as they were then, at no cost, when looked up: code, tests",
        "nothing was changed (dry run)",
    ]


def test_a_resume_pins_the_past_and_undo_returns(twice: Shell) -> None:
    shown = twice("resume", "plan@{1}", "--reason", "the second went wrong").out
    assert shown.splitlines()[-1] == "operation 9 pinned 2 stages"
    for key, turn in (("ideas", 1), ("plan", 1), ("code", 2)):
        assert twice("cat", key).out == f"{key} {turn}\n"
    assert "the second went wrong" in twice("ops", "-n", "1").out
    assert "resumed" in twice("log", "plan").out
    assert len(twice("log", "plan", "--oneline").out.splitlines()) == 2
    assert "nothing to change" in twice("resume", "plan").out
    assert " stays" in twice("resume", "plan", "--dry-run").out
    twice("undo")
    assert twice("cat", "plan").out == "plan 2\n"


def test_a_resume_into_a_new_project_leaves_this_one_as_it_is(twice: Shell) -> None:
    shown = twice("resume", "code@{1}", "--into", "again").out
    assert "in the new project again" in shown
    assert twice("cat", "again/code").out == "code 1\n"
    assert twice("cat", "code").out == "code 2\n"
    assert twice("show", "again/tests", expect=3)
    assert "exists already" in twice("resume", "code@{1}", "--into", "again", expect=2).err
    found = twice("resume", "code~1", "--into", "third", "--dry-run", "--json").json
    assert (found["project"], found["is_new"], found["operation"]) == ("third", True, None)
    assert [pin["key"] for pin in found["pins"]] == ["ideas", "plan", "code"]
    assert found["kept"]["usd_nano"] == 3_000_000_000


def test_what_is_no_revision_or_has_no_whole_past_is_refused(twice: Shell) -> None:
    assert twice("resume", "nowhere", expect=3)
    assert twice("resume", "plan@{9}", expect=3)
    assert twice("resume", "plan@{", expect=2)
    twice("put", "code", "--dep", "plan", "--validation", "failed", stdin="bad")
    refused = twice("resume", "quarantine/default/code", expect=2)
    assert "failed its validation" in refused.err
    assert "promote" in refused.err


def test_a_fork_from_a_stage_starts_with_its_past(twice: Shell) -> None:
    shown = twice("fork", "default", "copy", "--from", "plan", "--dry-run").out.splitlines()
    assert shown[0] == "copy would start with 2 stages of default (dry run):"
    assert [line.split()[0] for line in shown[1:3]] == ["ideas", "plan"]
    assert shown[3] == "shared, and not paid again: $4.00, 0 ms"
    assert twice("fork", "default", "copy", "--from", "plan@{1}", "--reason", "try").out
    assert twice("cat", "copy/plan").out == "plan 1\n"
    assert twice("show", "copy/code", expect=3)
    assert "exists already" in twice("fork", "default", "copy", "--dry-run", expect=2).err
    assert twice("fork", "default", "more", "--from", "nowhere", expect=3)
    whole = twice("fork", "default", "whole", "--json").json
    assert len(whole["pins"]) == 4
    assert whole["operation"]["verb"] == "fork"


def test_comparing_names_the_first_divergence_and_prints_what_differs(twice: Shell) -> None:
    shown = twice("compare", "run-1", "run-2", "--exit-code", expect=1).out.splitlines()
    assert shown[0].split() == ["KEY", "VERDICT", "FIRST", "SECOND"]
    assert [line.split()[:2] for line in shown[1:5]] == [[key, "differs"] for key in STAGES]
    assert shown[5] == "first divergence: ideas  differs"
    assert shown[6] == "  same recipe and inputs, different output"
    assert shown[-2:] == ["-ideas 1", "+ideas 2"]


def test_comparing_names_the_recipe_component_and_shows_its_text(twice: Shell) -> None:
    twice("fork", "default", "copy")
    (twice.cwd / "r.json").write_text('{"prompt": "Be brief.\\nBe kind.\\n"}')
    (twice.cwd / "s.json").write_text('{"prompt": "Be thorough.\\nBe kind.\\n"}')
    twice("put", "code", "--dep", "plan", "--recipe", "r.json", stdin="code 3\n")
    copied = ("--project", "copy", "put", "code", "--dep", "plan")
    twice(*copied, "--recipe", "s.json", stdin="code 4\n")
    shown = twice("compare", "default", "copy").out
    assert "first divergence: code  differs" in shown
    assert "    -Be brief.\n    +Be thorough.\n" in shown
    assert "-code 3\n+code 4\n" in shown
    found = twice("compare", "default", "copy", "--json").json
    assert found["divergence"] == "code"
    assert [r["component"] for r in found["reasons"]] == ["prompt"]
    assert [s["verdict"] for s in found["stages"]] == ["same", "same", "differs", "same"]


def test_comparing_the_same_finds_nothing(twice: Shell) -> None:
    twice("fork", "default", "copy")
    shown = twice("compare", "default", "copy", "--exit-code").out
    assert shown.endswith("both runs produced the same\n")
    assert twice("compare", "default@{op:8}", "run-2", "--exit-code")
    twice("--project", "copy", "put", "docs", stdin="d")
    one = twice("compare", "default", "copy", "--exit-code", expect=1).out
    assert one.endswith("first divergence: docs  only in the second\n")


def test_a_run_nobody_knows_is_not_found(twice: Shell) -> None:
    missing = twice("compare", "run-1", "run-9", expect=3)
    assert "'run-9'" in missing.err
    assert twice("compare", "run-1", "default@{op:99}", expect=3)
    assert twice("compare", "run-1", "default@{3 days ago}", expect=2)
