"""The micro-phase workflow: six stages from a request to a finished project.

    brainstorming_features ─► system_architecture_plan ─► project_micro_phases
        ─► phase-N-generated_code ─► phase-N-validation_report   (for each phase, in order)
            ─► final_integration_summary

Every stage names exactly what it reads: a phase's code is made from its own entry in the plan, the
architecture and the code of the phases it builds on, so a change elsewhere leaves it alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aicas import (
    ARCHITECTURE,
    BRAINSTORMING,
    INTEGRATION,
    MICRO_PHASES,
    Files,
    Payload,
    PriceTable,
    Recipe,
    phase_code_key,
    phase_report_key,
)
from aicas.orchestrator.agent import Team
from aicas.orchestrator.checks import check_phase
from aicas.orchestrator.conversation import Conversation, described
from aicas.orchestrator.merging import Merged, merge
from aicas.orchestrator.replies import Phase, member, read_files, read_phases, texts
from aicas.orchestrator.stages import Product, Reads, Runner, StageResult
from aicas.orchestrator.templates import joined

Asking = Callable[[Conversation], Awaitable["Outcome"]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stage's result before it is stored."""

    payload: Payload
    validation_status: str = "unchecked"
    refused: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """What decides a stage's result besides its inputs."""

    key: str
    steps: tuple[tuple[str, str], ...]
    """Role and prompt template of every call it may make."""
    code_version: str
    """Changes with the code that turns replies into a result."""
    tags: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def recipe(self, team: Team) -> Recipe:
        """The recipe with which this team would run the stage."""
        versions, models = described([team[role] for role, _ in self.steps])
        return Recipe(
            prompt=joined(task for _, task in self.steps),
            agent_version=versions,
            model=models,
            parameters=self.parameters,
            code_version=self.code_version,
        )


