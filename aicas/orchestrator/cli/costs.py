"""``ai-orchestrator cost-analysis``: what a run and a month cost, what was saved, what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

import aicas
from aicas.orchestrator.cli.figures import days_option, figures_form, headline, say_figures, span
from aicas.orchestrator.cli.options import json_option, store_options
from aicas.orchestrator.cli.rendering import amount, percent, print_document, say

if TYPE_CHECKING:
    from aicas import CostAnalysis, Store

_Advice = list[dict[str, Any]]


@click.command()
@click.argument("session", required=False)
@days_option
@json_option
@store_options
def cost_analysis(
    session: str | None, days: int, project: str | None, store: str | None, as_json: bool
) -> None:
    """Tell what the run SESSION cost and saved, and its project in the last days.

    The project is the one the run began in; without SESSION only the project is told of.
    Recommendations rest on what its books show; where they show no cause, there are none.
    """
    with aicas.open(store, create=False, project=project) as opened:
        seen, run = opened, None
        if session is not None:
            projects = opened.session(session).projects
            run = aicas.CostAnalysis(0, None, opened.books(session=session).total)
            seen = opened if project else opened.at_project(projects[0])
        period, advice = asyncio.run(_look(seen, days))
    if as_json:
        print_document(
            {
                "session": session,
                "run": None if run is None else figures_form(run),
                "project": seen.project,
                "days": days,
                "period": figures_form(period),
                "recommendations": advice,
            }
        )
        return
    if run is not None:
        say(f"session {session}: {headline(run)}")
        say_figures(run)
    say(f"project {seen.project}, {span(days)}: {headline(period)}")
    say_figures(period)
    _say_advice(advice)


async def _look(store: Store, days: int) -> tuple[CostAnalysis, _Advice]:
    optimizer = aicas.CostOptimizer(store)
    period = await optimizer.analyze_costs(days=days)
    return period, await optimizer.get_optimization_recommendations(days=days)


def _say_advice(advice: _Advice) -> None:
    if not advice:
        say("recommendations: none; the books show no cause for any")
        return
    say("recommendations:")
    for each in advice:
        saving = amount(each["potential_savings_usd_nano"], each["unpriced_runs"], "run")
        say(
            f"  {each['strategy']}: {each['description']}",
            f"    would have saved {saving};"
            f" effort {each['implementation_effort']},"
            f" confidence {percent(100 * each['confidence'])}",
        )
