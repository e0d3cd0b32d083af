"""What the commands of ``ai-orchestrator`` share: options, the store, how events are shown."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

import aicas

if TYPE_CHECKING:
    from aicas.orchestrator.events import Reporter, Totals

NOTICE = (
    "demonstration: these agents answer by fixed rules; nothing was billed,"
    " costs are as if the models named had been called"
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def store_option(command: _Command) -> _Command:
    """The option of every command: which store."""
    return click.option(
        "--store", metavar="PATH", help="The store; by default found as aicas does."
    )(command)


def store_options(command: _Command) -> _Command:
    """The options of a command that works in one project of a store."""
    project = click.option("--project", metavar="NAME", envvar="AICAS_PROJECT", help="Its project.")
    return project(store_option(command))


def json_option(command: _Command) -> _Command:
    """The ``--json`` flag of every command that reports."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def run_options(command: _Command) -> _Command:
    """The options of every command that runs stages."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Tell every event as a JSON line."),
        click.option("--session", metavar="ID", help="A name for this run; made up by default."),
    ):
        command = option(command)
    return store_options(command)


def session_name(given: str | None) -> str:
    """The session of a run: the one named, or one made up.

    Raises:
        InvalidName: it is no session's name.
    """
    if given is None:
        return f"sess_{secrets.token_hex(6)}"
    return aicas.check_label("session", given)


def reporter(as_json: bool) -> Reporter:
    """Writes events to standard output, as lines or as JSON."""
    from aicas.orchestrator.report import json_lines, plain_lines

    return (json_lines if as_json else plain_lines)(click.echo)


def run_to_end(start: Callable[[], Awaitable[Totals]]) -> None:
    """Run what is asynchronous."""
    import asyncio

    async def run() -> None:
        await start()

    asyncio.run(run())