class MicroPhaseWorkflow:
    """One request, a team to answer it, and the runner that stores what they produce."""

    def __init__(self, runner: Runner, team: Team, prices: PriceTable, request: str) -> None:
        self._runner = runner
        self._team = team
        self._prices = prices
        self._request = request
        self._done: dict[str, StageResult] = {}

    async def run(self) -> StageResult:
        """Run all stages; returns the finished project.

        Raises:
            StageFailed: a stage could not be produced. Every stage before it is kept.
            AicasError: the store failed.
        """
        await self._brainstorm()
        await self._design()
        phases = await self._break_down()
        for phase in phases:
            await self._generate(phase)
            await self._validate(phase)
        return await self._integrate(phases)

    async def _run(self, stage: Stage, inputs: list[str], ask: Asking) -> StageResult:
        """Run a stage made from ``inputs``, each ``KEY`` or ``KEY#SELECTOR``."""
        recipe = stage.recipe(self._team)
        used = [self._reads(item) for item in inputs]

        async def produce() -> Product:
            conversation = Conversation(stage.key, self._team, self._prices)
            try:
                outcome = await ask(conversation)
            except BaseException as error:
                if conversation.calls:
                    problem = " ".join(str(error).split()) or type(error).__name__
                    cost = conversation.cost()
                    await self._runner.spent(stage.key, recipe, used, cost, problem)
                raise
            return Product(
                payload=outcome.payload,
                cost=conversation.cost(),
                validation_status=outcome.validation_status,
                refused=outcome.refused,
                hint=outcome.hint,
                tags=(*stage.tags, "micro_phase"),
            )

        self._done[stage.key] = await self._runner.run(stage.key, recipe, used, produce)
        return self._done[stage.key]

    def _reads(self, text: str) -> Reads:
        key, _, selector = text.partition("#")
        return Reads(key, self._done[key], selector or None)

    async def _payload(self, key: str) -> Payload:
        return await self._done[key].payload()

    async def _brainstorm(self) -> None:
        steps = (
            ("brainstormer", "propose"),
            ("critic", "criticise"),
            ("brainstormer", "revise"),
            ("critic", "agree"),
        )
        stage = Stage(BRAINSTORMING, steps, "1", ("brainstorming",), {"request": self._request})

        async def ask(agents: Conversation) -> Outcome:
            given: dict[str, Any] = {"request": self._request}
            for name, (role, task) in zip(
                ("proposal", "criticism", "revision", "conclusion"), steps, strict=True
            ):
                given[name] = await agents.ask(role, task, given)
            conclusion = given.pop("conclusion")
            agreed = member(conclusion, "agreed", list)
            disagreements = member(conclusion, "disagreements", list)
            proposal = {k: v for k, v in given["proposal"].items() if k != "features"}
            joint = {"deferred": texts(conclusion, "deferred"), "disagreements": disagreements}
            return Outcome({**proposal, "agreed": agreed, **joint, "discussion": given})

        await self._run(stage, [], ask)

    async def _design(self) -> None:
        stage = Stage(ARCHITECTURE, (("architect", "architecture"),), "1", ("architecture",))

        async def ask(agents: Conversation) -> Outcome:
            features = dict(await self._payload(BRAINSTORMING))
            del features["discussion"]
            answer = await agents.ask("architect", "architecture", {"features": features})
            member(answer, "modules", list)
            member(answer, "diagram", str)
            return Outcome(answer)

        await self._run(stage, [BRAINSTORMING], ask)

    async def _break_down(self) -> tuple[Phase, ...]:
        stage = Stage(MICRO_PHASES, (("planner", "micro_phases"),), "1", ("micro_phases",))

        async def ask(agents: Conversation) -> Outcome:
            given = {"architecture": await self._payload(ARCHITECTURE)}
            answer = await agents.ask("planner", "micro_phases", given)
            read_phases(answer)
            return Outcome(answer)

        await self._run(stage, [ARCHITECTURE], ask)
        return read_phases(await self._payload(MICRO_PHASES))

    async def _generate(self, phase: Phase) -> None:
        key = phase_code_key(phase.id)
        stage = Stage(
            key, (("coder", "generate_code"),), "1", ("generated_code",), {"phase": phase.id}
        )
        needed = [phase_code_key(other) for other in phase.depends_on]

        async def ask(agents: Conversation) -> Outcome:
            others = await self._files_of(needed)
            given = {
                "phase": phase.content,
                "architecture": await self._payload(ARCHITECTURE),
                "files": {path: content.decode() for path, content in others.items()},
            }
            return Outcome(read_files(await agents.ask("coder", "generate_code", given)))

        await self._run(stage, [_entry(phase), ARCHITECTURE, *needed], ask)

    async def _validate(self, phase: Phase) -> None:
        code = phase_code_key(phase.id)
        needed = [phase_code_key(other) for other in phase.depends_on]
        stage = Stage(
            phase_report_key(phase.id),
            (("validator", "validate"),),
            "1",
            ("validation_report",),
            {"phase": phase.id},
        )

        async def ask(agents: Conversation) -> Outcome:
            files: Files = await self._payload(code)
            others = await self._files_of(needed)
            checks = await asyncio.to_thread(check_phase, phase, files, others)
            sizes = {path: len(files[path]) for path in files}
            given = {"phase": phase.content, "checks": checks, "files": sizes}
            review = await agents.ask("validator", "validate", given)
            return _report(phase, checks, review)

        await self._run(stage, [code, _entry(phase), *needed], ask)

    async def _files_of(self, keys: list[str]) -> dict[str, bytes]:
        merged: dict[str, bytes] = {}
        for key in keys:
            files: Files = await self._payload(key)
            merged |= await asyncio.to_thread(dict, files)
        return merged

    async def _integrate(self, phases: tuple[Phase, ...]) -> StageResult:
        stage = Stage(
            INTEGRATION,
            (("integrator", "integrate"),),
            "1",
            ("integration",),
            {"request": self._request},
        )
        code = {phase.id: phase_code_key(phase.id) for phase in phases}
        reports = [phase_report_key(phase.id) for phase in phases]

        async def ask(agents: Conversation) -> Outcome:
            merged = merge({number: await self._files_of([key]) for number, key in code.items()})
            architecture = await self._payload(ARCHITECTURE)
            given = {
                "request": self._request,
                "architecture": architecture,
                "phases": [phase.content for phase in phases],
                "files": sorted(merged.files),
                "conflicts": [conflict.to_json() for conflict in merged.conflicts],
            }
            answer = await agents.ask("integrator", "integrate", given)
            summary = self._summary(phases, merged, member(answer, "summary", str))
            return Outcome(
                _project(merged, member(answer, "readme", str), architecture["diagram"], summary)
            )

        inputs = [ARCHITECTURE, MICRO_PHASES, *code.values(), *reports]
        return await self._run(stage, inputs, ask)

    def _summary(self, phases: tuple[Phase, ...], merged: Merged, words: str) -> dict[str, Any]:
        return {
            "request": self._request,
            "summary": words,
            "agents": sorted({f"{a.name} ({a.version})" for a in self._team.values()}),
            "phases": [{"id": p.id, "name": p.name, "files": list(p.files)} for p in phases],
            "files": len(merged.files),
            "conflicts": [conflict.to_json() for conflict in merged.conflicts],
        }


def _entry(phase: Phase) -> str:
    """A phase's own part of the plan."""
    return f"{MICRO_PHASES}#/phases/{phase.id - 1}"


def _report(phase: Phase, checks: list[dict[str, Any]], review: dict[str, Any]) -> Outcome:
    """The validation report: passed only if every check did and the validator agrees."""
    verdict, remarks = member(review, "verdict", str), texts(review, "remarks")
    problems = [problem for check in checks for problem in check["problems"]]
    if verdict != "pass" and not problems:
        problems = remarks or ["the validator refused it"]
    report = {
        "phase": phase.id,
        "passed": not problems,
        "checks": checks,
        "review": {"verdict": verdict, "remarks": remarks},
    }
    if not problems:
        return Outcome(report, "passed")
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    hint = (
        f"the report is kept; after 'aicas invalidate {phase_code_key(phase.id)}' the same"
        " command has the phase written anew"
    )
    return Outcome(report, "failed", refused=f"{problems[0]}{more}", hint=hint)


def _project(merged: Merged, readme: str, diagram: str, summary: dict[str, Any]) -> Files:
    """The finished project; what a phase delivered is never replaced by what is added here."""
    added = {
        "README.md": readme,
        "docs/architecture.md": f"# Architecture\n\n```mermaid\n{diagram.rstrip()}\n```\n",
        "integration_summary.json": json.dumps(summary, indent=2, ensure_ascii=False) + "\n",
    }
    return Files({**{path: text.encode() for path, text in added.items()}, **merged.files})
