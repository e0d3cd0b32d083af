"""Behaviour added to an agent by wrapping it."""

from __future__ import annotations

import asyncio

from aicas.orchestrator.agent import Agent, Prompt, Reply, Team


class AgentFailure(RuntimeError):
    """An agent gave no answer."""


class _Wrapper:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    @property
    def name(self) -> str:
        return self._agent.name

    @property
    def model(self) -> str:
        return self._agent.model

    @property
    def version(self) -> str:
        return self._agent.version


class FailingAgent(_Wrapper):
    """Answers like the agent it wraps, but raises at one stage."""

    def __init__(self, agent: Agent, stage: str) -> None:
        super().__init__(agent)
        self._stage = stage

    async def complete(self, prompt: Prompt) -> Reply:
        """The wrapped agent's answer.

        Raises:
            AgentFailure: the prompt is for the stage to fail at.
        """
        if prompt.stage == self._stage:
            raise AgentFailure(f"{self.name} was told to fail at this stage")
        return await self._agent.complete(prompt)


class PacedAgent(_Wrapper):
    """Answers like the agent it wraps, no sooner than after a pause."""

    def __init__(self, agent: Agent, seconds: float) -> None:
        super().__init__(agent)
        self._seconds = seconds

    async def complete(self, prompt: Prompt) -> Reply:
        """The wrapped agent's answer, after the pause."""
        await asyncio.sleep(self._seconds)
        return await self._agent.complete(prompt)


def failing_at(team: Team, stage: str) -> Team:
    """The same team, every agent of which raises at ``stage``."""
    return {role: FailingAgent(agent, stage) for role, agent in team.items()}


def paced(team: Team, seconds: float) -> Team:
    """The same team, every agent of which takes its time."""
    return {role: PacedAgent(agent, seconds) for role, agent in team.items()}
