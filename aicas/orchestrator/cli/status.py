"""``ai-orchestrator status``: what a run did, stage by stage, and how its cache entries stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

import aicas
from aicas import format_count, format_size
from aicas.orchestrator.cli.options import json_option, store_option
from aicas.orchestrator.cli.rendering import (
    Form,
    amount,
    cost_form,
    moment,
    money_form,
    percent,
    print_document,
    reason_forms,
    say,
    say_table,
    upstream_of,
)
from aicas.orchestrator.events import Totals

if TYPE_CHECKING:
    from aicas import Cost, Session, StageStatus, Step, Store

_HEADINGS = ("STAGE", "OUTCOME", "CALLS", "USD", "CAUSE", "WHEN")


class _Entries(NamedTuple):
    """How the cache entries of a run's stages stand now."""

    by_stage: dict[tuple[str, str], StageStatus]
    hit_rate: float | None
    """Per cent of the run's lookups that hit; ``None`` when none is recorded."""

    def of(self, step: Step) -> StageStatus | None:
        """``None``: nothing of the stage was ever stored."""
        return self.by_stage.get((step.project, step.key))

    @property
    def held(self) -> list[StageStatus]:
        """Those that can be served."""
        return [stage for stage in self.by_stage.values() if stage.state == "valid"]

    @property
    def size_bytes(self) -> int:
        """What those hold, as it was produced."""
        return sum(stage.snapshot.size_bytes for stage in self.held if stage.snapshot)


@click.command()
@click.argument("session")
@click.option(
    "--include-cache", is_flag=True, help="Say how the cache entry of each stage stands now."
)
@json_option
@store_option
def status(session: str, include_cache: bool, store: str | None, as_json: bool) -> None:
    """Show what the run SESSION did, stage by stage, in the order in which it happened.

    A run that was started again under the same name is shown with all its parts.
    """
    with aicas.open(store, create=False) as opened:
        run = opened.session(session)
        entries = _entries(opened, run) if include_cache else None
        recording = opened.config.analytics_enabled
    if as_json:
        print_document(_form(run, entries))
        return
    _say_run(run, entries)
    if not recording:
        say("analytics_enabled is off: stages that came from the cache are not recorded")


def _entries(store: Store, run: Session) -> _Entries:
    used = {(step.project, step.key) for step in run.steps}
    found: dict[tuple[str, str], StageStatus] = {
        (project, stage.key): stage
        for project in run.projects
        for stage in store.at_project(project).status()
        if (project, stage.key) in used
    }
    rate = store.books(session=run.name).total.hit_rate
    return _Entries(found, None if rate is None else 100 * rate)


def _totals(run: Session) -> Totals:
    totals = Totals()
    for step in run.steps:
        if step.how == "cached":
            totals.add_cached(step.cost)
        elif step.how == "generated":
            totals.add_generated(step.cost)
        elif step.cost is not None:
            totals.add_lost(step.cost)
    return totals


def _say_run(run: Session, entries: _Entries | None) -> None:
    projects = ", ".join(run.projects)
    began, ended = moment(run.steps[0].at), moment(run.steps[-1].at)
    say(f"session {run.name}, project {projects}, {began} to {ended}")
    headings = _HEADINGS if entries is None else (*_HEADINGS, "CACHE NOW")
    say_table(headings, [_row(run, step, entries) for step in run.steps], right=(2, 3))
    _say_totals(run, _totals(run))
    if entries is not None:
        _say_entries(run, entries)


def _row(run: Session, step: Step, entries: _Entries | None) -> list[str]:
    name = step.key if len(run.projects) == 1 else f"{step.project}/{step.key}"
    row = [name, step.how, _calls(step.cost), _usd(step), step.cause or "", moment(step.at)]
    if entries is None:
        return row
    stage = entries.of(step)
    return [*row, stage.state if stage else "never stored"]


def _calls(cost: Cost | None) -> str:
    return f"{cost.calls:,}" if cost else "-"


def _usd(step: Step) -> str:
    if step.cost is None or step.cost.usd_nano is None:
        return "unpriced"
    text = amount(step.cost.usd_nano)
    return f"{text} saved" if step.how == "cached" else text


def _say_totals(run: Session, totals: Totals) -> None:
    failed = len(run.steps) - totals.cached - totals.generated
    lost = f", {amount(totals.lost_nano)} of it on failures" if totals.lost_nano else ""
    say(
        f"{format_count(len(run.steps), 'stage')}: {totals.cached} cached,"
        f" {totals.generated} generated, {failed} failed",
        f"calls: {totals.calls_made} made, {totals.calls_saved} saved",
        f"USD: {amount(totals.spent_nano, totals.spent_unpriced)} spent{lost},"
        f" {amount(totals.saved_nano, totals.saved_unpriced)} saved",
    )


def _say_entries(run: Session, entries: _Entries) -> None:
    for (project, key), stage in entries.by_stage.items():
        name = key if len(run.projects) == 1 else f"{project}/{key}"
        for reason in stage.reasons:
            say(f"{name}: {reason}")
        began = upstream_of(stage, project)
        if not stage.reasons and began is not None:
            say(f"{name}: valid, but rests on {began}, which is not")
    say(
        f"cache: hit rate {percent(entries.hit_rate)},"
        f" {len(entries.held)} of {format_count(len(entries.by_stage), 'entry')} valid,"
        f" {format_size(entries.size_bytes)}"
    )


def _form(run: Session, entries: _Entries | None) -> Form:
    totals = _totals(run)
    return {
        "session": run.name,
        "projects": list(run.projects),
        "started": aicas.format_time(run.steps[0].at),
        "ended": aicas.format_time(run.steps[-1].at),
        "stages": [_step_form(step, entries) for step in run.steps],
        "totals": {
            "stages": len(run.steps),
            "cached": totals.cached,
            "generated": totals.generated,
            "failed": len(run.steps) - totals.cached - totals.generated,
            "calls_made": totals.calls_made,
            "calls_saved": totals.calls_saved,
            **money_form("spent_usd", totals.spent_nano),
            **money_form("lost_usd", totals.lost_nano),
            **money_form("saved_usd", totals.saved_nano),
            "spent_unpriced": totals.spent_unpriced,
            "saved_unpriced": totals.saved_unpriced,
        },
        "cache": None if entries is None else _entries_form(entries),
    }


def _step_form(step: Step, entries: _Entries | None) -> Form:
    return {
        "project": step.project,
        "key": step.key,
        "outcome": step.how,
        "cause": step.cause,
        "at": aicas.format_time(step.at),
        "snapshot": None if step.snapshot is None else str(step.snapshot),
        "cost": cost_form(step.cost),
        "entry": None if entries is None else _entry_form(entries.of(step), step.project),
    }


def _entry_form(stage: StageStatus | None, project: str) -> Form | None:
    if stage is None:
        return None
    return {
        "state": stage.state,
        "reasons": reason_forms(stage.reasons),
        "upstream": upstream_of(stage, project),
        "snapshot": None if stage.snapshot is None else str(stage.snapshot.id),
        "size_bytes": None if stage.snapshot is None else stage.snapshot.size_bytes,
    }


def _entries_form(entries: _Entries) -> Form:
    return {
        "entries": len(entries.by_stage),
        "valid": len(entries.held),
        "hit_rate": entries.hit_rate,
        "size_bytes": entries.size_bytes,
    }
