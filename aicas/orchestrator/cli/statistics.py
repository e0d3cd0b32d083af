"""``ai-orchestrator cache-stats``: how well the cache of a project did in the last days."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

import aicas
from aicas import format_count, format_duration, format_size
from aicas.orchestrator.cli.figures import days_option, span
from aicas.orchestrator.cli.options import json_option, store_options
from aicas.orchestrator.cli.rendering import (
    Form,
    amount,
    percent,
    print_document,
    say,
    say_table,
)

if TYPE_CHECKING:
    from aicas import CostAnalysis, DayCosts, Store

_MB = 10**6
_HEADINGS = ("DAY", "HITS", "MISSES", "HIT RATE", "SPENT", "SAVED", "CALLS SAVED")


@click.command()
@days_option
@json_option
@store_options
def cache_stats(days: int, project: str | None, store: str | None, as_json: bool) -> None:
    """Tell how well the cache of a project did in the last days.

    The entries and their size are those of now.
    """
    with aicas.open(store, create=False, project=project) as opened:
        held = opened.contents()
        found, by_day = asyncio.run(_look(opened, days))
        recording = opened.config.analytics_enabled
        named = opened.project
    if as_json:
        print_document(
            {
                "project": named,
                "days": days,
                "total_entries": held.entries,
                "total_size_mb": held.size_bytes / _MB,
                "total_size_bytes": held.size_bytes,
                **_form(found),
                "miss_reasons": dict(sorted(found.totals.reasons.items())),
                "by_day": [{"day": day.date, **_form(day)} for day in by_day],
            }
        )
        return
    say(f"project {named}, {span(days)}")
    _say_sums(found)
    say(f"entries: {held.entries:,} now, {format_size(held.size_bytes)}")
    busy = [day for day in by_day if day.totals.lookups or day.totals.runs]
    say_table(_HEADINGS, [_row(day) for day in busy], right=(1, 2, 3, 4, 5, 6))
    if not recording:
        say("analytics_enabled is off: hits and misses are not recorded")


async def _look(store: Store, days: int) -> tuple[CostAnalysis, list[DayCosts]]:
    optimizer = aicas.CostOptimizer(store)
    found = await optimizer.analyze_costs(days=days)
    return found, await optimizer.track_cost_trends(days=days)


def _rate(found: CostAnalysis) -> float | None:
    return found.hit_rate if found.totals.lookups else None


def _say_sums(found: CostAnalysis) -> None:
    totals = found.totals
    hits = format_count(totals.hits, "hit")
    say(f"hit rate: {percent(_rate(found))}, {hits}, {totals.misses:,} missed")
    for code, misses in totals.reasons.most_common():
        say(f"  {code.replace('_', ' ')}: {misses:,}")
    say(
        f"saved: {amount(totals.saved_by_reuse_nano, totals.saved_unpriced, 'hit')},"
        f" {format_count(totals.saved_calls, 'API call')},"
        f" {format_duration(totals.saved_latency_us)}",
        f"spent: {amount(totals.spent_nano, totals.unpriced + totals.unrecorded, 'run')},"
        f" {format_count(totals.calls, 'API call')}",
    )


def _row(day: DayCosts) -> tuple[str, ...]:
    totals = day.totals
    return (
        day.date,
        f"{totals.hits:,}",
        f"{totals.misses:,}",
        percent(_rate(day)),
        amount(totals.spent_nano),
        amount(totals.saved_by_reuse_nano),
        f"{totals.saved_calls:,}",
    )


def _form(found: CostAnalysis) -> Form:
    totals = found.totals
    rate = _rate(found)
    return {
        "hits": totals.hits,
        "misses": totals.misses,
        "hit_rate": rate,
        "miss_rate": None if rate is None else found.miss_rate,
        "cost_savings_usd": found.estimated_savings_usd,
        "cost_savings_usd_nano": totals.saved_by_reuse_nano,
        "api_calls_saved": totals.saved_calls,
        "api_calls_made": totals.calls,
        "spent_usd": found.spent_usd,
        "spent_usd_nano": totals.spent_nano,
        "unpriced_hits": totals.saved_unpriced,
        "unpriced_runs": totals.unpriced + totals.unrecorded,
    }
