"""The books: their sums in words, and as JSON; the same in every command that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aicas.cli.forms import Form, money_form
from aicas.cli.render.units import count, duration, money
from aicas.clock import EARLIEST, format_time

if TYPE_CHECKING:
    from aicas.cli.render.terminal import Text
    from aicas.ledger.books import Period
    from aicas.ledger.totals import Totals

_CAUSES: Mapping[str, str] = {"first": "first time"}


def cause_words(cause: str) -> str:
    """A cause of a run, or a reason of a miss, in words."""
    return _CAUSES.get(cause, cause.replace("_", " "))


def period_words(period: Period, now: int) -> str:
    """``project shop, since 2026-11-20``."""
    parts = [f"project {period.project}" if period.project else "all projects"]
    if period.session:
        parts.append(f"session {period.session}")
    parts.append(f"since {_day(period.since)}" if period.since > EARLIEST else "all time")
    if period.until is not None and period.until <= now:
        parts.append(f"until {_day(period.until)}")
    return ", ".join(parts)


def _day(moment: int) -> str:
    return format_time(moment).removesuffix("T00:00:00Z")


def spent_words(totals: Totals) -> str:
    """The money spent; where no run has a price, that."""
    is_priced = totals.runs > totals.unpriced + totals.unrecorded
    return money(totals.spent_nano if is_priced or not totals.runs else None)


def saved_words(totals: Totals) -> str:
    """The money saved by reuse; where nothing found has a price, that."""
    is_priced = totals.hits > totals.saved_unpriced
    return money(totals.saved_by_reuse_nano if is_priced or not totals.hits else None)


def saved_rows(totals: Totals) -> Iterator[tuple[Text, Text, Text]]:
    """What reuse and what the provider's own cache saved, each by itself."""
    parts = [count(totals.hits, "hit")]
    if totals.saved_calls:
        parts.append(count(totals.saved_calls, "call"))
    if totals.saved_input_tokens or totals.saved_output_tokens:
        parts.append(
            f"{count(totals.saved_input_tokens, 'token')} in, {totals.saved_output_tokens:,} out"
        )
    if totals.saved_latency_us:
        parts.append(duration(totals.saved_latency_us))
    yield "saved by reuse", saved_words(totals), ", ".join(parts)
    cached = count(totals.cached_tokens, "token")
    yield "saved by the provider's cache", money(totals.saved_by_provider_nano), cached


def apart_words(totals: Totals) -> str:
    """What is in none of the amounts, in one line; empty if there is nothing."""
    parts = []
    if totals.unpriced:
        parts.append(f"{count(totals.unpriced, 'run')} without a price")
    if totals.unrecorded:
        parts.append(f"{count(totals.unrecorded, 'run')} without a recorded cost")
    if totals.saved_unpriced:
        parts.append(f"{count(totals.saved_unpriced, 'hit')} on what has no price")
    if totals.cached_tokens_unpriced:
        parts.append(f"{count(totals.cached_tokens_unpriced, 'cached token')} without a price")
    return "not in these sums: " + ", ".join(parts) if parts else ""


def period_form(period: Period) -> Form:
    """The JSON form of the part of the books that is meant."""
    return {
        "since": format_time(period.since) if period.since > EARLIEST else None,
        "until": None if period.until is None else format_time(period.until),
        "project": period.project,
        "session": period.session,
    }


def totals_form(totals: Totals) -> dict[str, Any]:
    """The JSON form of some sums."""
    rate = totals.hit_rate
    return {
        "runs": totals.runs,
        **money_form("spent", totals.spent_nano),
        **money_form("first", totals.first_nano),
        **money_form("regenerated", totals.spent_nano - totals.first_nano),
        "by_cause": [
            {"cause": cause, "runs": runs, **money_form("spent", totals.by_cause[cause])}
            for cause, runs in sorted(totals.runs_by_cause.items())
        ],
        "unpriced_runs": totals.unpriced,
        "unrecorded_runs": totals.unrecorded,
        "calls": totals.calls,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cached_tokens": totals.cached_tokens,
        "latency_us": totals.latency_us,
        **money_form("saved_by_provider", totals.saved_by_provider_nano),
        "unpriced_cached_tokens": totals.cached_tokens_unpriced,
        "hits": totals.hits,
        "recalled": totals.recalled,
        "misses": totals.misses,
        "hit_rate": None if rate is None else 100 * rate,
        "reasons": [
            {"reason": reason, "misses": misses}
            for reason, misses in sorted(totals.reasons.items())
        ],
        **money_form("saved_by_reuse", totals.saved_by_reuse_nano),
        "unpriced_hits": totals.saved_unpriced,
        "saved_calls": totals.saved_calls,
        "saved_input_tokens": totals.saved_input_tokens,
        "saved_output_tokens": totals.saved_output_tokens,
        "saved_latency_us": totals.saved_latency_us,
    }
