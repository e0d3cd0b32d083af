"""``ai-orchestrator doctor``: everything that is wrong, each with a command that puts it right."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import Shell

import aicas

HOUR = 3_600_000_000
REQUEST = ("generate", "Build todo app")
HOLDING = """
import sys, time, aicas
with aicas.open() as store:
    store.put("plan", "text")
    claim = store.claim("code", {"prompt": "p"}, ["plan"])
    print("holds", flush=True)
    time.sleep(600)
"""


def opened(shell: Shell, hours_ago: float = 0, project: str | None = None) -> aicas.Store:
    """The store, at a time that has passed."""
    now = time.time_ns() // 1000 - int(hours_ago * HOUR)
    return aicas.open(shell.store, clock=lambda: now, project=project)


def findings(shell: Shell, *words: str, expect: int) -> list[dict[str, Any]]:
    found = shell.document("doctor", *words, expect=expect)
    assert found["healthy"] == (expect == 0)
    listed: list[dict[str, Any]] = found["findings"]
    return listed


def cure(shell: Shell, area: str, *, expect: int = 1) -> dict[str, Any]:
    """The one finding of an area, once its remedy, run as it is printed, has made it go away."""
    (finding,) = (each for each in findings(shell, expect=expect) if each["area"] == area)
    lines = shell.lines("doctor", expect=expect)
    assert f"         remedy: {finding['remedy']}" in lines
    done = shell.say(finding["remedy"])
    assert done.returncode == 0, done.stdout
    assert not [each for each in findings(shell, expect=0) if each["area"] == area]
    return finding


def test_a_store_after_a_run_is_healthy(shell: Shell) -> None:
    shell.lines(*REQUEST)
    found = shell.document("doctor")
    assert found["healthy"]
    assert (found["projects"], found["stages"], found["findings"]) == (["default"], 24, [])
    assert shell.lines("doctor") == [f"healthy: 24 stages in 1 project, {shell.store}"]


def changed_input(store: aicas.Store) -> str:
    store.put("plan", "one")
    store.put("code", "text", inputs=["plan"])
    store.put("report", "text", inputs=["code"])
    store.put("plan", "two")
    return "code: input plan changed"


def absent_input(store: aicas.Store) -> str:
    store.put("plan", "one")
    store.put("code", "text", inputs=["plan"])
    store.invalidate("plan", only=True)
    return "code: input plan is gone"


def unmatched_part(store: aicas.Store) -> str:
    store.put("plan", {"phases": {"1": "accounts"}})
    store.put("code", "text", inputs=["plan#/phases/1"])
    store.put("plan", {"phases": {}})
    return "code: input plan#/phases/1 matches nothing"


def circle(store: aicas.Store) -> str:
    store.put("plan", "one")
    store.put("code", "text", inputs=["plan"])
    store.put("plan", "one", inputs=["code"])
    return "made from one another in a circle: code -> plan -> code"


@pytest.mark.parametrize("prepare", [changed_input, absent_input, unmatched_part, circle])
def test_an_input_that_does_not_stand_is_found_and_cured(
    shell: Shell, prepare: Callable[[aicas.Store], str]
) -> None:
    with aicas.open(shell.store) as store:
        what = prepare(store)
    finding = cure(shell, "dependencies")
    assert finding["what"].replace("plan -> code -> plan", "code -> plan -> code") == what
    assert (finding["severity"], finding["project"]) == ("finding", "default")


def test_only_the_first_of_a_chain_of_stale_stages_is_reported(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("a", "1")
        for below, above in (("b", "a"), ("c", "b"), ("d", "c")):
            store.put(below, above, inputs=[above])
        for key in ("c", "a"):
            store.put(key, "changed", inputs=["b"] if key == "c" else [])
    (finding,) = findings(shell, expect=1)
    assert finding["keys"] == ["b"]


def test_what_has_expired_is_found_and_moved_away(shell: Shell) -> None:
    with opened(shell, hours_ago=100) as store:
        for key in ("a", "b", "c", "d", "e"):
            store.put(key, "text")
    finding = cure(shell, "expiry")
    assert finding["what"] == "expired, and still held as current: a, b, c and 2 more"
    assert finding["keys"] == ["a", "b", "c", "d", "e"]


def test_what_will_soon_expire_is_a_note_and_no_fault(shell: Shell) -> None:
    with opened(shell, hours_ago=70) as store:
        store.put("a", "text")
        store.put("forever", "text", expires_in_hours=0)
    (note,) = findings(shell, expect=0)
    assert (note["severity"], note["area"], note["keys"]) == ("note", "expiry", ["a"])
    assert note["what"] == "will expire within 12 hours: a"
    assert findings(shell, "--soon", "1", expect=0) == []
    assert shell.lines("doctor")[-1].startswith("healthy: ")


def test_a_quarantined_output_is_found_and_cured(shell: Shell) -> None:
    with aicas.open(shell.store, project="shop") as store:
        store.put("code", "text", validation_status="failed")
    finding = cure(shell, "quarantine")
    assert (finding["project"], finding["keys"]) == ("shop", ["code"])
    with aicas.open(shell.store, project="shop") as store:
        assert store.lookup("code")


def test_stages_of_other_agents_prompts_or_code_are_found_and_made_again(shell: Shell) -> None:
    shell.lines(*REQUEST)
    key = "phase-3-generated_code"
    with aicas.open(shell.store) as store:
        old = store.show(key)
        recipe = {**old.recipe, "agent_version": "coder 0.9", "code_version": "0"}
        inputs = [aicas.Use(i.key, i.key, i.selector) for i in old.inputs]
        store.put(key, store.get(key), inputs=inputs, recipe=recipe, tags=old.tags)
    finding = cure(shell, "compatibility")
    assert finding["keys"] == [key]
    assert "agent_version" in finding["what"]
    assert "code_version changed from '0' to " in finding["what"]
    assert finding["remedy"] == "ai-orchestrator generate 'Build todo app'"


def test_the_policy_says_which_agent_versions_are_compatible(shell: Shell) -> None:
    shell.lines(*REQUEST)
    key = "system_architecture_plan"
    with aicas.open(shell.store) as store:
        old = store.show(key)
        recipe = {**old.recipe, "agent_version": f"{old.agent_version}.7"}
        store.put(key, store.get(key), inputs=old.dependencies, recipe=recipe, tags=old.tags)
    assert [each["keys"] for each in findings(shell, expect=1)] == [[key]]
    assert findings(shell, "--agent-policy", "major", expect=0) == []
    assert findings(shell, "--agent-policy", "any", expect=0) == []


def noise(count: int) -> bytes:
    """Bytes that cannot be compressed."""
    import random

    return random.Random(7).randbytes(count)


@pytest.mark.parametrize(
    ("hours_ago", "size_gb", "remedy"),
    [
        (50, "0.0005", "aicas evict"),
        (0, "0.0005", "aicas evict --grace 0"),
        (0, "0.0000001", "aicas config set max_cache_size_gb 0.0"),
    ],
)
def test_a_store_over_its_size_is_found_and_cured(
    shell: Shell, hours_ago: float, size_gb: str, remedy: str
) -> None:
    with opened(shell, hours_ago) as store:
        store.put("big", noise(900_000))
        store.put("small", "text")
    shell.lines("config", "set", "max_cache_size_gb", size_gb, program="aicas")
    finding = cure(shell, "size")
    assert finding["remedy"].startswith(remedy)
    assert finding["project"] is None


def test_a_size_from_the_environment_is_changed_there(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("big", noise(5_000))
    shell.environment["AICAS_MAX_CACHE_SIZE_GB"] = "0.0000001"
    (finding,) = findings(shell, expect=1)
    assert finding["remedy"] == "export AICAS_MAX_CACHE_SIZE_GB=0.001"
    done = shell.say(f"{finding['remedy']}; ai-orchestrator doctor")
    assert done.returncode == 0, done.stdout


def test_a_setting_out_of_range_in_the_file_is_found_and_cured(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "text")
    (shell.store / "config.toml").write_text("# mine\ndefault_expiry_hours = -5\n")
    lines = shell.lines("doctor", expect=1)
    assert lines[-1].startswith("nothing else was examined")
    finding = cure(shell, "settings")
    assert finding["remedy"] == "aicas config unset default_expiry_hours"
    assert (shell.store / "config.toml").read_text() == "# mine\n"


def test_a_setting_out_of_range_in_the_environment_is_found_and_cured(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "text")
    shell.environment["AICAS_GC_GRACE_HOURS"] = "-1"
    (finding,) = findings(shell, expect=1)
    assert finding["area"] == "settings"
    done = shell.say(f"{finding['remedy']}; ai-orchestrator doctor")
    assert done.returncode == 0, done.stdout
    del shell.environment["AICAS_GC_GRACE_HOURS"]


def large_file(store: Path) -> Path:
    (found,) = (path for path in (store / "large").rglob("*") if path.is_file())
    return found


def test_a_damaged_payload_is_found_and_its_stage_can_be_made_again(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("other", "text")
        store.put("code", {"src/big.bin": noise(900_000), "src/app.py": b"1"}, inputs=["other"])
        store.put("report", "text", inputs=["code"])
    path = large_file(shell.store)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    finding = cure(shell, "corruption", expect=5)
    assert (finding["severity"], finding["keys"]) == ("damage", ["code", "report"])
    with aicas.open(shell.store) as store:
        assert not store.lookup("code")
        assert store.lookup("other")
        assert store.lookup("report")
        store.put("code", {"src/big.bin": noise(900_000)}, inputs=["other"])
        assert store.lookup("code")


def test_a_lost_payload_that_only_history_needs_is_found_and_cured(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("code", noise(900_000))
    large_file(shell.store).unlink()
    with aicas.open(shell.store) as store:
        store.put("code", "another")
    cure(shell, "corruption", expect=5)


def test_damage_that_nothing_needs_is_collected(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("code", noise(900_000))
        store.invalidate("code")
    path = large_file(shell.store)
    path.chmod(0o600)
    path.write_bytes(b"nothing like it")
    finding = cure(shell, "corruption", expect=5)
    assert finding["keys"] == []


def test_damage_to_the_log_stays_as_it_is_and_is_told_again(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "abcdefghijkl")
        store.put("code", "text")
    (segment,) = (shell.store / "log").glob("*.seg")
    segment.write_bytes(segment.read_bytes().replace(b"abcdefghijkl", b"abcdefghijkL"))
    of_log, of_object = sorted(findings(shell, expect=5), key=lambda each: bool(each["remedy"]))
    assert {of_log["area"], of_object["area"]} == {"corruption"}
    assert shell.say(of_object["remedy"]).returncode == 0
    assert findings(shell, expect=5) == [of_log]
    assert "no command puts this right" in shell.lines("doctor", expect=5)[1]
    assert of_log["what"].startswith("log segment ")
    with aicas.open(shell.store) as store:
        assert store.lookup("code")
    shutil.rmtree(shell.store)


def test_whatever_byte_of_the_log_is_damaged_there_is_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicas.orchestrator.cli.main import cli

    with aicas.open(tmp_path / "whole") as store:
        recipe = {"parameters": {"request": "Note app"}}
        store.put("brainstorming_features", "text", recipe=recipe, tags=["micro_phase"])
        store.put("system_architecture_plan", {"a": b"1"}, inputs=["brainstorming_features"])
    (segment,) = (tmp_path / "whole" / "log").glob("*.seg")
    data = segment.read_bytes()
    codes = set()
    for at in range(36, len(data), 29):
        store_folder = tmp_path / str(at)
        shutil.copytree(tmp_path / "whole", store_folder)
        damaged = bytearray(data)
        damaged[at] ^= 1
        (store_folder / "log" / segment.name).write_bytes(damaged)
        words = ["doctor", "--store", str(store_folder), "--json"]
        code = cli.main(words, standalone_mode=False)
        found = json.loads(capsys.readouterr().out)
        assert found["healthy"] == (not code)
        codes.add(code)
    # A damaged last commit counts as one that never was.
    assert codes <= {None, 0, 1, 5}
    assert 5 in codes


def test_books_that_do_not_balance_are_damage(shell: Shell) -> None:
    from aicas.history.publish import Account

    with aicas.open(shell.store) as store:
        store.put("plan", "text")
        facts = {"project": "default", "key": "plan", "cause": "wished", "cost": {}}
        store._publisher.move([], Account("spend", facts=facts))
    (finding,) = findings(shell, expect=5)
    assert finding["what"].startswith("operation 2 is not in the books: ")
    shutil.rmtree(shell.store)


def test_nothing_is_left_of_a_lease_whose_holder_was_killed(shell: Shell) -> None:
    process = shell.start("-c", HOLDING)
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert [*(shell.store / "leases").iterdir()]
    assert findings(shell, expect=0) == []
    assert not [*(shell.store / "leases").iterdir()]


def test_one_project_can_be_examined_alone(shell: Shell) -> None:
    for project in ("one", "two/below"):
        with aicas.open(shell.store, project=project) as store:
            changed_input(store)
    assert {each["project"] for each in findings(shell, expect=1)} == {"one", "two/below"}
    (finding,) = findings(shell, "--project", "two/below", expect=1)
    assert finding["remedy"].endswith(" --project two/below")
    done = shell.say(finding["remedy"])
    assert done.returncode == 0, done.stdout
    assert findings(shell, "--project", "two/below", expect=0) == []
    assert {each["project"] for each in findings(shell, expect=1)} == {"one"}


def test_remedies_name_the_store_that_was_named(shell: Shell) -> None:
    where = shell.folder / "a store"
    with aicas.open(where) as store:
        changed_input(store)
    (finding,) = findings(shell, "--store", str(where), expect=1)
    assert shell.say(finding["remedy"]).returncode == 0
    assert findings(shell, "--store", str(where), expect=0) == []


def test_no_store_is_no_healthy_store(shell: Shell) -> None:
    assert shell.run("doctor").returncode == 3
    assert not shell.store.exists()
