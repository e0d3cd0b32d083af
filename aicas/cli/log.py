"""``aicas log``: snapshots, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aicas.cli.invocation import COUNT, Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.log import Shown, full, oneline, with_lanes
from aicas.cli.render.terminal import Line, Screen
from aicas.clock import format_time
from aicas.errors import NotFound

if TYPE_CHECKING:
    from aicas.cli.forms import Form
    from aicas.history.diff import Diff
    from aicas.history.log import LogEntry
    from aicas.store import Store


@click.command()
@key_argument("key", required=False)
@click.option("--oneline", "short", is_flag=True, help="One line for each snapshot.")
@click.option("-n", "limit", type=COUNT, help="At most this many.")
@click.option("--since", metavar="WHEN", help="Only newer: 2026-11-20, '3 days ago', 2h.")
@click.option("--until", metavar="WHEN", help="Only older.")
@click.option("--graph", is_flag=True, help="Draw what each snapshot was made from.")
@click.option("--stat", is_flag=True, help="What changed against the previous version.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    key: str | None,
    short: bool,
    limit: int | None,
    since: str | None,
    until: str | None,
    graph: bool,
    stat: bool,
    as_json: bool,
) -> None:
    """List snapshots, newest first.

    With KEY its versions, without it the history of all keys of the project.
    """
    now = invocation.clock()
    with invocation.store() as store, invocation.page() as screen:
        entries = store.log(key, limit=limit, since=_moment(since, now), until=_moment(until, now))
        if as_json:
            from aicas.cli.forms import print_listing

            print_listing(screen, "entries", (_entry_form(store, e, stat) for e in entries))
            return
        shown = (
            Shown(entry, tuple(_lines(store, entry, now, short=short, stat=stat)))
            for entry in entries
        )
        if graph:
            for line in with_lanes(list(shown)):
                screen.line(*line)
        else:
            _print_list(screen, shown)


def _moment(text: str | None, now: int) -> int | None:
    if text is None:
        return None
    from aicas.history.when import parse_when

    return parse_when(text, now)


def _print_list(screen: Screen, shown: Iterator[Shown]) -> None:
    for item in shown:
        for line in item.lines:
            screen.line(*line)


def _lines(store: Store, entry: LogEntry, now: int, *, short: bool, stat: bool) -> Iterator[Line]:
    if short:
        yield oneline(entry, store.project, now)
    else:
        yield from full(entry, store.project, now, map(store.operation, entry.numbers))
    if stat:
        yield from _stat_lines(store, entry)
    if not short:
        yield ()


def _stat_lines(store: Store, entry: LogEntry) -> Iterator[Line]:
    from aicas.cli.render.diff import stat

    change = _change(store, entry)
    if change is not None:
        for line in stat(change, entry.snapshot.key):
            yield ("   ", *line)


def _change(store: Store, entry: LogEntry) -> Diff | None:
    """What a snapshot changed against its previous version.

    ``None`` for a first version, and where what one of them held was evicted.
    """
    parent = entry.snapshot.parent
    try:
        return None if parent is None else store.diff(str(parent), str(entry.snapshot.id))
    except NotFound:
        return None


def _entry_form(store: Store, entry: LogEntry, stat: bool) -> Form:
    from aicas.cli.forms import snapshot_form

    form: Form = {
        "ref": entry.ref,
        "number": entry.number,
        "is_current": entry.is_current,
        "is_quarantined": entry.is_quarantined,
        "operations": [
            {
                "number": done.number,
                "verb": done.verb,
                "at": format_time(done.at),
                "actor": done.actor,
                "reason": done.reason,
            }
            for done in map(store.operation, entry.numbers)
        ],
        "snapshot": snapshot_form(entry.snapshot),
        "changes": None,
    }
    change = _change(store, entry) if stat else None
    if change is not None:
        form["changes"] = change.to_json()
    return form
