"""``aicas stats``: how a project stands, how often lookups hit, and what that saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.period import days_option, last_days
from aicas.cli.render.bars import bar
from aicas.cli.render.books import (
    apart_words,
    cause_words,
    period_form,
    period_words,
    saved_rows,
    spent_words,
    totals_form,
)
from aicas.cli.render.table import Cell, print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count, money, size

if TYPE_CHECKING:
    from aicas.ledger.totals import Totals


@click.command()
@days_option(30)
@json_option
@pass_invocation
def command(invocation: Invocation, *, days: int, as_json: bool) -> None:
    """How lookups did, and what was saved.

    Why others missed is told, too. Lookups are counted while the setting analytics_enabled is on.
    """
    with invocation.store() as store:
        since, until = last_days(store, days)
        held, books = store.contents(), store.books(since, until, project=store.project)
        screen = invocation.screen()
        if as_json:
            form = {**held._asdict(), "totals": totals_form(books.total)}
            print_document(screen, {**period_form(books.period), **form})
            return
        screen.line(Span(period_words(books.period, invocation.clock()), "dim"))
        screen.line(f"holds {count(held.entries, 'entry')}, {size(held.size_bytes)}")
        _print_lookups(screen, books.total, recorded=store.config.analytics_enabled)
        _print_money(screen, books.total)


def _print_lookups(screen: Screen, totals: Totals, *, recorded: bool) -> None:
    if not recorded:
        screen.line("lookups are not recorded: analytics_enabled is off")
    if totals.lookups:
        print_table(screen, list(_lookup_rows(totals)), right=(1, 2))
    elif recorded:
        screen.line("no lookups")


def _lookup_rows(totals: Totals) -> Iterator[tuple[Cell, ...]]:
    def row(name: Cell, number: int, style: str) -> tuple[Cell, ...]:
        share = f"{100 * number / totals.lookups:.1f}%"
        return name, f"{number:,}", share, Span(bar(number, totals.lookups), style)

    yield row("hits", totals.hits, "good")
    if totals.recalled:
        yield row("  of an earlier version", totals.recalled, "dim")
    yield row("misses", totals.misses, "warn")
    for reason, misses in sorted(totals.reasons.items(), key=lambda item: (-item[1], item[0])):
        yield row(f"  {cause_words(reason)}", misses, "dim")


def _print_money(screen: Screen, totals: Totals) -> None:
    again = totals.spent_nano - totals.first_nano
    spent = f"{count(totals.runs, 'run')}, {money(again)} of it again"
    print_table(screen, [("spent", spent_words(totals), spent), *saved_rows(totals)], right=(1,))
    apart = apart_words(totals)
    if apart:
        screen.line(apart)
