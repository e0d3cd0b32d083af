"""``ai-orchestrator cache``: where the cache of a project is and how it is set up; clearing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

import aicas
from aicas import format_count, format_size
from aicas.orchestrator.cli.leaving import (
    NOT_CONFIRMED,
    Leaving,
    confirm_option,
    reason_option,
)
from aicas.orchestrator.cli.options import json_option, store_options
from aicas.orchestrator.cli.rendering import (
    Form,
    moment,
    print_document,
    say,
    say_table,
)
from aicas.orchestrator.lines import Lines

if TYPE_CHECKING:
    from aicas import Operation, Store

_HEADINGS = ("SETTING", "VALUE", "FROM")


class _InForce(NamedTuple):
    """A setting, and where its value comes from."""

    name: str
    value: object
    origin: str
    """``default``, ``file`` or ``environment``."""

    def cells(self) -> tuple[str, str, str]:
        value = self.value
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return self.name, shown, self.origin


@click.group(no_args_is_help=False)
def cache() -> None:
    """Look at the cache of a project as a whole, or clear it."""


@cache.command()
@json_option
@store_options
def info(project: str | None, store: str | None, as_json: bool) -> None:
    """Tell where the cache is, what it holds, and by which settings it works."""
    with aicas.open(store, create=False, project=project) as opened:
        held = opened.contents()
        stored = opened.stored_bytes()
        config = opened.config
        settings = _settings(opened)
        upkeep = next((each for each in opened.ops() if each.verb == "maintain"), None)
        location, named = str(opened.location), opened.project
    if as_json:
        print_document(
            {
                "location": location,
                "project": named,
                "entries": held.entries,
                "size_bytes": held.size_bytes,
                "stored_bytes": stored,
                "max_bytes": config.max_cache_bytes,
                "last_maintenance": None if upkeep is None else _upkeep_form(upkeep),
                "settings": [setting._asdict() for setting in settings],
            }
        )
        return
    say(
        f"location: {location}",
        f"project: {named}, {format_count(held.entries, 'entry')}, {format_size(held.size_bytes)}",
        f"stored, with history and other projects: {format_size(stored)}"
        f" of at most {config.max_cache_size_gb:g} GB",
        f"last maintenance: {_upkeep_text(upkeep)}",
    )
    say_table(_HEADINGS, [setting.cells() for setting in settings])


def _settings(store: Store) -> list[_InForce]:
    given = {} if store.location is None else aicas.settings(store.location)
    return [
        _InForce(name, value, given[name].origin if name in given else "default")
        for name, value in store.config.as_dict().items()
    ]


def _upkeep_text(upkeep: Operation | None) -> str:
    if upkeep is None:
        return "never"
    facts = _upkeep_form(upkeep)
    return (
        f"{moment(upkeep.at)}, {facts['expired']} expired, {facts['evicted']} evicted,"
        f" {format_size(facts['freed_bytes'])} freed"
    )


def _upkeep_form(upkeep: Operation) -> Form:
    facts = upkeep.facts
    return {
        "operation": upkeep.number,
        "at": aicas.format_time(upkeep.at),
        "expired": facts.get("expired", 0),
        "evicted": facts.get("evicted", 0),
        "freed_bytes": facts.get("bytes", 0),
    }


@cache.command()
@confirm_option
@reason_option
@json_option
@store_options
@click.pass_context
def clear(
    context: click.Context,
    confirm: bool,
    reason: str | None,
    project: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Take every stage of the project out of use.

    Without --confirm nothing is changed: the stages are listed with what producing them again
    would cost, and the exit code is 1.
    """
    with aicas.open(store, create=False, project=project) as opened:
        plan = opened.plan_clear()
        if not plan.refs:
            raise aicas.NotFound(f"project {opened.project} holds nothing to clear")
        leaving = Leaving(opened, plan, Lines(store, project))
        done = opened.clear(reason) if confirm else None
    if as_json:
        leaving.print_json(done)
    elif done is None:
        leaving.say_plan("clear")
    else:
        leaving.say_done(done, "cleared")
    if done is None:
        context.exit(NOT_CONFIRMED)
