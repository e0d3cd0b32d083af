"""The entry point of ``ai-orchestrator``: the only module here that prints, exits or reads keys.

What runs a pipeline is imported by the command that does, so ``--help`` stays quick.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

import aicas

if TYPE_CHECKING:
    from aicas.orchestrator.events import Reporter, Totals

INTERRUPTED = 130
BROKEN_PIPE = 141
INTERNAL = 70
STORAGE = 6
NOTICE = (
    "demonstration: these agents answer by fixed rules; nothing was billed,"
    " costs are as if the models named had been called"
)
_STAGES = re.compile(
    r"brainstorming_features|system_architecture_plan|project_micro_phases"
    r"|phase-[1-9]\d*-(generated_code|validation_report)|final_integration_summary"
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _common(command: _Command) -> _Command:
    """The options of every command that runs stages."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Tell every event as a JSON line."),
        click.option("--session", metavar="ID", help="A name for this run; made up by default."),
        click.option("--store", metavar="PATH", help="The store; by default found as aicas does."),
        click.option("--project", metavar="NAME", envvar="AICAS_PROJECT", help="Its project."),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "--version", package_name="aicas", prog_name="ai-orchestrator")
def cli() -> None:
    """Run pipelines of agents, cache first: what is stored is never paid for again."""


def _stage_key(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _STAGES.fullmatch(value):
        raise click.BadParameter(f"{value!a} is no stage's key, e.g. phase-3-generated_code")
    return value


@cli.command()
@click.argument("request")
@click.option(
    "--workflow-type",
    type=click.Choice(["micro_phase"]),
    default="micro_phase",
    show_default=True,
    help="How the work is divided into stages.",
)
@click.option(
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the finished project is written.",
)
@click.option("--overwrite", is_flag=True, help="Replace files in DIR that differ.")
@click.option(
    "--fail-at", metavar="KEY", callback=_stage_key, help="Have the agents fail at this stage."
)
@_common
def generate(
    request: str,
    workflow_type: str,
    output: Path,
    overwrite: bool,
    fail_at: str | None,
    project: str | None,
    store: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Turn REQUEST into a finished project in DIR.

    Every stage is stored as it completes. A run that fails or is killed is resumed by the same
    command: completed stages come from the store.
    """
    from aicas.orchestrator.demo.agent import demonstration_team
    from aicas.orchestrator.generation import Generation
    from aicas.orchestrator.wrappers import failing_at

    name = _session(session)
    team = demonstration_team()
    if fail_at is not None:
        team = failing_at(team, fail_at)
    with aicas.open(store, project=project) as opened:
        run = Generation(opened, team, name, _reporter(as_json), notice=NOTICE)
        _run(lambda: run.run(request, output, overwrite=overwrite))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@_common
def replay(
    file: Path, project: str | None, store: str | None, session: str | None, as_json: bool
) -> None:
    """Run the recorded pipeline in FILE (.jsonl or .jsonl.zst) through the cache.

    The recorded outputs stand in for the agents. Projects keep their recorded names unless
    --project names another: the project of a file that holds one, else what all go under.
    """
    from aicas.orchestrator.replay import replay_file

    name = _session(session)
    with aicas.open(store) as opened:
        _run(lambda: replay_file(opened, file, project, name, _reporter(as_json)))


def _session(given: str | None) -> str:
    if given is None:
        return f"sess_{secrets.token_hex(6)}"
    return aicas.check_label("session", given)


def _reporter(as_json: bool) -> Reporter:
    from aicas.orchestrator.report import json_lines, plain_lines

    return (json_lines if as_json else plain_lines)(click.echo)


def _run(start: Callable[[], Awaitable[Totals]]) -> None:
    import asyncio

    async def run() -> None:
        await start()

    asyncio.run(run())


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
