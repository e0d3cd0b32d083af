"""``aicas costs``: what was spent and why, and what was saved, by whatever one asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.period import days_option, last_days
from aicas.cli.render.bars import bar
from aicas.cli.render.books import (
    apart_words,
    cause_words,
    period_form,
    period_words,
    saved_rows,
    saved_words,
    spent_words,
    totals_form,
)
from aicas.cli.render.sheet import sheet
from aicas.cli.render.table import Cell, print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import money, usd_decimal
from aicas.errors import InvalidInput
from aicas.ledger.books import GROUPINGS, Books, Grouping
from aicas.ledger.causes import CAUSES
from aicas.ledger.totals import Totals

if TYPE_CHECKING:
    from aicas.store import Store

_BAR = 20
_COLUMNS = ("spent_usd", "regenerated_usd", "saved_by_reuse_usd", "saved_by_provider_usd")
_COUNTS = ("runs", "unpriced_runs", "unrecorded_runs", "hits", "misses")
Group = tuple[str | None, Totals]


@click.command()
@click.option(
    "--by",
    type=click.Choice(GROUPINGS),
    default="cause",
    help="What to add up by: why money was spent, or where it went.",
)
@days_option(None)
@click.option("--since", metavar="WHEN", help="Only from then on: 2026-11-20, '3 days ago', 2h.")
@click.option("--session", metavar="SESSION", help="Only one run, whatever projects it was in.")
@click.option("--all", "everywhere", is_flag=True, help="Every project of the store.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the groups as comma-separated values.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    by: Grouping,
    days: int | None,
    since: str | None,
    session: str | None,
    everywhere: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """What runs cost, and why they were made.

    Money spent is what was spent the first time and what was spent again. What reuse saved and
    what the provider's own cache saved are lines of their own, and no part of it.
    """
    with invocation.store() as store:
        start, end = _period(store, days, since, invocation.clock())
        project = None if everywhere or session else store.project
        books = store.books(start, end, project=project, session=session, by=by)
        screen = invocation.screen()
        if as_json:
            print_document(screen, _form(books, by))
        elif as_csv:
            screen.block(_sheet(books, by))
        else:
            screen.line(Span(period_words(books.period, invocation.clock()), "dim"))
            _print(screen, books, by)


def _period(
    store: Store, days: int | None, since: str | None, now: int
) -> tuple[int | None, int | None]:
    if since is None:
        return last_days(store, days)
    if days is not None:
        raise InvalidInput("say --days or --since, not both")
    from aicas.history.when import parse_when

    return parse_when(since, now), None


def _groups(books: Books, by: Grouping) -> list[Group]:
    """Days in order, causes in theirs; all else by what was spent, the most first."""
    groups = list(books.groups.items())
    if by == "cause":
        return sorted(groups, key=lambda group: CAUSES.index(group[0]))
    if by == "day":
        return groups
    return sorted(groups, key=lambda group: -group[1].spent_nano)


def _label(name: str | None, by: Grouping, project: str | None) -> str:
    if name is None:
        return "(none)"
    if by == "cause":
        return cause_words(name)
    return name.removeprefix(f"{project}/") if by == "stage" and project else name


def _print(screen: Screen, books: Books, by: Grouping) -> None:
    total = books.total
    if not total.runs and not total.lookups:
        screen.line("nothing was spent, and nothing was looked up")
        return
    groups = [(_label(name, by, books.period.project), sums) for name, sums in _groups(books, by)]
    rows = _cause_rows if by == "cause" else _group_rows
    titles: Sequence[str] = ("WHY", "SPENT", "RUNS")
    if by != "cause":
        titles = (by.upper(), "SPENT", "AGAIN", "SAVED", "RUNS", "HITS", "MISSES")
    print_table(
        screen,
        list(rows([*groups, ("total", total)])),
        headings=(*titles, ""),
        right=range(1, len(titles)),
        flexible=0,
    )
    print_table(screen, list(saved_rows(total)), right=(1,))
    apart = apart_words(total)
    if apart:
        screen.line(apart)


def _cause_rows(groups: list[tuple[str, Totals]]) -> Iterator[tuple[Cell, ...]]:
    whole = groups[-1][1].spent_nano
    for index, (name, sums) in enumerate(groups, 1):
        drawn = bar(sums.spent_nano, whole, _BAR) if index < len(groups) else ""
        yield name, spent_words(sums), f"{sums.runs:,}", Span(drawn, "id")


def _group_rows(groups: list[tuple[str, Totals]]) -> Iterator[tuple[Cell, ...]]:
    largest = max((sums.spent_nano for _, sums in groups[:-1]), default=0)
    for index, (name, sums) in enumerate(groups, 1):
        drawn = bar(sums.spent_nano, largest, _BAR) if index < len(groups) else ""
        yield (
            name,
            spent_words(sums),
            money(sums.spent_nano - sums.first_nano),
            saved_words(sums),
            f"{sums.runs:,}",
            f"{sums.hits:,}",
            f"{sums.misses:,}",
            Span(drawn, "id"),
        )


def _form(books: Books, by: Grouping) -> Form:
    return {
        **period_form(books.period),
        "by": by,
        "totals": totals_form(books.total),
        "groups": [
            {"name": name, "totals": totals_form(sums)} for name, sums in _groups(books, by)
        ],
    }


def _sheet(books: Books, by: Grouping) -> str:
    def row(name: str | None, sums: Totals) -> tuple[str | int | Decimal | None, ...]:
        amounts = (
            sums.spent_nano,
            sums.spent_nano - sums.first_nano,
            sums.saved_by_reuse_nano,
            sums.saved_by_provider_nano,
        )
        counts = (sums.runs, sums.unpriced, sums.unrecorded, sums.hits, sums.misses)
        return name, *(Decimal(usd_decimal(nano)) for nano in amounts), *counts

    return sheet((by, *_COLUMNS, *_COUNTS), (row(*group) for group in _groups(books, by)))
