"""What running a stage may cost, judged by what it cost before."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from aicas.backends.base import Backend
from aicas.ledger.spending import spendings
from aicas.names import Key, Project
from aicas.objects.snapshot import Cost

MOST_RUNS: Final = 5
"""Of a stage that ran often, so many of its latest runs count."""


class Estimate(NamedTuple):
    """A guess at the cost of a run. Never more than a guess: models answer as they like."""

    cost: Cost | None
    """The mean of ``runs`` recorded costs; ``None`` if there are none."""
    runs: int
    project: Project | None
    """Whose runs they were."""


class Estimates:
    """Every priced run a store remembers, by stage. Immutable."""

    def __init__(self, backend: Backend) -> None:
        """Read the books: one look at every operation."""
        self._costs: dict[Project, dict[Key, list[Cost]]] = defaultdict(lambda: defaultdict(list))
        for spent in spendings(backend):
            if spent.cost is not None and spent.cost.usd_nano is not None and spent.snapshot:
                self._costs[spent.project][spent.key].append(spent.cost)

    def of(self, project: Project, key: Key) -> Estimate:
        """What a stage cost in this project or, if it never ran there, in others."""
        for owner in sorted(self._costs, key=lambda name: (name != project, name)):
            costs = self._costs[owner].get(key)
            if costs:
                latest = costs[-MOST_RUNS:]
                return Estimate(mean_cost(latest), len(latest), owner)
        return Estimate(None, 0, None)


def mean_cost(costs: list[Cost]) -> Cost:
    """The mean of some priced costs, each part rounded to a whole number.

    Args:
        costs: one or more, each with a price.
    """

    def mean(amounts: list[int]) -> int:
        return (sum(amounts) + len(amounts) // 2) // len(amounts)

    models = {cost.model for cost in costs}
    return Cost(
        usd_nano=mean([cost.usd_nano or 0 for cost in costs]),
        input_tokens=mean([cost.input_tokens for cost in costs]),
        output_tokens=mean([cost.output_tokens for cost in costs]),
        cached_tokens=mean([cost.cached_tokens for cost in costs]),
        latency_us=mean([cost.latency_us for cost in costs]),
        model=models.pop() if len(models) == 1 else None,
        calls=mean([cost.calls for cost in costs]),
    )
