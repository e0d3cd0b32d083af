"""The books of a period: what was spent and why, what was saved, by whatever one asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, get_args

from aicas.backends.base import Backend
from aicas.backends.events import day_of
from aicas.ledger.events import Lookup, lookups
from aicas.ledger.spending import Spending, spendings
from aicas.ledger.totals import Totals

Grouping = Literal["stage", "model", "session", "day", "cause"]
GROUPINGS: Final[tuple[Grouping, ...]] = get_args(Grouping)


class Period(NamedTuple):
    """Which part of the books is meant; ``None`` for no limit."""

    since: int = 0
    """The first moment, in microseconds since 1970 UTC."""
    until: int | None = None
    """The first moment after it."""
    project: str | None = None
    session: str | None = None


class Books(NamedTuple):
    """A part of the books, added up."""

    period: Period
    total: Totals
    groups: Mapping[str | None, Totals]
    """The same by group, sorted by name; ``None`` holds what has no model or session. The groups
    add up to the total, but for lookups by cause, which have none."""


def read_books(backend: Backend, period: Period, by: Grouping | None = None) -> Books:
    """Add up the books. Costs one look at every operation, and at the period's lookups.

    Lookups that some recorder still holds are not in it: flush that one first.

    Args:
        backend: the store's.
        period: which part.
        by: what to group by: ``stage`` (``PROJECT/KEY``), ``model``, ``session``, ``day`` (UTC)
            or ``cause``.
    """
    total = Totals()
    groups: dict[str | None, Totals] = defaultdict(Totals)
    for spending in spendings(backend, period.since, period.until):
        if _is_meant(period, spending):
            total.add_spending(spending)
            if by == "cause":
                groups[spending.cause].add_spending(spending)
            elif by is not None:
                groups[_NAMES[by](spending)].add_spending(spending)
    for lookup in lookups(backend, period.since, period.until):
        if _is_meant(period, lookup):
            total.add_lookup(lookup)
            if by is not None and by != "cause":
                groups[_NAMES[by](lookup)].add_lookup(lookup)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return Books(period, total, dict(ordered))


def _is_meant(period: Period, entry: Spending | Lookup) -> bool:
    return period.project in (None, entry.project) and period.session in (None, entry.session)


_NAMES: Final[Mapping[Grouping, Callable[[Spending | Lookup], str | None]]] = {
    "stage": lambda entry: f"{entry.project}/{entry.key}",
    "model": lambda entry: entry.model,
    "session": lambda entry: entry.session,
    "day": lambda entry: day_of(entry.at),
}
