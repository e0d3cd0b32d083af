"""The calls one stage makes to its agents, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aicas import Cost, InvalidInput, PriceTable, StageFailed
from aicas.orchestrator.agent import Agent, Prompt, Reply, Team
from aicas.orchestrator.replies import read_answer
from aicas.orchestrator.templates import render


class Conversation:
    """Asks agents on behalf of one stage. For one task at a time."""

    def __init__(self, stage: str, team: Team, prices: PriceTable) -> None:
        self._stage = stage
        self._team = team
        self._prices = prices
        self._replies: list[Reply] = []

    async def ask(self, role: str, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put one prompt to the agent of a role; returns the JSON object it answered.

        Raises:
            StageFailed: the agent raised, or answered something else.
        """
        prompt = Prompt(self._stage, role, task, render(task, given))
        try:
            reply = await self._team[role].complete(prompt)
        except Exception as error:
            text = str(error) or type(error).__name__
            raise StageFailed(self._stage, f"the {role} gave no answer: {text}") from error
        self._replies.append(reply)
        try:
            return read_answer(reply.text)
        except InvalidInput as error:
            raise StageFailed(self._stage, f"the {role} answered badly: {error}") from error

    @property
    def calls(self) -> int:
        """How many questions were answered, well or badly."""
        return len(self._replies)

    def cost(self) -> Cost:
        """What all calls so far cost together; unpriced as soon as one of them is."""
        priced = [
            self._prices.price(r.model, r.input_tokens, r.output_tokens, r.cached_tokens)
            for r in self._replies
        ]
        amounts = [each.usd_nano for each in priced]
        known = [amount for amount in amounts if amount is not None]
        models = list(dict.fromkeys(reply.model for reply in self._replies))
        unit_prices = {
            part if len(models) == 1 else f"{reply.model} {part}": nano
            for reply, each in zip(self._replies, priced, strict=True)
            for part, nano in each.unit_prices.items()
        }
        return Cost(
            usd_nano=sum(known) if len(known) == len(amounts) else None,
            input_tokens=sum(reply.input_tokens for reply in self._replies),
            output_tokens=sum(reply.output_tokens for reply in self._replies),
            cached_tokens=sum(reply.cached_tokens for reply in self._replies),
            latency_us=sum(reply.latency_us for reply in self._replies),
            model=", ".join(models) or None,
            unit_prices=unit_prices,
            calls=len(self._replies),
        )


def described(agents: Sequence[Agent]) -> tuple[str, str]:
    """The versions and the models of some agents, each named once, for a recipe."""
    versions = dict.fromkeys(f"{agent.name} {agent.version}" for agent in agents)
    return ", ".join(versions), ", ".join(dict.fromkeys(agent.model for agent in agents))
