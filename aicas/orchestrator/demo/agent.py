"""The demonstration agents: an agent pair that answers by fixed rules, offline and for free.

They answer the same prompts as real models, in the same JSON, and their answers are composed
from the request. Tokens are estimated and priced as if the named models had been called, so that
the ledger has something to show; nothing is billed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aicas.orchestrator.agent import Prompt, Reply, Team
from aicas.orchestrator.demo.coding import write_code
from aicas.orchestrator.demo.discussion import agree, criticise, propose, revise
from aicas.orchestrator.demo.planning import break_down, design
from aicas.orchestrator.demo.reviewing import integrate, review

VERSION = "demonstration-1"
_CHARACTERS_PER_TOKEN = 4
# A made-up but steady pace: half a second to begin, then 50 tokens a second.
_LATENCY_BASE_US = 500_000
_LATENCY_PER_TOKEN_US = 20_000

_ANSWERS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "propose": propose,
    "criticise": criticise,
    "revise": revise,
    "agree": agree,
    "architecture": design,
    "micro_phases": break_down,
    "generate_code": write_code,
    "validate": review,
    "integrate": integrate,
}


@dataclass(frozen=True, slots=True)
class DemonstrationAgent:
    """Answers by rules. The same prompt always gets the same answer."""

    name: str
    model: str
    """Whose list price its estimated tokens are counted at."""
    version: str = VERSION

    async def complete(self, prompt: Prompt) -> Reply:
        """Answer from the prompt's JSON block alone."""
        answer = _ANSWERS[prompt.task](_given(prompt.text))
        text = json.dumps(answer, ensure_ascii=False, indent=1)
        output_tokens = _tokens(text)
        return Reply(
            text=text,
            model=self.model,
            input_tokens=_tokens(prompt.text),
            output_tokens=output_tokens,
            cached_tokens=0,
            latency_us=_LATENCY_BASE_US + output_tokens * _LATENCY_PER_TOKEN_US,
        )


def _given(text: str) -> dict[str, Any]:
    _, _, rest = text.partition("```json\n")
    block, _, _ = rest.partition("\n```")
    given: dict[str, Any] = json.loads(block)
    return given


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def demonstration_team() -> Team:
    """The pair, with the roles divided between them.

    What is long, or looked over often, is left to a cheaper model of each.
    """
    first = DemonstrationAgent("demonstration-gpt", "gpt-4")
    second = DemonstrationAgent("demonstration-claude", "claude-3-opus")
    writer = DemonstrationAgent("demonstration-claude", "claude-3-sonnet")
    reader = DemonstrationAgent("demonstration-gpt", "gpt-4-turbo")
    return {
        "brainstormer": first,
        "critic": second,
        "architect": second,
        "planner": first,
        "coder": writer,
        "validator": reader,
        "integrator": writer,
    }
