"""``aicas config``: read or change the store's settings."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import click

from aicas.cli.forms import print_document, print_listing
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.config import SETTINGS, check_setting, write_setting
from aicas.errors import InvalidInput

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in SETTINGS if name.startswith(incomplete)]


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Read or change the store's settings."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_list)


@command.command("list")
@json_option
@pass_invocation
def _list(invocation: Invocation, *, as_json: bool = False) -> None:
    """List all settings with their values."""
    with invocation.store() as store:
        values = store.config.as_dict()
    screen = invocation.screen()
    if as_json:
        forms = (
            {"name": name, "value": values[name], "purpose": setting.purpose}
            for name, setting in SETTINGS.items()
        )
        print_listing(screen, "settings", forms)
        return
    rows = [
        (Span(name, "key"), _shown(values[name]), Span(setting.purpose, "dim"))
        for name, setting in SETTINGS.items()
    ]
    print_table(screen, rows)


@command.command("get")
@click.argument("name", shell_complete=_complete)
@json_option
@pass_invocation
def _get(invocation: Invocation, *, name: str, as_json: bool) -> None:
    """Print one setting's value."""
    with invocation.store() as store:
        value = store.config.as_dict().get(name)
    if name not in SETTINGS:
        check_setting(name, None)
    screen = invocation.screen()
    if as_json:
        print_document(screen, {"name": name, "value": value, "purpose": SETTINGS[name].purpose})
    else:
        screen.line(_shown(value))


@command.command("set")
@click.argument("name", shell_complete=_complete)
@click.argument("value")
@pass_invocation
def _set(invocation: Invocation, *, name: str, value: str) -> None:
    """Change one setting: VALUE as in TOML, or plain text."""
    with invocation.store() as store:
        if store.location is None:
            raise InvalidInput("this store has no settings file")
        write_setting(store.location, name, _read(value))


def _read(text: str) -> Any:
    try:
        value: Any = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return value["value"] if set(value) == {"value"} else text


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
