"""The entry point: what is loaded, and how every failure ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from aicas import errors
from aicas.cli import failure
from aicas.cli.main import COMMANDS, LazyGroup, cli

if TYPE_CHECKING:
    from .conftest import Shell

HEAVY = {"networkx", "asyncio", "rich", "tomlkit", "pydantic", "difflib"}


def loaded_by(shell: Shell, *arguments: str) -> set[str]:
    """The modules a command loads, beside those Python had loaded before it began."""
    program = (
        "import sys, atexit\n"
        "before = set(sys.modules)\n"
        "atexit.register(lambda: print(*set(sys.modules) - before, file=sys.stderr))\n"
        "from aicas.cli.main import main\n"
        f"main({list(arguments)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.cwd,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stderr.split())


def test_help_imports_no_command_and_nothing_heavy(shell: Shell) -> None:
    loaded = loaded_by(shell, "--help")
    commands = {f"aicas.cli.{module}" for module, _ in COMMANDS.values()}
    assert not loaded & commands
    assert not loaded & (HEAVY | {"sqlite3", "msgpack", "zstandard", "aicas.store"})


def test_log_imports_its_own_command_and_nothing_heavy(history: Shell) -> None:
    loaded = loaded_by(history, "log", "--oneline")
    commands = {f"aicas.cli.{module}" for module, _ in COMMANDS.values()}
    assert loaded & commands == {"aicas.cli.log"}
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith(("aicas.orchestrator", "aicas.cache"))}


def test_help_of_the_table_is_the_help_of_the_command() -> None:
    context = click.Context(cli)
    for name, (_, short) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert (command.help or "").splitlines()[0] == short, name


def test_every_command_has_help_and_refuses_unknown_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from aicas.cli.main import main

    for name in COMMANDS:
        with pytest.raises(SystemExit) as done:
            main([name, "--help"])
        assert done.value.code == 0
        with pytest.raises(SystemExit) as done:
            main([name, "--no-such-option"])
        assert done.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_command_is_refused_with_near_names(shell: Shell) -> None:
    result = shell("invaldate", expect=2)
    assert result.err == (
        "aicas: there is no command 'invaldate'; did you mean invalidate?\n"
        "hint: try 'aicas --help'\n"
    )
    assert "did you mean" not in shell("xyzzy", expect=2).err


def test_no_arguments_print_the_help(shell: Shell) -> None:
    assert shell().out == shell("--help").out
    assert isinstance(cli, LazyGroup)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("x"), 2),
        (errors.InvalidName("key", "../x", "is not allowed"), 2),
        (errors.NotFound("x", near=["y"]), 3),
        (errors.Conflict("x"), 4),
        (errors.Vanished([b"x"]), 4),
        (errors.Damaged("x"), 5),
        (errors.StorageFailed("x"), 6),
        (errors.UnsupportedFormat("x"), 7),
        (errors.StageFailed("key", "x"), 8),
        (click.UsageError("x"), 2),
        (PermissionError(13, "Permission denied", "/x"), 6),
        (OSError(28, "No space left on device"), 6),
        (MemoryError(), 6),
        (RecursionError(), 2),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), 2),
        (ValueError("two\nlines"), 70),
        (BrokenPipeError(), 141),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_failure_is_one_line_and_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure.report(error) == code
    lines = capsys.readouterr().err.splitlines()
    quiet = code in (130, 141)
    assert [line.split(":")[0] for line in lines] in ([] if quiet else ["aicas"], ["aicas", "hint"])
    assert len(lines) <= 2


def test_a_failure_shows_hostile_text_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    failure.report(errors.NotFound("no key \x1b]52;c;eA==\x07\nfake"))
    assert capsys.readouterr().err == "aicas: no key \\x1b]52;c;eA==\\x07 fake\n"


def test_a_full_disk_is_one_line(shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*shell.command, "--help"],
            cwd=shell.cwd,
            env=shell.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (6, "aicas: No space left on device\n")


def test_a_reader_that_goes_away_ends_the_output_quietly(history: Shell) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(history.command)} log | exec true; echo ${{PIPESTATUS[0]}}"],
        cwd=history.cwd,
        env=history.environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(shell: Shell, name: str) -> None:
    script = shell("completion", name).out
    assert "_AICAS_COMPLETE" in script
    assert f"{name}_complete" in script


def complete(shell: Shell, words: str) -> list[str]:
    count = str(len(words.split(" ")) - 1)
    environment = {"COMP_WORDS": words, "COMP_CWORD": count, "_AICAS_COMPLETE": "bash_complete"}
    return [line.split(",", 1)[1] for line in shell(**environment).out.split()]


def test_completion_offers_keys_of_the_store_and_nothing_without_one(history: Shell) -> None:
    assert complete(history, "aicas log f") == ["features"]
    assert complete(history, "aicas cat ") == ["code", "features", "plan"]
    assert complete(history, "aicas inva") == ["invalidate"]


def test_completion_without_a_store_is_silent(shell: Shell) -> None:
    assert complete(shell, "aicas log ") == []
