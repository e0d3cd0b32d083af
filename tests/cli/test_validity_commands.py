"""``status``, ``why``, ``accept``, ``quarantine``, ``promote``, ``samples`` and ``choose``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

OLD_RECIPE = {
    "prompt": "Write the login.\nBe brief.\nUse Python.\n",
    "model": "gpt-4",
    "parameters": {"temperature": 0.2, "stop": ["x"]},
}
NEW_RECIPE = OLD_RECIPE | {
    "prompt": "Write the login.\nBe thorough.\nUse Python.\n",
    "parameters": {"temperature": 0.7, "stop": ["x"]},
}


def plan(*names: str) -> str:
    return json.dumps({"phases": [{"name": name} for name in names]})


@pytest.fixture
def pipeline(store: Shell) -> Shell:
    """plan -> login (of its first phase) and billing (of its second); login -> tests."""
    for name, recipe in (("old", OLD_RECIPE), ("new", NEW_RECIPE)):
        (store.cwd / f"{name}.json").write_text(json.dumps(recipe))
    store("put", "plan", "--as", "json", stdin=plan("login", "billing"))
    store("put", "login", "--dep", "plan#/phases/0", "--recipe", "old.json",
          "--cost-usd", "1.25", stdin="def login(): ...\n")  # fmt: skip
    store("put", "billing", "--dep", "plan#/phases/1", stdin="def bill(): ...\n")
    store("put", "tests", "--dep", "login", "--cost-usd", "0.25", stdin="assert login\n")
    return store


def lines(text: str) -> list[str]:
    """Without ids, which differ."""
    return [line for line in text.splitlines() if line]


def test_a_valid_stage_is_valid_and_there_is_nothing_to_say(pipeline: Shell) -> None:
    out = pipeline("why", "login", "--exit-code").out
    assert out.startswith("login  valid  ")
    assert len(out.splitlines()) == 1
    found = pipeline("why", "login", "--json").json
    assert (found["state"], found["reasons"], found["cause"], found["hint"]) == (
        "valid",
        [],
        None,
        None,
    )
    assert found["price"]["usd"] is None


def test_why_shows_what_changed_in_exactly_the_part_that_is_read(pipeline: Shell) -> None:
    pipeline("put", "plan", "--as", "json", stdin=plan("sign-in", "billing"))
    shown = lines(pipeline("why", "login").out)
    assert shown[0].startswith("login  stale  ")
    assert shown[1:] == [
        "  input plan#/phases/0 changed",
        '    ~ /phases/0/name  "login" -> "sign-in"',
        "first cause: plan  made again from the same, and came out different",
        "to make it again: $1.25, 0 ms  (as it cost last time)",
        "hint: make it again, or 'aicas accept login --reason ...' if it is good as it is",
    ]
    assert pipeline("why", "billing").out.startswith("billing  valid")
    assert pipeline("why", "login", "--exit-code", expect=1)
    (reason,) = pipeline("why", "login", "--json").json["reasons"]
    assert (reason["code"], reason["key"], reason["selector"]) == (
        "input_changed",
        "plan",
        "/phases/0",
    )
    assert [v["path"] for v in reason["diff"]["values"]] == ["/phases/0/name"]


def test_why_shows_a_changed_prompt_line_by_line_and_parameters_place_by_place(
    pipeline: Shell,
) -> None:
    shown = pipeline("why", "login", "--recipe", "new.json").out
    assert "  prompt changed from 'Write the login." in shown
    for line in ("    @@ -1,3 +1,3 @@", "    -Be brief.", "    +Be thorough."):
        assert line in shown.splitlines()
    assert "    ~ parameters/temperature  0.2 -> 0.7" in shown.splitlines()
    assert "model" not in shown
    assert pipeline("why", "login", "--recipe", "old.json", "--exit-code")


def test_why_shows_changed_files_of_the_part_and_text_of_a_whole_input(pipeline: Shell) -> None:
    code = pipeline.cwd / "code"
    (code / "src").mkdir(parents=True)
    (code / "src" / "a.py").write_text("one\n")
    (code / "notes").write_text("one\n")
    pipeline("put", "code", "code")
    pipeline("put", "docs", "--dep", "code#src/**", "--dep", "login", stdin="d")
    (code / "src" / "a.py").write_text("two\n")
    (code / "notes").write_text("two\n")
    pipeline("put", "code", "code")
    pipeline("put", "login", "--dep", "plan#/phases/0", stdin="def login(): pass\n")
    shown = pipeline("why", "docs").out
    assert "diff --git a/src/a.py b/src/a.py" in shown
    assert "notes" not in shown
    assert "    -def login(): ...\n    +def login(): pass\n" in shown


def test_why_names_the_first_cause_and_the_way_from_it(pipeline: Shell) -> None:
    pipeline("put", "plan", "--as", "json", stdin=plan("sign-in", "billing"))
    rests = pipeline("why", "tests").out
    assert "it rests on a stage that is not valid\n" in rests
    assert "first cause: plan  made again" in rests
    assert "  plan -> login -> tests\n" in rests
    pipeline("put", "login", "--dep", "plan#/phases/0", "--recipe", "old.json", stdin="other\n")
    stale = pipeline("why", "tests").out
    assert "first cause: plan  made again" in stale
    assert "  plan -> login -> tests\n" in stale
    assert pipeline("why", "tests", "--json").json["cause"]["path"] == ["login", "plan"]


def test_why_offers_an_earlier_version_that_fits(pipeline: Shell) -> None:
    first = pipeline("show", "login", "--json").json["id"]
    pipeline("put", "login", "--dep", "plan#/phases/0", "--recipe", "new.json", stdin="new\n")
    shown = pipeline("why", "login", "--recipe", "old.json")
    assert f"'aicas choose login {first[:12]}' takes it back, at no cost" in shown.out
    pipeline("choose", "login", first[:12])
    assert pipeline("why", "login", "--recipe", "old.json", "--exit-code")


def test_why_of_what_was_moved_away_says_how_to_get_it_back(pipeline: Shell) -> None:
    pipeline("invalidate", "plan", "--reason", "wrong customer")
    shown = pipeline("why", "tests").out
    assert "tests  invalidated" in shown
    assert "wrong customer" in shown
    assert "first cause: plan  invalidated by operation 5" in shown
    assert "'aicas undo 5'" in shown


def test_why_of_a_key_of_another_project(pipeline: Shell) -> None:
    pipeline("fork", "default", "other")
    pipeline("--project", "other", "put", "plan", "--as", "json", stdin=plan("x", "billing"))
    assert pipeline("why", "other/login", "--exit-code", expect=1)
    assert pipeline("why", "login", "--exit-code")
    pipeline("accept", "other/login", "--reason", "good")
    assert pipeline("why", "other/login", "--exit-code")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("r.json", '{"a": 1, "a": 2}', "'a' twice"),
        ("r.json", '{"a": NaN}', "NaN"),
        ("r.json", '["a"]', "holds no recipe"),
        ("r.json", '{"a": ' + "9" * 30 + "}", "64 bits"),
        ("r.json", "{", "not JSON"),
        ("r.toml", 'a = 1\na = 2\n', "not TOML"),
        ("r.toml", "a = nan\n", "nan"),
        ("r.toml", "a = 2020-01-01\n", "date"),
        ("r.toml", "= 1", "not TOML"),
        ("r.toml", "a = " + "[" * 5000, "nested"),
        ("r.toml", "\xff", "UTF-8"),
        ("missing.json", None, "No such file"),
    ],
)  # fmt: skip
def test_a_recipe_file_is_read_strictly(
    pipeline: Shell, name: str, content: str | None, problem: str
) -> None:
    if content is not None:
        (pipeline.cwd / name).write_bytes(content.encode("latin-1"))
    for command in (
        ["why", "login", "--recipe", name],
        ["put", "login", "old.json", "--recipe", name],
        ["accept", "login", "--reason", "x", "--recipe", name],
    ):
        refused = pipeline(*command, expect=2)
        assert problem in refused.err
        assert refused.err.startswith("aicas: ")
        assert "Traceback" not in refused.err
    assert len(pipeline("ops").out.splitlines()) == 4


def test_toml_and_json_say_the_same_recipe(pipeline: Shell) -> None:
    (pipeline.cwd / "same.toml").write_text(
        'prompt = """\nWrite the login.\nBe brief.\nUse Python.\n"""\nmodel = "gpt-4"\n'
        "[parameters]\ntemperature = 0.2\nstop = ['x']\n"
    )
    assert pipeline("why", "login", "--recipe", "same.toml", "--exit-code")


def test_status_lists_every_stage_with_its_state_cause_and_price(pipeline: Shell) -> None:
    assert "4 stages: 4 valid\n" in pipeline("status", "--exit-code").out
    pipeline("put", "plan", "--as", "json", stdin=plan("sign-in", "billing"))
    pipeline("quarantine", "billing", "--reason", "does not run")
    shown = pipeline("status", "--exit-code", expect=1).out.splitlines()
    assert shown[0].split() == ["KEY", "STATE", "AGAIN", "FIRST", "CAUSE", "WHY"]
    rows = {line.split()[0]: line.split()[1:] for line in shown[1:5]}
    assert rows["billing"][:2] == ["quarantined", "unpriced"]
    assert rows["login"][:3] == ["stale", "$1.25", "plan"]
    assert rows["plan"] == ["valid"]
    assert rows["tests"][:2] == ["valid", "plan"]
    assert shown[5:] == [
        "4 stages: 2 valid (1 of them resting on others that are not), 1 quarantined, 1 stale",
        "to make again what is not valid: $1.25, 0 ms; 1 without a recorded price"
        "  (as it cost last time)",
    ]
    found = pipeline("status", "--json").json
    states = {stage["key"]: stage["state"] for stage in found["stages"]}
    assert states == {
        "billing": "quarantined",
        "login": "stale",
        "plan": "valid",
        "tests": "valid",
    }
    assert found["price"]["usd_nano"] == 1_250_000_000
    assert pipeline("--project", "nothing", "status").out == "0 stages\n"
    assert pipeline("--project", "nothing", "status", "--json").json["stages"] == []


def test_accepting_makes_a_stage_valid_and_leaves_its_trail(pipeline: Shell) -> None:
    pipeline("put", "plan", "--as", "json", stdin=plan("sign-in", "billing"))
    assert pipeline("accept", "login", "--reason", "only the name").out.endswith("  accepted\n")
    assert pipeline("status", "--exit-code")
    newest = pipeline("log", "login", "-n", "1").out
    assert ": only the name" in newest
    assert "accepted  by " in newest
    assert "accept" in pipeline("ops", "-n", "1").out
    entry = pipeline("log", "login", "--json").json["entries"][0]
    (done,) = entry["operations"]
    assert (done["verb"], done["reason"]) == ("accept", "only the name")
    refused = pipeline("accept", "login", "--reason", "again", expect=2)
    assert "nothing to accept" in refused.err
    assert "--reason" in pipeline("accept", "login", expect=2).err
    pipeline(
        "accept", "login", "--reason", "same", "--recipe", "new.json", "--dep", "plan#/phases/1"
    )
    assert pipeline(
        "why", "login", "--recipe", "new.json", "--dep", "plan#/phases/1", "--exit-code"
    )


def test_what_failed_is_seen_everywhere_and_promoted_with_a_reason(pipeline: Shell) -> None:
    put = pipeline(
        "put", "login", "--validation", "failed", "--dep", "plan#/phases/0", stdin="broken\n"
    )
    assert put.out.endswith("  in quarantine\n")
    assert pipeline("cat", "login").out == "def login(): ...\n"
    assert pipeline("cat", "quarantine/default/login").out == "broken\n"
    assert "failed, in quarantine" in pipeline("ls").out
    assert [k["key"] for k in pipeline("ls", "--json").json["keys"] if k["is_quarantined"]] == [
        "login"
    ]
    assert "quarantine/default/login" in pipeline("refs").out
    logged = pipeline("log", "login", "--oneline").out.splitlines()
    assert logged[0].endswith("failed validation  quarantined")
    assert logged[1].endswith("current")
    diff = pipeline("diff", "login", "quarantine/default/login").out
    assert "+broken" in diff
    assert "quarantine/default/login" in pipeline("show", "quarantine/default/login").out
    promoted = pipeline("promote", "login", "--reason", "the check was wrong").out
    assert promoted.endswith("  promoted\n")
    assert pipeline("cat", "login").out == "broken\n"
    newest = pipeline("log", "login", "-n", "1").out
    assert "promoted    by " in newest
    assert "the check was wrong" in newest
    assert "overridden" in pipeline("ls").out
    assert pipeline("promote", "login", "--reason", "x", expect=3)


def test_putting_aside_needs_a_reason_and_shows_in_the_history(pipeline: Shell) -> None:
    assert "--reason" in pipeline("quarantine", "login", expect=2).err
    out = pipeline("quarantine", "login", "--reason", "leaks the password").out
    assert "operation 5 put login in quarantine:" in out
    assert "quarantined  by " in pipeline("log", "login").out
    missing = pipeline("cat", "login", expect=3)
    assert "login@{1}" in missing.err
    assert pipeline("quarantine", "nowhere", "--reason", "x", expect=3)
    pipeline("undo")
    assert pipeline("cat", "login").out == "def login(): ...\n"


def test_what_only_ever_failed_is_found_by_its_hint(store: Shell) -> None:
    store("put", "code", "--validation", "failed", stdin="broken\n")
    missing = store("cat", "code", expect=3)
    assert missing.err == (
        "aicas: code has no current version: what it produced is in quarantine\n"
        "hint: quarantine/default/code is what was put aside; 'aicas promote code' takes it out\n"
    )
    assert "code" in store("log").out
    assert "quarantined" in store("status").out
    assert "'aicas promote code --reason ...'" in store("why", "code").out


def test_samples_are_listed_and_one_is_chosen(store: Shell) -> None:
    for number in (1, 2):
        store("put", "code", "--sample", str(number), "--cost-usd", "0.5", stdin=f"take {number}\n")
    shown = store("samples", "code").out.splitlines()
    assert shown[0].split() == ["SAMPLE", "SNAPSHOT", "HOLDS", "SIZE", "COST", "CREATED"]
    assert shown[1].endswith("current")
    assert not shown[2].endswith("current")
    assert "samples/default/code=2" in store("refs").out
    assert [r["sample"] for r in store("refs", "samples/", "--json").json["refs"]] == [1, 2]
    assert store("cat", "samples/default/code=2").out == "take 2\n"
    assert "operation 3 chose 2:" in store("choose", "code", "2", "--reason", "shorter").out
    assert store("cat", "code").out == "take 2\n"
    assert "chosen" in store("log", "code").out
    assert [s["is_current"] for s in store("samples", "code", "--json").json["samples"]] == [
        False,
        True,
    ]
    assert "already" in store("choose", "code", "2", expect=2).err
    assert store("choose", "code", "9", expect=3)
    assert store("samples", "nowhere", expect=3)
    assert store("put", "code", "--sample", "0", stdin="x", expect=2)


@pytest.mark.parametrize("amount", ["-1", "nan", "1e999", "x", "1000001"])
def test_a_cost_that_is_no_amount_is_refused(store: Shell, amount: str) -> None:
    assert "amount" in store("put", "code", f"--cost-usd={amount}", stdin="x", expect=2).err
    assert store("ls").out == ""


def test_a_dependency_that_matches_nothing_is_refused_and_nothing_is_stored(
    pipeline: Shell,
) -> None:
    refused = pipeline("put", "more", "--dep", "plan#/phases/7", stdin="x", expect=2)
    assert "matches nothing in plan" in refused.err
    assert pipeline("put", "more", "--dep", "plan#src/*", stdin="x", expect=2)
    assert pipeline("put", "more", "--dep", "nowhere#/a", stdin="x", expect=3)
    assert pipeline("show", "more", expect=3)
    assert "plan#/phases/0" in pipeline("show", "login").out


def test_hostile_text_in_reasons_recipes_and_payloads_is_shown_not_obeyed(store: Shell) -> None:
    evil = "\x1b]52;c;eA==\x07\x1b[2J\u202e"

    def program(*arguments: str) -> str:
        code, shown = store.on_terminal(*arguments, NO_COLOR="1", PAGER="cat")
        assert code in (0, 1, 2)
        return shown

    (store.cwd / "evil.json").write_text(json.dumps({f"n{evil[-1:]}x": 1}))
    assert store("put", "x", "--recipe", "evil.json", stdin="x", expect=2)
    (store.cwd / "evil.json").write_text(json.dumps({"prompt": f"a\n{evil}\n", "p": {"k": evil}}))
    store("put", "plan", "--recipe", "evil.json", stdin=f"one {evil}\n")
    store("put", "code", "--dep", "plan", "--reason", evil, stdin=evil)
    (store.cwd / "evil.json").write_text(json.dumps({"prompt": f"b\n{evil}\n", "p": {"k": "q"}}))
    store("put", "plan", "--recipe", "evil.json", stdin=f"two {evil}\n")
    store("put", "plan2", stdin="x")
    store("quarantine", "plan2", "--reason", evil)
    for shown in (
        program("why", "code"),
        program("why", "plan", "--recipe", "evil.json"),
        program("status"),
        program("why", "plan2"),
        program("log"),
        program("compare", "default@{op:2}", "default"),
        program("resume", "code", "--dry-run"),
    ):
        assert "\x1b]" not in shown
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown
        assert "\x07" not in shown
    for arguments in (["why", "code"], ["status"], ["compare", "default@{op:2}", "default"]):
        document = store(*arguments, "--json").out
        assert "\x1b" not in document
        assert "\u202e" not in document


def test_names_from_outside_are_parsed(store: Shell, tmp_path: Path) -> None:
    for arguments in (
        ["why", "../up"],
        ["why", "a b"],
        ["accept", "-x", "--reason", "y"],
        ["accept", "../up/x", "--reason", "y"],
        ["promote", "a\nb", "--reason", "y"],
        ["choose", "a:b", "1"],
        ["fork", "default", "../up"],
        ["resume", "plan", "--into", "../up"],
    ):
        refused: Any = store(*arguments, expect=None)
        assert refused.code in (2, 3), refused
        assert "Traceback" not in refused.err
        assert len(refused.err.splitlines()) <= 2
