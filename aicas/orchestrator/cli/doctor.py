"""``ai-orchestrator doctor``: what is wrong with a store, and the command that puts it right."""

from __future__ import annotations

from typing import NamedTuple

import click

import aicas
from aicas import format_count
from aicas.orchestrator.cli.options import json_option, store_options
from aicas.orchestrator.cli.rendering import print_document, say
from aicas.orchestrator.health.findings import SEVERITIES, Finding
from aicas.orchestrator.lines import Lines

FINDINGS = 1
DAMAGE = 5
_WIDTH = max(map(len, SEVERITIES))


class _Examined(NamedTuple):
    """How far an examination came."""

    location: str
    projects: tuple[str, ...] = ()
    stages: int = 0
    is_whole: bool = True
    """Whether the store could be opened and was examined."""


@click.command()
@click.option(
    "--agent-policy",
    type=click.Choice(["exact", "major", "any"]),
    default="exact",
    show_default=True,
    help="Which other agent versions count as compatible.",
)
@click.option(
    "--soon",
    type=click.FloatRange(0, 876_000),
    default=12.0,
    show_default=True,
    metavar="HOURS",
    help="Note what expires within HOURS.",
)
@json_option
@store_options
@click.pass_context
def doctor(
    context: click.Context,
    agent_policy: str,
    soon: float,
    project: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Examine the store and say, for everything that is wrong, which command puts it right.

    Every object is read and hashed again, as by 'aicas verify'. The stages of every project are
    judged, or those of --project alone. Exits with 0 if all is well, 1 if something should be done
    and 5 if anything is damaged.
    """
    findings, examined = _examine(Lines(store, project), agent_policy, soon)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    worst = {finding.severity for finding in findings}
    code = DAMAGE if "damage" in worst else FINDINGS if "finding" in worst else 0
    if as_json:
        form = {**examined._asdict(), "projects": list(examined.projects)}
        found = [finding.to_json() for finding in findings]
        print_document({"healthy": code == 0, **form, "findings": found})
    else:
        _say(findings, examined)
    if code:
        context.exit(code)


def _examine(lines: Lines, agent_policy: str, soon: float) -> tuple[list[Finding], _Examined]:
    from aicas.orchestrator.demo.agent import demonstration_team
    from aicas.orchestrator.health.compatibility import compatibility_findings
    from aicas.orchestrator.health.damage import damage_findings
    from aicas.orchestrator.health.setup import settings_findings
    from aicas.orchestrator.health.size import size_findings
    from aicas.orchestrator.health.stages import StageHealth

    findings = [*settings_findings(lines)]
    if findings:
        return findings, _Examined(str(aicas.find(lines.store)), is_whole=False)
    team, now, stages = demonstration_team(), aicas.system_clock(), 0
    with aicas.open(lines.store, create=False, project=lines.project) as store:
        findings += damage_findings(store, lines)
        findings += size_findings(store, lines)
        projects = [str(store.project)] if lines.project else _projects(store)
        for name in projects:
            usual = name == store.config.project and lines.project is None
            its_lines = lines._replace(project=None if usual else name)
            seen = store.at_project(name)
            health = StageHealth(seen, its_lines, now, soon)
            stages += health.count
            findings += health.findings()
            findings += compatibility_findings(seen, team, agent_policy, its_lines)
        return findings, _Examined(str(store.location), tuple(projects), stages)


def _projects(store: aicas.Store) -> list[str]:
    """Every project that has a stage, if only one in quarantine."""
    aside = {ref.partition("/")[2].rpartition("/")[0] for ref in store.refs("quarantine/")}
    return sorted({*store.projects(), *aside})


def _say(findings: list[Finding], examined: _Examined) -> None:
    for finding in findings:
        where = f" {finding.project}:" if finding.project else ""
        say(f"{finding.severity.ljust(_WIDTH)}  {finding.area}:{where} {finding.what}")
        if finding.remedy:
            say(f"{' ' * _WIDTH}  remedy: {finding.remedy}")
        elif finding.severity != "note":
            say(f"{' ' * _WIDTH}  no command puts this right")
    if not examined.is_whole:
        say("nothing else was examined: the store cannot be opened before that is put right")
        return
    wrong = [finding for finding in findings if finding.severity != "note"]
    verdict = f"{format_count(len(wrong), 'problem')} found" if wrong else "healthy"
    say(
        f"{verdict}: {format_count(examined.stages, 'stage')} in"
        f" {format_count(len(examined.projects), 'project')}, {examined.location}"
    )
