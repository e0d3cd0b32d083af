"""The entry point of ``ai-orchestrator``: finds the command, runs it, turns failures into codes.

Only the command lines print, exit or read the environment. A command's module is imported when
that command is asked for; short helps stand in ``COMMANDS``, so ``--help`` stays quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

import aicas

INTERRUPTED = 130
BROKEN_PIPE = 141
INTERNAL = 70
STORAGE = 6

COMMANDS: dict[str, tuple[str, str, str]] = {
    "generate": ("running", "generate", "Turn a request into a finished project."),
    "resume": ("running", "resume", "Go on from any version of a stage."),
    "replay": ("running", "replay", "Run a recorded pipeline through the cache."),
    "status": ("status", "status", "Show the stages of a run, in order."),
    "cost-analysis": ("costs", "cost_analysis", "Tell what a run and its project cost and saved."),
    "cache-stats": ("statistics", "cache_stats", "Tell how well the cache did in the last days."),
    "invalidate-cache": ("invalidating", "invalidate_cache", "Take a stage out of use."),
    "cache": ("caching", "cache", "Look at the cache as a whole, or clear it."),
    "doctor": ("doctor", "doctor", "Say what is wrong with a store, and what puts it right."),
}
"""By name: the module, the command in it, and what it does."""


class _LazyGroup(click.Group):
    """Imports a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"aicas.orchestrator.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "--version", package_name="aicas", prog_name="ai-orchestrator")
def cli() -> None:
    """Run pipelines of agents, cache first: what is stored is never paid for again."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit; every failure is one line and a documented exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = 0
    try:
        with cli.make_context("ai-orchestrator", arguments or ["--help"]) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        code = done.exit_code
    except (Exception, KeyboardInterrupt) as error:
        code = _report_failure(error)
        _forget_stdout()
    sys.exit(code)


def _report_failure(error: BaseException) -> int:
    """One line on standard error, perhaps a hint, and the exit code."""
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return _tell(
            "interrupted", "every stage reported is kept; the same command resumes", INTERRUPTED
        )
    if isinstance(error, aicas.AicasError):
        return _tell(str(error), error.hint, error.exit_code)
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"try '{context.command_path} --help'" if context else None
        return _tell(error.format_message(), hint, error.exit_code)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _tell(where + (error.strerror or str(error)), None, STORAGE)
    what = f"{type(error).__name__}: {error}"
    return _tell(f"internal error: {what}", "this is a fault; please report it", INTERNAL)


def _tell(message: str, hint: str | None, code: int) -> int:
    from aicas.orchestrator.report import visible

    with suppress(OSError):
        click.echo(visible("ai-orchestrator: " + " ".join(message.split())), err=True)
        if hint:
            click.echo(visible("hint: " + " ".join(hint.split())), err=True)
    return code


def _forget_stdout() -> None:
    """Write out what is buffered, or drop it: the interpreter would complain at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
