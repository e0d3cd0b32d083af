"""Changing and keeping a store, and refusing what cannot be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell


def test_invalidate_takes_dependents_along_and_undo_brings_them_back(history: Shell) -> None:
    before = history("refs").out
    plan = history("invalidate", "features", "--dry-run")
    assert [line.strip() for line in plan.out.splitlines()[1:4]] == ["features", "plan", "code"]
    assert history("refs").out == before
    done = history("invalidate", "features", "--reason", "wrong")
    assert done.out.splitlines()[0] == "operation 5 invalidated 3 stages:"
    assert history("refs").out == ""
    assert "because: wrong" in history("cat", "plan", expect=3).err
    assert "operation 6 undid operation 5" in history("undo").out
    assert history("refs").out == before
    assert history("invalidate", "features", "--only", "--json").json["refs"] == [
        "live/default/features"
    ]
    assert history("undo", "7", "--json").json["undoes"] == 7


def test_ops_tell_what_was_done(history: Shell) -> None:
    history("invalidate", "plan", "--reason", "too vague")
    first = history("ops").out.splitlines()[0]
    assert first.startswith("5  ")
    assert "invalidate  plan and 1 more  too vague" in first
    assert [op["number"] for op in history("ops", "-n", "2", "--json").json["operations"]] == [5, 4]
    history("undo", "99", expect=3)


def test_fork_starts_a_project_from_another(history: Shell) -> None:
    assert "forked default to trial" in history("fork", "default", "trial").out
    assert history("cat", "trial/features").out == "login\nlogout\n"
    history("fork", "default", "trial", expect=None)
    assert history("fork", "nowhere", "x", expect=3).err.startswith("aicas: ")


def test_gc_prints_its_plan_and_deletes_only_without_dry_run(history: Shell) -> None:
    history("invalidate", "features", "--reason", "x")
    options = ("--grace", "0", "--retention", "0")
    plan = history("gc", "--dry-run", "--json", *options).json
    assert plan["deleted"] is None
    kinds = sorted({found["kind"] for found in plan["condemned"]})
    assert kinds == ["blob", "snapshot", "tree"]
    assert plan["condemned_bytes"] == sum(f["stored_bytes"] for f in plan["condemned"])
    assert "would delete" in history("gc", "--dry-run", *options).out
    assert "nothing to delete" in history("gc").out
    done = history("gc", *options).out
    assert f"deleted {len(plan['condemned'])} objects" in done
    assert history("verify").code == 0
    history("gc", "--grace", "in a while", expect=2)


def test_verify_names_the_damage_and_who_needs_it(history: Shell) -> None:
    assert history("verify").out.startswith("clean")
    assert history("verify", "--json").json["damage"] == []
    segment = next((history.cwd / ".aicas" / "log").glob("*.seg"))
    data = segment.read_bytes()
    at = data.index(b"login\nlogout\n")
    segment.write_bytes(data[:at] + b"LOGIN" + data[at + 5 :])
    found = history("verify", "--json", expect=5).json
    assert found["clean"] is False
    damaged = [finding for finding in found["damage"] if finding["kind"] == "blob"]
    assert damaged[0]["needed_by"] == [
        "live/default/code",
        "live/default/features",
        "live/default/plan",
    ]
    text = history("verify", expect=5).out
    assert damaged[0]["id"] in text
    assert "needed by live/default/features" in text
    assert history("cat", "features", expect=5).err.startswith("aicas: ")


def test_settings_are_listed_read_and_changed(store: Shell) -> None:
    assert "compression_enabled" in store("config").out
    assert store("config", "get", "gc_grace_hours").out == "24.0\n"
    store("config", "set", "gc_grace_hours", "5.5")
    assert store("config", "get", "gc_grace_hours").out == "5.5\n"
    store("config", "set", "project", "shop")
    assert store("config", "get", "project").out == "shop\n"
    names = [setting["name"] for setting in store("config", "list", "--json").json["settings"]]
    assert names == [line.split()[0] for line in store("config", "list").out.splitlines()]
    assert "settings: gc_grace_hours" in store("config", "set", "gc_grace", "1", expect=2).err
    store("config", "get", "nothing", expect=2)


def test_settings_say_where_they_come_from_and_wrong_ones_can_be_put_right(store: Shell) -> None:
    refused = store("config", "set", "max_cache_size_gb", "-1", expect=2)
    assert "must be a number of GB over 0 and at most 1000000, not -1" in refused.err
    store("config", "set", "max_cache_size_gb", "7")
    store("config", "set", "cost_models.gpt-4", '{"input": 0.03, "output": 0.06}')
    listed = store("config", "list", "--json", AICAS_ANALYTICS_ENABLED="false").json["settings"]
    origins = {setting["name"]: setting["origin"] for setting in listed}
    assert origins["max_cache_size_gb"] == origins["cost_models"] == "file"
    assert origins["analytics_enabled"] == "environment"
    assert origins["project"] == "default"
    assert "AICAS_ANALYTICS_ENABLED" in store("config", AICAS_ANALYTICS_ENABLED="false").out
    assert store("config", "get", "cost_models.gpt-4", "--json").json == {
        "name": "cost_models.gpt-4",
        "value": {"input": 0.03, "output": 0.06},
        "origin": "file",
        "purpose": next(s["purpose"] for s in listed if s["name"] == "cost_models"),
    }
    store("config", "get", "cost_models.other", expect=3)
    (store.cwd / ".aicas" / "config.toml").write_text("gc_grace_hours = -1 # oops\n")
    assert "config.toml: gc_grace_hours must be" in store("ls", expect=2).err
    store("config", "set", "gc_grace_hours", "1")
    assert (store.cwd / ".aicas" / "config.toml").read_text() == "gc_grace_hours = 1 # oops\n"
    store("config", "unset", "gc_grace_hours")
    assert store("config", "get", "gc_grace_hours").out == "24.0\n"
    store("config", "unset", "gc_grace_hours", expect=2)


def test_an_unknown_or_empty_key_is_one_line_with_near_names(history: Shell) -> None:
    commands = ("get", "cat", "show", "ls", "log", "diff", "invalidate")
    for command in commands:
        result = history(command, "featuers", expect=3)
        assert result.err.splitlines()[-1] == "hint: did you mean features?", command
        assert len(result.err.splitlines()) == 2
        empty = history(command, "", expect=None)
        assert empty.code in (2, 3), command
        assert len(empty.err.splitlines()) <= 2


@pytest.mark.parametrize(
    "key", ["../x", "/abs", "a\x01b", "", "x" * 300, "CON", "-rf", "a\u202eb", "a b", ".hidden"]
)
def test_a_name_no_store_may_hold_is_refused_and_nothing_is_written(
    history: Shell, key: str
) -> None:
    before = history("ops", "--json").out
    result = history("put", "--", key, "-", stdin="x", expect=2)
    assert result.err.startswith("aicas: key")
    assert "\x01" not in result.err
    assert "\u202e" not in result.err
    assert history("ops", "--json").out == before


def test_numbers_and_names_out_of_range_are_refused(history: Shell) -> None:
    for arguments in (
        ("undo", "0"),
        ("undo", "9" * 30),
        ("ops", "-n", "9" * 30),
        ("log", "-n", "-1"),
        ("diff", "code", "-U", "9" * 30),
        ("log", "code@{" + "9" * 30 + "}"),
        ("refs", os.fsdecode(b"\xff")),
        ("cat", os.fsdecode(b"\xff")),
        ("put", "x", "-", "--reason", os.fsdecode(b"\xff")),
    ):
        assert history(*arguments, expect=2).err.startswith("aicas: "), arguments


def test_a_source_that_cannot_be_read_is_one_line(store: Shell) -> None:
    for source in ("nothing", "/dev/null/x"):
        result = store("put", "a", source, expect=2)
        assert result.err.startswith("aicas: ")
        assert len(result.err.splitlines()) == 1
    assert store("put", "a", "-", "--as", "json", stdin="{'a': NaN}", expect=2).err
    assert store("put", "a", "-", "--as", "text", stdin=b"\xff", expect=2).err
    store("put", "a", ".", "--as", "json", expect=2)


def test_maintain_says_what_it_did_and_on_a_terminal_how_far_it_is(history: Shell) -> None:
    done = history("maintain")
    assert any("pack" in line for line in done.out.splitlines())
    assert done.err == ""
    history("put", "more", "-", stdin="more")
    code, shown = history.on_terminal("maintain")
    assert code == 0
    assert "looking for what to evict ..." in shown
    form = history("maintain", "--json").json
    assert form["packed"]["objects"] >= 0


def test_a_put_into_a_store_over_its_limit_succeeds_and_says_so_once(history: Shell) -> None:
    history("config", "set", "max_cache_size_gb", "0.000001")
    done = history("put", "more", "-", stdin="more" * 100)
    (line,) = done.err.splitlines()
    assert line.startswith("aicas: warning: the store stays ")
    assert line.endswith("payloads too young to judge")
    assert history("cat", "more").out == "more" * 100
    history("config", "set", "auto_maintain", "false")
    assert history("put", "again", "-", stdin="y").err == ""


def test_what_is_pinned_is_listed_and_let_go(history: Shell) -> None:
    assert history("pin").out == ""
    assert "pins/default/code" in history("pin", "code~1").out
    assert history("pin", "code", expect=2).err.startswith("aicas: the pin code holds another")
    assert [pin["name"] for pin in history("pin", "--json").json["pins"]] == ["code"]
    assert history("cat", "pins/default/code:src/app.py").out == "print('one')\n"
    history("unpin", "cod", expect=3)
    assert "unpinned code" in history("unpin", "code").out
    history("pin", "--name", "x", expect=2)


def test_rules_are_shown_with_what_they_keep(history: Shell) -> None:
    assert history("retention").out == "there are no rules\n"
    history("config", "set", "retention.code", "{keep_last = 1}")
    assert history("config", "get", "retention.code").out == '{"keep_last": 1}\n'
    lines = history("retention").out.splitlines()
    assert lines[:3] == ["code  keep_last = 1", "", "code: 2 versions, 1 kept"]
    assert lines[3].split()[0] == "keep"
    assert lines[4].endswith("no rule keeps it")
    history("config", "set", "retention.code", "{keep_last = 0}", expect=2)
