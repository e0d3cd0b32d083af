"""``aicas config``: read or change the store's settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from aicas.cli.forms import Form, print_document, print_listing
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.config import (
    SETTINGS,
    Config,
    parse_value,
    setting_of,
    unset_setting,
    variable_of,
    write_setting,
)
from aicas.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem


class _InForce(NamedTuple):
    """A setting's value, and where it comes from."""

    name: str
    value: Any
    origin: str
    """``default``, ``file`` or ``environment``."""

    def form(self) -> Form:
        return {**self._asdict(), "purpose": SETTINGS[self.name].purpose}

    def source(self) -> str:
        return variable_of(self.name) if self.origin == "environment" else self.origin


def _complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in SETTINGS if name.startswith(incomplete)]


_name_argument = click.argument("name", shell_complete=_complete)


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Read or change the store's settings.

    A setting also comes from the environment, as AICAS_ and its name in capitals, which counts
    over the file. The prices of one model are cost_models.MODEL.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(_list)


@command.command("list")
@json_option
@pass_invocation
def _list(invocation: Invocation, *, as_json: bool = False) -> None:
    """List all settings with their values and where they come from."""
    settings = _settings(_folder(invocation))
    screen = invocation.screen()
    if as_json:
        print_listing(screen, "settings", (setting.form() for setting in settings.values()))
        return
    rows = [
        (
            Span(name, "key"),
            _shown(setting.value),
            setting.source(),
            Span(SETTINGS[name].purpose, "dim"),
        )
        for name, setting in settings.items()
    ]
    print_table(screen, rows)


@command.command("get")
@_name_argument
@json_option
@pass_invocation
def _get(invocation: Invocation, *, name: str, as_json: bool) -> None:
    """Print one setting's value."""
    table, _, entry = name.partition(".")
    setting_of(table)
    setting = _settings(_folder(invocation))[table]
    if entry:
        if entry not in (setting.value or {}):
            raise NotFound(f"{name} is not set")
        setting = setting._replace(value=setting.value[entry])
    screen = invocation.screen()
    if as_json:
        print_document(screen, {**setting.form(), "name": name})
    else:
        screen.line(_shown(setting.value))


@command.command("set", context_settings={"ignore_unknown_options": True})  # -1 is a value
@_name_argument
@click.argument("value")
@pass_invocation
def _set(invocation: Invocation, *, name: str, value: str) -> None:
    """Change one setting in the store's file: VALUE as in TOML or JSON, or plain text."""
    write_setting(_folder(invocation), name, parse_value(name, value))


@command.command("unset")
@_name_argument
@pass_invocation
def _unset(invocation: Invocation, *, name: str) -> None:
    """Take one setting out of the store's file: its default counts again."""
    unset_setting(_folder(invocation), name)


def _folder(invocation: Invocation) -> Path:
    """The store's folder; its settings are not read, so that wrong ones can be put right."""
    from aicas import opening

    return opening.find(invocation.location)


def _settings(folder: Path) -> dict[str, _InForce]:
    from aicas import opening

    given = opening.settings(folder)
    defaults = Config().as_dict()
    return {
        name: _InForce(name, given[name].value, given[name].origin)
        if name in given
        else _InForce(name, defaults[name], "default")
        for name in SETTINGS
    }


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
