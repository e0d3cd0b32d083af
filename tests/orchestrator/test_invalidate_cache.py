"""``ai-orchestrator invalidate-cache``: the price first, and nothing without being told to."""

from __future__ import annotations

import pytest
from program import Shell

import aicas

KEY = "phase-9-generated_code"
REQUEST = ("generate", "Build todo app", "--output", "out")


@pytest.fixture
def generated(shell: Shell) -> Shell:
    shell.lines(*REQUEST)
    return shell


def operations(shell: Shell) -> int:
    with aicas.open(shell.store) as store:
        return next(store.ops(limit=1)).number


def test_without_confirm_the_priced_plan_is_shown_and_nothing_changes(generated: Shell) -> None:
    before = operations(generated)
    lines = generated.lines("invalidate-cache", KEY, expect=1)
    assert lines[0] == "would invalidate 5 stages:"
    assert lines[1].split() == ["STAGE", "CALLS", "USD", "TOKENS", "IN", "OUT", "TIME"]
    assert {line.split()[0] for line in lines[2:7]} == {
        KEY,
        "phase-9-validation_report",
        "phase-10-generated_code",
        "phase-10-validation_report",
        "final_integration_summary",
    }
    price = generated.document("invalidate-cache", KEY, expect=1)["price"]
    assert lines[7].startswith(f"to produce them again: {aicas.format_usd(price['usd_nano'])}, ")
    assert lines[7].endswith(" s")
    assert lines[8] == "nothing was changed; --confirm does it"
    assert operations(generated) == before


def test_the_price_is_the_sum_over_its_stages(generated: Shell) -> None:
    found = generated.document("invalidate-cache", KEY, expect=1)
    for field in ("usd_nano", "input_tokens", "output_tokens", "latency_us", "calls"):
        total = sum(stage["cost"][field] for stage in found["stages"])
        assert found["price"][field] == total > 0
    assert (found["confirmed"], found["operation"], found["undo"]) == (False, None, None)


def test_with_confirm_they_leave_and_the_line_that_is_printed_brings_them_back(
    generated: Shell,
) -> None:
    planned = generated.document("invalidate-cache", KEY, expect=1)
    done = generated.document("invalidate-cache", KEY, "--confirm", "--reason", "try anew")
    assert (done["stages"], done["price"]) == (planned["stages"], planned["price"])
    with aicas.open(generated.store) as store:
        assert store.operation(done["operation"]).reason == "try anew"
        assert not store.lookup("final_integration_summary")
    assert generated.say(done["undo"]).returncode == 0
    with aicas.open(generated.store) as store:
        assert store.lookup("final_integration_summary")


def test_with_confirm_the_seeds_next_run_pays_only_for_what_left(generated: Shell) -> None:
    lines = generated.lines("invalidate-cache", "system_architecture_plan", "--confirm")
    assert lines[0].endswith("invalidated 23 stages:")
    assert lines[-1].startswith("until a gc collects them, this brings them back: aicas undo ")
    again = generated.lines(*REQUEST)
    assert again[3].startswith("cached    brainstorming_features")
    assert again[4].startswith("generated system_architecture_plan")


def test_the_way_back_names_the_store_and_project_that_were_named(shell: Shell) -> None:
    where = ("--store", "a store", "--project", "web/shop")
    shell.lines(*REQUEST, *where)
    lines = shell.lines("invalidate-cache", KEY, "--confirm", *where)
    assert lines[1].strip() == KEY
    command = lines[-1].partition(": ")[2]
    assert command.startswith("aicas --store 'a store' --project web/shop undo ")
    done = shell.say(command)
    assert done.returncode == 0, done.stdout


def test_what_has_no_price_is_counted_apart(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        store.put("plan", "text", cost=aicas.Cost(usd_nano=1_000_000_000, input_tokens=3))
        store.put("code", "text", inputs=["plan"])
    lines = shell.lines("invalidate-cache", "plan", expect=1)
    assert lines[-2].startswith("to produce them again: $1.0000, 3 tokens in, 0 out")
    assert lines[-2].endswith("; 1 without a recorded price")
    assert lines[3].split() == ["code", "-", "unpriced", "-", "-", "-"]


def test_nothing_to_invalidate_is_refused(generated: Shell) -> None:
    assert generated.run("invalidate-cache", "nothing").returncode == 3
    generated.lines("invalidate-cache", KEY, "--confirm")
    for more in ((), ("--confirm",)):
        again = generated.run("invalidate-cache", KEY, *more)
        assert again.returncode == 3
        assert "nothing current" in again.stderr


def test_a_key_that_could_drive_a_terminal_is_shown_as_it_is(generated: Shell) -> None:
    done = generated.run("invalidate-cache", "\x1b[31mred")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
