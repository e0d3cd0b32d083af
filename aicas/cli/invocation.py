"""What every command gets from the command line: which store, which project, what screen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from aicas.cli.render.pager import paged
from aicas.cli.render.terminal import Screen, screen_on
from aicas.clock import Clock, system_clock

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aicas.store import Store

COMPLETE_VARIABLE = "_AICAS_COMPLETE"
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class Invocation(NamedTuple):
    """The global options, and how a command reaches the store and the screen."""

    location: str | None = None
    project: str | None = None
    pager: bool = True
    clock: Clock = system_clock

    def store(self, *, create: bool = False, project: str | None = None) -> Store:
        """Open the store; use it as a context manager.

        Raises:
            NotFound: there is none and ``create`` is false.
        """
        import aicas

        return aicas.open(self.location, create=create, project=project or self.project)

    def page(self) -> AbstractContextManager[Screen]:
        """A screen for a listing that may be long, through the pager on a terminal."""
        return paged(allowed=self.pager)

    def screen(self) -> Screen:
        """A screen for a few lines."""
        return screen_on(sys.stdout)


COUNT = click.IntRange(0, 2**31)
OPERATION = click.IntRange(1, 2**63 - 1)

pass_invocation = click.make_pass_decorator(Invocation)


def json_option(function: _Decorated) -> _Decorated:
    """The ``--json`` flag, the same in every listing."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(
        function
    )


def key_argument(name: str = "key", **settings: Any) -> Callable[[_Decorated], _Decorated]:
    """An argument that is a key or a revision, completed from the store."""
    return click.argument(name, shell_complete=complete_keys, **settings)


def complete_keys(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Keys of the current project, and ``PROJECT/KEY`` of the others, that begin so."""

    def offered(store: Store) -> list[str]:
        from aicas.names import split_ref

        names = [split_ref(ref)[1:] for ref in store.refs("live/")]
        return [key if project == store.project else f"{project}/{key}" for project, key in names]

    return _completions(context, incomplete, offered)


def complete_projects(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Projects that begin so."""
    return _completions(context, incomplete, lambda store: [*store.projects()])


def _completions(
    context: click.Context, incomplete: str, offered: Callable[[Store], list[str]]
) -> list[CompletionItem]:
    """Never fails: where there is no store there is nothing to offer."""
    from click.shell_completion import CompletionItem

    from aicas.errors import AicasError

    given = context.find_root().params
    invocation = Invocation(location=given.get("store"), project=given.get("project"))
    try:
        with invocation.store() as store:
            names = sorted(offered(store))
    except (AicasError, OSError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
