"""What reaches a terminal: escaped, coloured only if wanted, paged as git does it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from aicas.cli.render.pager import pager_command

if TYPE_CHECKING:
    from .conftest import Shell

HOSTILE = "a\x1b]52;c;ZXZpbA==\x07b\x1b[31mc\rd\be\x9bf\u202eg\u2066h\n"
OURS = re.compile(r"\x1b\[[0-9;]*m")
DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(store: Shell) -> Shell:
    """A store whose artifacts, names of values, reasons and notes try to drive a terminal."""
    store("put", "text", "-", stdin="harmless\n")
    store("put", "text", "-", "--as", "text", "--reason", "r\x1b[2Jx", stdin=HOSTILE)
    (store.cwd / "v.json").write_text('{"k\\u001b[2J": "v\\u001b]52;c;eA==\\u0007\\u202e"}')
    store("put", "value", "v.json", "--as", "json", "--meta", "note=n\x1b[2J\x07")
    tree = store.cwd / "tree"
    tree.mkdir()
    (tree / "file").write_text(HOSTILE)
    store("put", "files", "tree")
    (tree / "file").write_text(HOSTILE + "more\x1b[2J\n")
    store("put", "files", "tree")
    return store


@pytest.mark.parametrize(
    "arguments",
    [
        ("cat", "text"),
        ("cat", "value"),
        ("cat", "files:file"),
        ("diff", "text"),
        ("diff", "text", "--word"),
        ("diff", "files"),
        ("diff", "text", "--json"),
        ("show", "value"),
        ("show", "value", "--json"),
        ("log", "--json"),
        ("log",),
        ("ops",),
        ("ops", "--json"),
        ("log", "--graph", "--stat"),
        ("ls",),
    ],
)
def test_no_artifact_text_drives_a_terminal(hostile: Shell, arguments: tuple[str, ...]) -> None:
    code, shown = hostile.on_terminal(*arguments, AICAS_PAGER="")
    assert code == 0, shown
    assert not DANGEROUS.search(OURS.sub("", shown)), shown


def test_the_escapes_are_shown(hostile: Shell) -> None:
    shown = hostile.on_terminal("cat", "text", AICAS_PAGER="")[1]
    assert shown == r"a\x1b]52;c;ZXZpbA==\x07b\x1b[31mc\rd\be\x9bf\u202eg\u2066h" + "\n"


def test_a_pipe_gets_what_was_stored(hostile: Shell) -> None:
    assert hostile.raw("cat", "text") == HOSTILE.encode()
    assert hostile.raw("get", "text") == HOSTILE.encode()
    assert HOSTILE.encode() in hostile.raw("cat", "files:file")
    assert b"+more\x1b[2J\n" in hostile.raw("diff", "files")


def test_json_is_the_same_value_on_a_terminal_and_in_a_pipe(hostile: Shell) -> None:
    assert hostile.on_terminal("show", "value", "--json", AICAS_PAGER="")[1] == (
        hostile("show", "value", "--json").out
    )
    assert hostile("show", "value", "--json").json["meta"] == {"note": "n\x1b[2J\x07"}


def test_binary_is_not_thrown_at_a_terminal(store: Shell) -> None:
    store("put", "b", "-", "--as", "bytes", stdin=b"\x00\x01")
    code, shown = store.on_terminal("cat", "b")
    assert code == 2
    assert "content is binary (application/octet-stream, 2 B)" in shown
    assert store.on_terminal("get", "b")[0] == 2


def test_colour_is_for_terminals_that_want_it(history: Shell) -> None:
    plain = history("log", "--oneline").out
    assert "\x1b" not in plain
    coloured = history.on_terminal("log", "--oneline", AICAS_PAGER="")[1]
    assert "\x1b[33m" in coloured
    assert [line.split()[0] for line in OURS.sub("", coloured).splitlines()] == [
        line.split()[0] for line in plain.splitlines()
    ]
    for wish in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in history.on_terminal("diff", "code", AICAS_PAGER="", **wish)[1]


def test_a_pager_is_used_on_a_terminal_only(history: Shell) -> None:
    pager = history.cwd / "pager"
    pager.write_text("#!/bin/sh\necho through the pager\nexec cat\n")
    pager.chmod(0o755)
    wish = {"AICAS_PAGER": str(pager), "PAGER": "false"}
    assert "through the pager" in history.on_terminal("log", **wish)[1]
    assert "through the pager" in history.on_terminal("log", PAGER=str(pager))[1]
    assert "through the pager" not in history.on_terminal("--no-pager", "log", **wish)[1]
    assert "through the pager" not in history("log", **wish).out
    code, shown = history.on_terminal("log", "nothing", **wish)
    assert (code, "through the pager" in shown) == (3, False)


def test_a_pager_that_ends_early_or_is_missing_does_no_harm(history: Shell) -> None:
    code, shown = history.on_terminal("log", AICAS_PAGER="true")
    assert (code, shown) == (0, "")
    code, shown = history.on_terminal("log", "--oneline", AICAS_PAGER="/no/such/pager -x")
    assert code == 0
    assert len(shown.splitlines()) == 4
    assert history.on_terminal("diff", "code", "--exit-code", AICAS_PAGER="true")[0] == 1


def test_the_usual_pager_shows_a_short_log_and_ends(history: Shell) -> None:
    code, shown = history.on_terminal("log", "--oneline")
    assert code == 0
    assert "features" in shown


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["less", "-FRX"]),
        ({"PAGER": "more"}, ["more"]),
        ({"PAGER": "more", "AICAS_PAGER": "less -S"}, ["less", "-S"]),
        ({"AICAS_PAGER": ""}, None),
        ({"AICAS_PAGER": "cat"}, None),
        ({"PAGER": "'unbalanced"}, None),
    ],
)
def test_which_pager(environment: dict[str, str], command: list[str] | None) -> None:
    assert pager_command(environment) == command


def test_progress_is_drawn_on_a_terminal_and_cleared(history: Shell) -> None:
    shown = history.on_terminal("verify")[1]
    assert "verifying" in shown
    assert shown.rindex("\x1b[K") < shown.index("clean")
    assert history("verify").err == ""


def test_an_interrupt_ends_quietly_with_its_own_code(history: Shell) -> None:
    program = (
        "import os, signal, aicas.cli.main as m\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "m.cli.invoke = lambda context: os.kill(os.getpid(), signal.SIGINT)\n"
        "m.main(['log'])"
    )
    done = subprocess.run(
        [history.command[0], "-c", program],
        cwd=history.cwd,
        env=history.environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, b"")
