"""``ai-orchestrator generate``, ``resume`` and ``replay``: run stages, cache first."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

import aicas
from aicas.orchestrator.cli.options import NOTICE, reporter, run_options, run_to_end, session_name

if TYPE_CHECKING:
    from aicas.orchestrator.generation import Generation

_STAGES = re.compile(
    r"brainstorming_features|system_architecture_plan|project_micro_phases"
    r"|phase-[1-9]\d*-(generated_code|validation_report)|final_integration_summary"
)


def _stage_key(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _STAGES.fullmatch(value):
        raise click.BadParameter(f"{value!a} is no stage's key, e.g. phase-3-generated_code")
    return value


@click.command()
@click.argument("request")
@click.option(
    "--workflow-type",
    type=click.Choice(["micro_phase"]),
    default="micro_phase",
    show_default=True,
    help="How the work is divided into stages.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the finished project is written; otherwise it is only stored.",
)
@click.option("--overwrite", is_flag=True, help="Replace files in DIR that differ.")
@click.option(
    "--plan", "only_plan", is_flag=True, help="Say what it would do and cost; do nothing."
)
@click.option(
    "--fail-at", metavar="KEY", callback=_stage_key, help="Have the agents fail at this stage."
)
@run_options
def generate(
    request: str,
    workflow_type: str,
    output: Path | None,
    overwrite: bool,
    only_plan: bool,
    fail_at: str | None,
    project: str | None,
    store: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Turn REQUEST into a finished project.

    Every stage is stored as it completes. A run that fails or is killed is resumed by the same
    command: completed stages come from the store.
    """
    from aicas.orchestrator.demo.agent import demonstration_team
    from aicas.orchestrator.generation import Generation
    from aicas.orchestrator.wrappers import failing_at

    name = session_name(session)
    team = demonstration_team()
    if fail_at is not None:
        team = failing_at(team, fail_at)
    with aicas.open(store, project=project) as opened:
        run = Generation(opened, team, name, reporter(as_json), notice=NOTICE)
        if only_plan:
            _tell_plan(run, request, as_json)
        else:
            run_to_end(lambda: run.run(request, output, overwrite=overwrite))


def _tell_plan(run: Generation, request: str, as_json: bool) -> None:
    import asyncio

    from aicas.orchestrator.cli.plans import run_plan_form, say_run_plan

    plan = asyncio.run(run.plan(request))
    if as_json:
        click.echo(json.dumps(run_plan_form(plan), ensure_ascii=True))
    else:
        say_run_plan(plan)


@click.command()
@click.argument("revision", metavar="REVISION")
@click.option("--into", metavar="NEW", help="Go on in a new project; this one stays as it is.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the finished project is written; otherwise it is only stored.",
)
@click.option("--overwrite", is_flag=True, help="Replace files in DIR that differ.")
@click.option("--dry-run", is_flag=True, help="Print the plan with its price; do nothing.")
@run_options
def resume(
    revision: str,
    into: str | None,
    output: Path | None,
    overwrite: bool,
    dry_run: bool,
    project: str | None,
    store: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Go on from REVISION, a version of a stage, with exactly what it was made from.

    REVISION and all it rests on become current again and count as done; what follows is served
    from the store or produced. The plan is printed first.
    """
    from aicas.orchestrator.cli.plans import resume_plan_form, say_resume_plan
    from aicas.orchestrator.demo.agent import demonstration_team
    from aicas.orchestrator.generation import Generation

    name = session_name(session)
    with aicas.open(store, project=project, create=False) as opened:
        plan = opened.plan_resume(revision, into)
        pinned: dict[str, aicas.Snapshot] = {pin.key: pin.snapshot for pin in plan.pins}
        request = _request_of(pinned, revision)
        target = opened.at_project(plan.project)
        run = Generation(
            target,
            demonstration_team(),
            name,
            reporter(as_json),
            notice=NOTICE,
            pinned=pinned,
        )
        if as_json:
            click.echo(json.dumps(resume_plan_form(plan), ensure_ascii=True))
        else:
            say_resume_plan(plan)
        _tell_plan(run, request, as_json)
        if not dry_run:
            opened.resume(plan, session=name)
            run_to_end(lambda: run.run(request, output, overwrite=overwrite))


def _request_of(pinned: dict[str, aicas.Snapshot], revision: str) -> str:
    """The request that a snapshot came of, as its brainstorming recorded it."""
    for snapshot in pinned.values():
        request = snapshot.recipe.get("parameters", {}).get("request")
        if snapshot.key == aicas.BRAINSTORMING and isinstance(request, str):
            return request
    raise aicas.InvalidInput(
        f"{revision} does not come of a request to generate something",
        hint=f"'aicas resume {revision}' makes it and what it rests on current again",
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@run_options
def replay(
    file: Path, project: str | None, store: str | None, session: str | None, as_json: bool
) -> None:
    """Run the recorded pipeline in FILE (.jsonl or .jsonl.zst) through the cache.

    The recorded outputs stand in for the agents. Projects keep their recorded names unless
    --project names another: the project of a file that holds one, else what all go under.
    """
    from aicas.orchestrator.replay import replay_file

    name = session_name(session)
    with aicas.open(store) as opened:
        run_to_end(lambda: replay_file(opened, file, project, name, reporter(as_json)))
