"""What stands between a pipeline and whoever answers: one small protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ROLES = (
    "brainstormer",
    "critic",
    "architect",
    "planner",
    "coder",
    "validator",
    "integrator",
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to an agent."""

    stage: str
    """The key of the stage it is asked for."""
    role: str
    """One of ``ROLES``."""
    task: str
    """The name of the prompt template behind ``text``."""
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An agent's answer, and what it took."""

    text: str
    model: str
    """As the provider names what answered; prices are looked up by it."""
    input_tokens: int
    """Everything sent, cached tokens included."""
    output_tokens: int
    cached_tokens: int
    """Input tokens the provider read from its own cache."""
    latency_us: int


class Agent(Protocol):
    """Answers prompts. A provider is one class with these four members."""

    @property
    def name(self) -> str:
        """Who answers, e.g. the provider."""

    @property
    def model(self) -> str:
        """The model that is asked for."""

    @property
    def version(self) -> str:
        """Changes when the same prompt may be answered differently; part of every recipe."""

    async def complete(self, prompt: Prompt) -> Reply:
        """Answer one prompt.

        An exception fails the stage; what earlier stages stored is kept. A cancelled call may
        have been paid for.
        """


Team = Mapping[str, Agent]
"""The agent of every role."""
