"""Checks, merging, replies and reports, each by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aicas import Cost, Files, InvalidInput
from aicas.orchestrator.checks import check_phase
from aicas.orchestrator.events import RunEnded, RunStarted, StageCached, StageStopped, Totals
from aicas.orchestrator.merging import Conflict, merge
from aicas.orchestrator.replies import Phase, read_answer, read_files, read_phases
from aicas.orchestrator.report import json_lines, plain_lines, visible


def problems(files: dict[str, str], promised: list[str] | None = None, **others: str) -> list[str]:
    paths = tuple(files if promised is None else promised)
    phase = Phase(2, "a phase", (), paths, (1,), {})
    known = {f"app/{name}.py": text.encode() for name, text in others.items()}
    known |= {"app/__init__.py": b""} if others else {}
    checks = check_phase(phase, Files(files), known)
    assert all(check["passed"] == (not check["problems"]) for check in checks)
    return [problem for check in checks for problem in check["problems"]]


@pytest.mark.parametrize(
    "code",
    [
        "import json, os.path\nfrom collections import abc",
        "from app.base import Thing, helper, LIMIT, again",
        "from app import base\nimport app.base as b",
        "from . import base\nfrom .base import Thing",
        "from app.base import *",
        "from __future__ import annotations",
        "x = '\\d'",
    ],
)
def test_imports_that_lead_somewhere_pass(code: str) -> None:
    base = "class Thing: ...\ndef helper(): ...\nif True:\n    LIMIT = 1\nimport json as again\n"
    assert problems({"app/new.py": code}, base=base) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import requests", "neither in the project nor in Python"),
        ("from app.base import Missing", "defines no 'Missing'"),
        ("from app.later import x", "no module 'app.later'"),
        ("from .later import x", "no module 'app.later'"),
        ("def f():\n    import nothing_like_it", "neither"),
        ("def f(:", "SyntaxError"),
        ("x = '\0'", "app/new.py"),
    ],
)
def test_imports_that_lead_nowhere_and_bad_syntax_are_found(code: str, problem: str) -> None:
    found = problems({"app/new.py": code}, base="class Thing: ...\n")
    assert len(found) == 1
    assert problem in found[0]


def test_missing_extra_and_unparsable_files_are_found() -> None:
    found = problems({"a.json": "{", "b.toml": "=", "c.md": "{"}, ["a.json", "b.toml", "gone.py"])
    assert [text.split(":")[0] for text in found] == [
        "gone.py was not delivered",
        "c.md was not promised",
        "a.json",
        "b.toml",
    ]


def test_merging_reports_conflicts_and_keeps_the_later_phase() -> None:
    merged = merge({2: {"a": b"2", "b": b"x"}, 1: {"a": b"1", "b": b"x"}, 3: {"a": b"3"}})
    assert merged.files == {"a": b"3", "b": b"x"}
    assert merged.conflicts == (Conflict("a", (1, 2), 2), Conflict("a", (2, 3), 3))
    assert merged.conflicts[0].to_json() == {"path": "a", "phases": [1, 2], "kept": 2}


def phase(number: int, **change: Any) -> dict[str, Any]:
    plain = {"id": number, "name": "n", "responsibilities": [], "files": [f"f{number}"]}
    return {**plain, "depends_on": [], **change}


@pytest.mark.parametrize(
    "phases",
    [
        [],
        ["a"],
        [phase(2)],
        [phase(True)],
        [phase(1, depends_on=[1])],
        [phase(1), phase(2, depends_on=[3])],
        [phase(1), phase(2, depends_on=[True])],
        [phase(1), phase(2, depends_on=["1"])],
        [phase(1), phase(2, files=["f1"])],
        [phase(1, files=[])],
        [phase(1, files=["/etc/passwd"])],
        [phase(1, files=[3])],
        [phase(1, name=None)],
        [phase(n) for n in range(1, 202)],
        "phases",
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(phases: Any) -> None:
    with pytest.raises(InvalidInput):
        read_phases({"phases": phases})


def test_replies_that_are_no_strict_json_object_are_refused() -> None:
    for text in ("", "[]", "3", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "sure: {}"):
        with pytest.raises(InvalidInput):
            read_answer(text)
    files: list[Any] = [{}, {"a": 1}, [], None]
    for value in files:
        with pytest.raises(InvalidInput):
            read_files({"files": value})


def test_lines_cannot_drive_a_terminal() -> None:
    lines: list[str] = []
    report = plain_lines(lines.append)
    report(RunStarted('generate "\x1b]52;c;x\x07\u202e"', "s\r", "p", ("a\x1b[2J",), "note"))
    report(StageStopped("phase-1-generated_code", "x"))
    assert not any(char in "".join(lines) for char in "\x1b\x07\r\u202e")
    assert visible("caf\u00e9 \U0001f600") == "caf\u00e9 \U0001f600"


def test_unpriced_is_never_shown_as_free() -> None:
    lines: list[str] = []
    report = plain_lines(lines.append)
    totals = Totals()
    for cost in (None, Cost(calls=3), Cost(usd_nano=12_300_000, calls=1)):
        totals.add_cached(cost)
        report(StageCached("k", "id", cost, moved=False))
    report(RunEnded(totals, complete=True))
    assert [line.partition("(")[2] for line in lines[:3]] == [
        "0 calls saved, unpriced)",
        "3 calls saved, unpriced)",
        "1 call, $0.0123 saved)",
    ]
    assert "$0.0123 (and 2 stages unpriced) saved" in lines[-1]


def test_every_json_line_is_one_object() -> None:
    lines: list[str] = []
    json_lines(lines.append)(RunStarted("a\nb", "s", "p"))
    assert json.loads(lines[0])["run"] == "a\nb"
    assert "\n" not in lines[0]
