"""The figures of the books, as the commands about money tell them: in lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicas import format_count, format_duration
from aicas.orchestrator.cli.rendering import (
    Form,
    amount,
    money_form,
    percent,
    say,
)

if TYPE_CHECKING:
    from aicas import CostAnalysis


def days_option(command: Any) -> Any:
    """``--days``: how far to look back."""
    return click.option(
        "--days",
        type=int,
        default=30,
        show_default=True,
        metavar="N",
        help="Look at the last N days in UTC, today included.",
    )(command)


def span(days: int) -> str:
    """``the last 30 days``."""
    return f"the last {format_count(days, 'day')}" if days > 1 else "today"


def headline(found: CostAnalysis) -> str:
    """``85.0% cache hit rate, $45.0000 saved``."""
    rate = percent(found.hit_rate if found.totals.lookups else None)
    return f"{rate} cache hit rate, {amount(found.totals.saved_by_reuse_nano)} saved"


def say_figures(found: CostAnalysis) -> None:
    """Print what was spent and why, what was saved and how, and what has no price."""
    totals = found.totals
    say(
        f"  spent {amount(totals.spent_nano)} in {format_count(totals.runs, 'run')},"
        f" {format_count(totals.calls, 'call')}: {amount(totals.first_nano)} for the first time,"
        f" {amount(totals.spent_nano - totals.first_nano)} again"
    )
    for cause, nano in sorted(totals.regenerated.items(), key=lambda each: (-each[1], each[0])):
        runs = format_count(totals.runs_by_cause[cause], "run")
        say(f"    {cause.replace('_', ' ')}: {amount(nano)} in {runs}")
    say(
        f"  saved by reuse: {amount(totals.saved_by_reuse_nano)},"
        f" {format_count(totals.saved_calls, 'call')}, {format_duration(totals.saved_latency_us)}"
        f" ({totals.hits:,} of {format_count(totals.lookups, 'lookup')})",
        f"  saved by the provider's prompt cache: {amount(totals.saved_by_provider_nano)},"
        f" {format_count(totals.cached_tokens, 'token')}",
    )
    apart = [
        f"{format_count(totals.unpriced, 'run')} of unknown price" if totals.unpriced else "",
        f"{format_count(totals.unrecorded, 'run')} of unrecorded cost" if totals.unrecorded else "",
        f"{format_count(totals.saved_unpriced, 'hit')} on what has no price"
        if totals.saved_unpriced
        else "",
        f"{format_count(totals.cached_tokens_unpriced, 'cached token')} of unknown saving"
        if totals.cached_tokens_unpriced
        else "",
    ]
    if any(apart):
        say("  in none of these amounts: " + ", ".join(filter(None, apart)))


def figures_form(found: CostAnalysis) -> Form:
    """The same as JSON."""
    totals = found.totals
    return {
        "hits": totals.hits,
        "misses": totals.misses,
        "hit_rate": found.hit_rate if totals.lookups else None,
        "runs": totals.runs,
        **money_form("spent_usd", totals.spent_nano),
        **money_form("first_usd", totals.first_nano),
        **money_form("regenerated_usd", totals.spent_nano - totals.first_nano),
        "causes": [
            {
                "cause": cause,
                "runs": runs,
                **money_form("spent_usd", totals.by_cause[cause]),
            }
            for cause, runs in sorted(totals.runs_by_cause.items())
        ],
        **money_form("saved_usd", totals.saved_by_reuse_nano),
        **money_form("provider_saved_usd", totals.saved_by_provider_nano),
        "calls_made": totals.calls,
        "calls_saved": totals.saved_calls,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cached_tokens": totals.cached_tokens,
        "latency_us_saved": totals.saved_latency_us,
        "unpriced_runs": totals.unpriced,
        "unrecorded_runs": totals.unrecorded,
        "unpriced_hits": totals.saved_unpriced,
        "unpriced_cached_tokens": totals.cached_tokens_unpriced,
    }
