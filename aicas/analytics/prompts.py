"""What prompts have in common: how two differ, and how much of one was sent just before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from aicas.analytics.evidence import Evidence
from aicas.clock import HOUR
from aicas.ledger.rounding import millionth
from aicas.ledger.spending import Spending
from aicas.objects.snapshot import Cost
from aicas.validity.recipe import PROMPT

LEAST_TOKENS: Final = 1024
"""Providers cache nothing shorter."""
CHARACTERS_A_TOKEN: Final = 4
"""More than most text has, so that tokens are not overstated."""
KEPT_FOR: Final = HOUR
"""How long providers keep a prompt for the next one, at most."""
# Times, counters and ids; words of the letters a to f have no digit.
_PASSING: Final = re.compile(r"\b[0-9a-f]*\d[0-9a-f]*\b|\d+", re.IGNORECASE)


def differ_in_passing(old: object, new: object) -> bool:
    """Whether two prompts are the same text but for spacing, numbers and ids."""
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return _lasting(old) == _lasting(new)


def _lasting(text: str) -> list[str]:
    return _PASSING.sub("0", text).split()


class Prompts:
    """The prompts of a period, in the order they were sent."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def overpaid(self) -> Iterator[tuple[Spending, int | None]]:
        """The runs that could have read from the provider's cache and did not, with the saving.

        Such a run follows another of the same model within ``KEPT_FOR``, begins with at least
        ``LEAST_TOKENS`` of the same text, read nothing from the provider's cache, and was paid at
        unit prices that say what cached tokens cost.
        """
        before: dict[str | None, tuple[int, str]] = {}
        for spending in sorted(self._evidence.spendings, key=lambda s: s.at):
            prompt = self._prompt(spending)
            if prompt is None or spending.cost is None:
                continue
            at, text = before.get(spending.model, (spending.at, ""))
            before[spending.model] = spending.at, prompt
            tokens = min(
                spending.cost.input_tokens, common_start(text, prompt) // CHARACTERS_A_TOKEN
            )
            saving = millionth(tokens * _discount(spending.cost))
            if tokens >= LEAST_TOKENS and saving and spending.at - at <= KEPT_FOR:
                yield spending, saving

    def _prompt(self, spending: Spending) -> str | None:
        """The text of a prompt, if it is long enough to matter."""
        if spending.cost is None or spending.cost.input_tokens < LEAST_TOKENS:
            return None
        snapshot = self._evidence.held(spending.snapshot)
        text = snapshot.recipe.get(PROMPT) if snapshot else None
        return text if isinstance(text, str) else None


def _discount(cost: Cost) -> int:
    """What a cached token would have been cheaper, in nano-USD per million; 0 if not known."""
    fresh, cached = cost.unit_prices.get("input"), cost.unit_prices.get("cached")
    if cost.cached_tokens or fresh is None or cached is None:
        return 0
    return max(0, fresh - cached)


def common_start(first: str, second: str) -> int:
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
