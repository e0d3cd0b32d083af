"""``ai-orchestrator generate`` and ``replay``: run the stages of a pipeline, cache first."""

from __future__ import annotations

import re
from pathlib import Path

import click

import aicas
from aicas.orchestrator.cli.options import NOTICE, reporter, run_options, run_to_end, session_name

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
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the finished project is written.",
)
@click.option("--overwrite", is_flag=True, help="Replace files in DIR that differ.")
@click.option(
    "--fail-at", metavar="KEY", callback=_stage_key, help="Have the agents fail at this stage."
)
@run_options
def generate(
    request: str,
    workflow_type: str,
    output: Path,
    overwrite: bool,
    fail_at: str | None,
    project: str | None,
    store: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Turn REQUEST into a finished project in DIR.

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
        run_to_end(lambda: run.run(request, output, overwrite=overwrite))


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
