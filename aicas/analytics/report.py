"""The books of one project as figures that people quote: rates in percent, money in USD.

Amounts are added up as whole nano-USD; ``..._usd`` is the float nearest to such a sum, to be
printed and compared, and ``..._usd_nano`` the sum itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aicas.clock import DAY, to_datetime
from aicas.ledger.causes import CAUSES, Cause
from aicas.ledger.totals import Totals
from aicas.store import Store

_NANO: Final = 10**9
_MB: Final = 10**6
_SECOND: Final = 10**6


@dataclass(frozen=True, slots=True)
class CostAnalysis:
    """What a project's runs cost in some period, and what its lookups saved.

    What has no recorded price is in no amount; it is counted apart.
    """

    since: int
    """The first moment, in microseconds since 1970 UTC."""
    until: int | None
    """The first moment after it."""
    totals: Totals
    """The exact sums."""

    @property
    def hit_rate(self) -> float:
        """Percent of lookups that hit; 0 when there were none."""
        return 100 * (self.totals.hit_rate or 0.0)

    @property
    def miss_rate(self) -> float:
        """Percent of lookups that missed; 0 when there were none."""
        return 100 * self.totals.misses / (self.totals.lookups or 1)

    @property
    def spent_usd(self) -> float:
        """All the money spent: ``first_usd`` and ``regenerated_usd``."""
        return usd(self.totals.spent_nano)

    @property
    def first_usd(self) -> float:
        """Money spent on what had not been there before."""
        return usd(self.totals.first_nano)

    @property
    def regenerated_usd(self) -> float:
        """Money spent again on what had been there; ``by_cause`` says why."""
        return usd(self.totals.spent_nano - self.totals.first_nano)

    @property
    def by_cause(self) -> Mapping[Cause, float]:
        """USD by why it was spent, for every cause that occurred; they add up to ``spent_usd``."""
        spent = self.totals.by_cause
        return {cause: usd(spent[cause]) for cause in CAUSES if cause in self.totals.runs_by_cause}

    @property
    def estimated_savings_usd(self) -> float:
        """What the hits would have cost, had each been made again at the price it was made for."""
        return usd(self.totals.saved_by_reuse_nano)

    @property
    def provider_savings_usd(self) -> float:
        """What the provider's own prompt cache made cheaper; no part of the above."""
        return usd(self.totals.saved_by_provider_nano)

    @property
    def api_calls(self) -> int:
        """Calls made."""
        return self.totals.calls

    @property
    def api_calls_saved(self) -> int:
        """Calls that the hits would have taken."""
        return self.totals.saved_calls

    @property
    def seconds_saved(self) -> float:
        """Seconds that the hits would have taken."""
        return self.totals.saved_latency_us / _SECOND

    @property
    def cost_reduction(self) -> float:
        """Percent saved by reuse of what would have been spent without it; 0 without money."""
        saved = self.totals.saved_by_reuse_nano
        return 100 * saved / ((saved + self.totals.spent_nano) or 1)


@dataclass(frozen=True, slots=True)
class DayCosts(CostAnalysis):
    """The same of one day."""

    @property
    def date(self) -> str:
        """The day, in UTC: ``2026-11-23``."""
        return to_datetime(self.since).date().isoformat()


def analyse(store: Store, since: int | None = None, until: int | None = None) -> CostAnalysis:
    """The books of a store's project, all of them or those of a period."""
    found = store.books(since, until, project=store.project)
    return CostAnalysis(found.period.since, until, found.total)


def analyse_by_day(store: Store, since: int, until: int) -> list[DayCosts]:
    """The books of a store's project day by day, a quiet day included.

    Args:
        store: whose.
        since, until: the first moment of the first day, and of the day after the last, in UTC.
    """
    found = store.books(since, until, project=store.project, by="day").groups
    days = [DayCosts(start, start + DAY, Totals()) for start in range(since, until, DAY)]
    return [DayCosts(d.since, d.until, found.get(d.date, d.totals)) for d in days]


def cache_analytics(store: Store) -> dict[str, Any]:
    """How a store's project stands, and how it has done since the beginning, as plain values."""
    held, found = store.contents(), analyse(store)
    totals = found.totals
    return {
        "total_entries": held.entries,
        "total_size_bytes": held.size_bytes,
        "total_size_mb": held.size_bytes / _MB,
        "hits": totals.hits,
        "misses": totals.misses,
        "hit_rate": found.hit_rate,
        "miss_rate": found.miss_rate,
        "miss_reasons": dict(totals.reasons),
        **_money("cost_savings", totals.saved_by_reuse_nano),
        **_money("provider_savings", totals.saved_by_provider_nano),
        **_money("spent", totals.spent_nano),
        **_money("first", totals.first_nano),
        **_money("regenerated", totals.spent_nano - totals.first_nano),
        "spent_by_cause_usd": found.by_cause,
        "cost_reduction": found.cost_reduction,
        "api_calls": found.api_calls,
        "api_calls_saved": found.api_calls_saved,
        "tokens_saved": totals.saved_input_tokens + totals.saved_output_tokens,
        "seconds_saved": found.seconds_saved,
        "unpriced_runs": totals.unpriced,
        "unrecorded_runs": totals.unrecorded,
        "unpriced_hits": totals.saved_unpriced,
    }


def usd(nano: int) -> float:
    """The float nearest to an amount in USD."""
    return nano / _NANO


def _money(name: str, nano: int) -> dict[str, float | int]:
    return {f"{name}_usd": usd(nano), f"{name}_usd_nano": nano}
