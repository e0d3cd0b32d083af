"""Plans of runs, as lines for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicas import format_count, format_duration, format_usd
from aicas.orchestrator.cli.rendering import (
    Form,
    cost_form,
    price_text,
    say,
)

if TYPE_CHECKING:
    from aicas import Estimate, ResumePlan
    from aicas.orchestrator.planning import PlannedStage, RunPlan

_KEY_WIDTH = 27


def say_run_plan(plan: RunPlan) -> None:
    """Print what a run would do and may cost."""
    for stage in plan.stages:
        say(_stage_line(stage))
    cached = sum(stage.is_cached for stage in plan.stages)
    stages = format_count(len(plan.stages), "stage")
    say(f"{stages}: {cached} cached, {len(plan.stages) - cached} to run")
    if not plan.is_whole:
        say("and the phases: how many there are is not known before the breakdown is made")
    if cached < len(plan.stages):
        say(f"estimate, from what the same stages cost before: {price_text(plan.price)}")
    if cached:
        say(f"cached stages cost $0; they are not paid again: {price_text(plan.saved)}")


def _stage_line(stage: PlannedStage) -> str:
    name = stage.key.ljust(_KEY_WIDTH)
    if stage.estimate is None:
        return f"cached  {name}  $0"
    return f"run     {name}  {_estimate(stage.estimate)}  because: {'; '.join(stage.reasons)}"


def _estimate(estimate: Estimate) -> str:
    cost = estimate.cost
    if cost is None or cost.usd_nano is None:
        return "no estimate (it never ran)"
    runs = format_count(estimate.runs, "earlier run")
    return (
        f"about {format_usd(cost.usd_nano)}, {format_duration(cost.latency_us)} (estimate, {runs})"
    )


def run_plan_form(plan: RunPlan) -> Form:
    """What a run would do and may cost, as JSON."""
    return {
        "event": "plan",
        "stages": [
            {
                "key": stage.key,
                "status": "cached" if stage.is_cached else "run",
                "snapshot": str(stage.snapshot.id) if stage.snapshot else None,
                "reasons": list(stage.reasons),
                "estimate": cost_form(stage.estimate.cost) if stage.estimate else None,
                "estimated_from_runs": stage.estimate.runs if stage.estimate else 0,
            }
            for stage in plan.stages
        ],
        "whole": plan.is_whole,
        "estimate": plan.price.to_json(),
        "saved": plan.saved.to_json(),
    }


def say_resume_plan(plan: ResumePlan) -> None:
    """Print what resuming pins, and what that leaves to be made again."""
    say(f"resume from {plan.snapshot.key} {plan.snapshot.id.short} in project {plan.project}:")
    for pin in plan.pins:
        moved = "as it is" if pin.old == pin.snapshot.id else "made current again"
        say(f"pinned  {pin.key.ljust(_KEY_WIDTH)}  {pin.snapshot.id.short}  {moved}")
    for other in plan.others:
        say(f"note: an input of an input used another version of {other.key}: {other.id.short}")
    say(f"pinned stages are not paid again: {price_text(plan.kept)}")


def resume_plan_form(plan: ResumePlan) -> Form:
    """What resuming pins, as JSON."""
    return {
        "event": "resume",
        "snapshot": str(plan.snapshot.id),
        "project": plan.project,
        "pinned": [
            {
                "key": pin.key,
                "snapshot": str(pin.snapshot.id),
                "old": None if pin.old is None else str(pin.old),
            }
            for pin in plan.pins
        ],
        "other_versions": [{"key": other.key, "snapshot": str(other.id)} for other in plan.others],
        "kept": plan.kept.to_json(),
    }
