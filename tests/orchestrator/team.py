"""Agents and helpers the orchestrator's tests share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aicas import Store
from aicas.orchestrator.agent import Agent, Prompt, Reply, Team
from aicas.orchestrator.demo.agent import demonstration_team
from aicas.orchestrator.events import Event
from aicas.orchestrator.generation import Generation


@dataclass
class CountingAgent:
    """Counts the calls of every stage, and may answer some tasks in its own way."""

    agent: Agent
    calls: list[str]
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.agent.name

    @property
    def model(self) -> str:
        return self.agent.model

    @property
    def version(self) -> str:
        return self.agent.version

    async def complete(self, prompt: Prompt) -> Reply:
        self.calls.append(prompt.stage)
        reply = await self.agent.complete(prompt)
        change = self.answers.get(prompt.task)
        if change is None:
            return reply
        return Reply(change(reply.text), reply.model, 1, 1, 0, 1)


@dataclass
class Bench:
    """A store, a team that counts, and everything a run reported."""

    store: Store
    output: Path
    calls: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)

    def team(self) -> Team:
        team = demonstration_team()
        return {
            role: CountingAgent(agent, self.calls, self.answers) for role, agent in team.items()
        }

    async def generate(self, request: str = "Build todo app", team: Team | None = None) -> None:
        self.calls.clear()
        self.events.clear()
        run = Generation(self.store, team or self.team(), "sess_test", self.events.append)
        await run.run(request, self.output)

    def told(self) -> list[dict[str, Any]]:
        return [event.to_json() for event in self.events]

    def stages(self, status: str) -> list[str]:
        return [event["key"] for event in self.told() if event.get("status") == status]

    def ended(self) -> dict[str, Any]:
        return self.told()[-1]


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[str], str]:
    """An answer with its JSON object changed in place."""

    def answer(text: str) -> str:
        value = json.loads(text)
        change(value)
        return json.dumps(value)

    return answer
