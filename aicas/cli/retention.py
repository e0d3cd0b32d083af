"""``aicas retention``: which versions the rules keep, and which rule each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, print_listing
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.moves import name_of
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import age, count
from aicas.clock import format_time
from aicas.names import split_ref

if TYPE_CHECKING:
    from aicas.names import Project
    from aicas.retention.keeping import Judged, Version

_FREE = "no rule keeps it"


@click.command()
@json_option
@pass_invocation
def command(invocation: Invocation, *, as_json: bool) -> None:
    """Show which versions the rules keep, and which rule each.

    'aicas config set retention.PATTERN RULE' makes one. What a rule keeps is neither collected nor
    evicted; what none keeps is history as usual. Nothing is changed.
    """
    with invocation.store() as store, invocation.page() as screen:
        rules = store.config.keep_rules
        keys = store.retention()
        if as_json:
            more = {"rules": [rule._asdict() for rule in rules]}
            print_listing(screen, "keys", map(_form, keys), more)
            return
        if not rules:
            screen.line("there are no rules")
        for rule in rules:
            said = [
                f"{name} = {value}"
                for name, value in rule._asdict().items()
                if name != "pattern" and value is not None
            ]
            screen.line(Span(rule.pattern, "key"), "  ", ", ".join(said))
        for judged in keys:
            _print_key(screen, judged, store.project, invocation.clock())


def _print_key(screen: Screen, judged: Judged, project: Project, now: int) -> None:
    kept = sum(bool(version.kept_by) for version in judged.versions)
    screen.line()
    screen.line(
        Span(name_of(judged.ref, project), "key"),
        f": {count(len(judged.versions), 'version')}, {kept:,} kept",
    )
    rows = [
        (
            "",
            Span("keep", "good") if version.kept_by else "-",
            Span(version.snapshot.short, "id"),
            Span("" if version.at is None else age(version.at, now), "dim"),
            Span("; ".join(version.kept_by) or _FREE, "dim"),
        )
        for version in judged.versions
    ]
    print_table(screen, rows)


def _form(judged: Judged) -> Form:
    _, project, key = split_ref(judged.ref)
    return {
        "ref": judged.ref,
        "project": project,
        "key": key,
        "versions": [_version_form(version) for version in judged.versions],
    }


def _version_form(version: Version) -> Form:
    return {
        "snapshot": version.snapshot.hex(),
        "operation": version.number,
        "at": None if version.at is None else format_time(version.at),
        "kept_by": list(version.kept_by),
    }
