"""Resuming goes on from exactly what a version of a stage was made from."""

from __future__ import annotations

import json
from typing import Any

from program import Shell

import aicas
from aicas.names import Key, Project, RefName, live_ref

PLAN = "project_micro_phases"


def lines(shell: Shell, *words: str) -> list[dict[str, Any]]:
    """What a command that succeeds tells in JSON."""
    done = shell.run(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def stages(told: list[dict[str, Any]], status: str) -> list[str]:
    return [event["key"] for event in told if event.get("status") == status]


def ref(key: str) -> RefName:
    return live_ref(Project("default"), Key(key))


def generated(shell: Shell, request: str, output: str) -> list[dict[str, Any]]:
    return lines(shell, "generate", request, "--output", output)


def test_going_on_from_an_earlier_version_pins_its_past_and_asks_nobody_again(
    shell: Shell,
) -> None:
    generated(shell, "Build todo app", "one")
    with aicas.open(shell.store) as store:
        first = store.refs("live/")
    generated(shell, "Recipe book with tags", "two")
    told = lines(shell, "resume", "phase-3-generated_code@{1}", "--output", "three")
    pinned = {item["key"]: item["snapshot"] for item in told[0]["pinned"]}
    assert set(pinned) == {
        "brainstorming_features",
        "system_architecture_plan",
        PLAN,
        *(f"phase-{number}-generated_code" for number in (1, 2, 3)),
    }
    assert pinned == {key: str(first[ref(key)]) for key in pinned}
    assert (told[1]["event"], told[1]["whole"]) == ("plan", True)
    assert stages(told, "generated") == []
    with aicas.open(shell.store) as store:
        assert {name: store.refs()[name] for name in first} == first


def test_a_dry_run_prints_the_plan_and_its_price_and_changes_nothing(shell: Shell) -> None:
    generated(shell, "Build todo app", "one")
    with aicas.open(shell.store) as store:
        store.invalidate("phase-9-generated_code")
        before = store.refs(), store.stamp()
    done = shell.run("resume", "phase-3-generated_code", "--dry-run")
    assert done.returncode == 0
    assert "pinned  phase-3-generated_code" in done.stdout
    assert "run     phase-9-generated_code" in done.stdout
    assert "estimate, from what the same stages cost before: $0." in done.stdout
    with aicas.open(shell.store) as store:
        assert (store.refs(), store.stamp()) == before


def test_going_on_in_a_new_project_leaves_the_old_one_as_it_is(shell: Shell) -> None:
    generated(shell, "Build todo app", "one")
    with aicas.open(shell.store) as store:
        before = store.refs("live/default/")
    told = lines(shell, "resume", "phase-3-generated_code", "--into", "trial", "--output", "two")
    cached = stages(told, "cached")
    assert "phase-3-generated_code" in cached
    assert "phase-4-generated_code" in stages(told, "generated")
    with aicas.open(shell.store) as store:
        assert store.refs("live/default/") == before
        trial = store.at_project("trial")
        assert trial.resolve("phase-3-generated_code") == store.resolve("phase-3-generated_code")
        assert trial.lookup("final_integration_summary")


def test_pinned_stages_are_served_whatever_their_recipe_has_become(shell: Shell) -> None:
    generated(shell, "Build todo app", "one")
    with aicas.open(shell.store) as store:
        old = store.show("phase-2-generated_code")
        recipe = {**old.recipe, "model": "a model of long ago"}
        uses = [aicas.Use(item.key, str(item.snapshot), item.selector) for item in old.inputs]
        store.put(old.key, store.payload(old), recipe=recipe, inputs=uses)
    told = lines(shell, "resume", "phase-2-generated_code")
    assert "phase-2-generated_code" in stages(told, "cached")
    assert stages(told, "generated") == []


def test_what_does_not_come_of_a_request_is_refused_in_one_line(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("notes", "by hand")
    done = shell.run("resume", "notes")
    assert done.returncode == 2
    assert done.stderr.startswith("ai-orchestrator: notes does not come of a request")
    missing = shell.run("resume", "nothing")
    assert missing.returncode == 3
    assert shell.run("resume", "notes", "--into", "default").returncode == 2
