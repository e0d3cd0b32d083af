"""``ai-orchestrator status``: what a run did, and how its cache entries stand."""

from __future__ import annotations

import json

from program import Shell

import aicas

REQUEST = ("generate", "Build todo app", "--output", "out")


def interrupted_run(shell: Shell) -> None:
    """Two runs: one that fails at phase 8, and one that goes on from there."""
    shell.lines(*REQUEST, "--session", "first", "--fail-at", "phase-8-generated_code", expect=8)
    shell.lines(*REQUEST, "--session", "second")


def test_the_stages_of_a_run_are_listed_in_order_with_their_cost(shell: Shell) -> None:
    interrupted_run(shell)
    lines = shell.lines("status", "second")
    assert lines[0].startswith("session second, project default, 20")
    assert [line.split()[1] for line in lines[2:26]] == ["cached"] * 17 + ["generated"] * 7
    found = shell.document("status", "second")
    costs = {stage["key"]: aicas.format_usd(stage["cost"]["usd_nano"]) for stage in found["stages"]}
    first, eighth = "brainstorming_features", "phase-8-generated_code"
    assert lines[2].split()[:5] == [first, "cached", "4", costs[first], "saved"]
    assert lines[19].split()[:5] == [eighth, "generated", "1", costs[eighth], "first"]
    assert lines[26:28] == [
        "24 stages: 17 cached, 7 generated, 0 failed",
        "calls: 7 made, 20 saved",
    ]
    sums = [aicas.format_usd(found["totals"][f"{what}_usd_nano"]) for what in ("spent", "saved")]
    assert lines[28:] == [f"USD: {sums[0]} spent, {sums[1]} saved"]


def test_the_totals_are_those_that_the_run_itself_told(shell: Shell) -> None:
    command = (*REQUEST, "--session", "first", "--fail-at", "phase-8-generated_code", "--json")
    told = json.loads(shell.lines(*command, expect=8)[-1])
    found = shell.document("status", "first")
    assert found["totals"]["generated"] == len(found["stages"]) == 17
    assert found["totals"]["spent_usd_nano"] == told["spent_usd_nano"]
    assert found["totals"]["calls_made"] == told["calls_made"]
    spent = sum(stage["cost"]["usd_nano"] for stage in found["stages"])
    assert spent == found["totals"]["spent_usd_nano"]
    assert found["cache"] is None
    assert {stage["cause"] for stage in found["stages"]} == {"first"}


def test_money_that_a_failed_stage_took_is_told_apart(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "text", session="s", cost=aicas.Cost(usd_nano=5_000_000))
        store.spend("code", aicas.Cost(usd_nano=2_000_000), session="s", reason="it broke")
        store.spend("more", aicas.Cost(), session="s")
    lines = shell.lines("status", "s", "--include-cache")
    assert lines[3].split()[:4] == ["code", "failed", "1", "$0.0020"]
    assert lines[3].endswith("never stored")
    assert "3 stages: 0 cached, 1 generated, 2 failed" in lines
    assert "$0.0070 (and 1 stage unpriced) spent, $0.0020 of it on failures" in "\n".join(lines)
    totals = shell.document("status", "s")["totals"]
    assert (totals["lost_usd"], totals["spent_unpriced"]) == ("0.002", 1)


def test_include_cache_says_how_each_entry_stands_now_and_why(shell: Shell) -> None:
    interrupted_run(shell)
    whole = shell.document("status", "second", "--include-cache")
    assert {stage["entry"]["state"] for stage in whole["stages"]} == {"valid"}
    assert whole["cache"]["entries"] == whole["cache"]["valid"] == 24
    assert round(whole["cache"]["hit_rate"], 1) == 70.8
    size = sum(stage["entry"]["size_bytes"] for stage in whole["stages"])
    assert whole["cache"]["size_bytes"] == size
    shell.lines("invalidate", "phase-9-generated_code", "--reason", "anew", program="aicas")
    after = shell.document("status", "second", "--include-cache")
    entries = {stage["key"]: stage["entry"] for stage in after["stages"]}
    assert entries["phase-8-generated_code"]["state"] == "valid"
    gone = entries["phase-10-generated_code"]
    assert (gone["state"], gone["upstream"]) == ("invalidated", "phase-9-generated_code")
    assert gone["reasons"][0]["code"] == "invalidated"
    assert gone["reasons"][0]["text"].endswith(": anew")
    lines = shell.lines("status", "second", "--include-cache")
    assert "cache: hit rate 70.8%, 19 of 24 entries valid, " in "\n".join(lines)
    assert any(line.startswith("phase-9-generated_code: invalidated by") for line in lines)


def test_an_entry_that_changed_above_is_stale_with_its_reason(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "one", session="s")
        store.put("code", "text", inputs=["plan"], session="s")
        store.put("plan", "two")
    entry = shell.document("status", "s", "--include-cache")["stages"][1]["entry"]
    assert (entry["state"], entry["upstream"]) == ("stale", "plan")
    assert entry["reasons"] == [{"code": "input_changed", "text": "input plan changed"}]


def test_a_run_over_several_projects_names_them(shell: Shell) -> None:
    for project in ("one", "two"):
        with aicas.open(shell.store, project=project) as store:
            store.put("plan", "text", session="s")
    lines = shell.lines("status", "s")
    assert "project one, two," in lines[0]
    assert [line.split()[0] for line in lines[2:4]] == ["one/plan", "two/plan"]
    assert shell.document("status", "s")["projects"] == ["one", "two"]


def test_a_run_whose_lookups_were_not_recorded_says_so(shell: Shell) -> None:
    shell.environment["AICAS_ANALYTICS_ENABLED"] = "false"
    interrupted_run(shell)
    lines = shell.lines("status", "second")
    assert "7 stages: 0 cached, 7 generated, 0 failed" in lines
    assert lines[-1].startswith("analytics_enabled is off")


def test_an_unknown_session_or_store_is_refused(shell: Shell) -> None:
    assert shell.run("status", "s").returncode == 3
    assert not shell.store.exists()
    interrupted_run(shell)
    done = shell.run("status", "nobody")
    assert done.returncode == 3
    assert "there is no session 'nobody'" in done.stderr


def test_what_people_wrote_cannot_drive_a_terminal(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "text", session="s")
        store.put("code", "text", session="s", inputs=["plan"], recipe={"model": "\x1b[31mred"})
        store.invalidate("plan", "because \x1b[2J\u202e")
    for words in (("status", "s", "--include-cache"), ("doctor",), ("cost-analysis", "s")):
        for more in ((), ("--json",)):
            done = shell.run(*words, *more)
            assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
    assert "because \\x1b[2J\\u202e" in shell.run("status", "s", "--include-cache").stdout
