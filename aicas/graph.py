"""What depends on a stage, transitively, in which order, and at what price."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from aicas.backends.base import Backend
from aicas.names import RefName
from aicas.objects.snapshot import Cost


def dependents(backend: Backend, ref: RefName) -> list[RefName]:
    """Every ref made from ``ref``, directly or not, each after what it was made from.

    The order is always the same: by name where nothing else decides. Costs a lookup for each ref
    found, however many others the store has. Stages that were made from one another in a circle,
    over several versions, are listed once, by name.
    """
    edges: dict[RefName, set[RefName]] = {}
    todo = [ref]
    while todo:
        name = todo.pop()
        for consumer in backend.dependents(name):
            if consumer not in edges and consumer != ref:
                todo.append(consumer)
            edges.setdefault(consumer, set()).add(name)
    edges.pop(ref, None)
    order = TopologicalSorter({name: sorted(edges[name]) for name in sorted(edges)})
    try:
        return [name for name in order.static_order() if name != ref]
    except CycleError:
        return sorted(edges)


def total_cost(costs: Iterable[Cost | None]) -> Cost:
    """The sum of what is known; what has no price adds its tokens and time only."""
    known = [cost for cost in costs if cost is not None]
    return Cost(
        usd_nano=sum(cost.usd_nano or 0 for cost in known),
        input_tokens=sum(cost.input_tokens for cost in known),
        output_tokens=sum(cost.output_tokens for cost in known),
        cached_tokens=sum(cost.cached_tokens for cost in known),
        latency_us=sum(cost.latency_us for cost in known),
        calls=sum(cost.calls for cost in known),
    )


def count_unpriced(costs: Iterable[Cost | None]) -> int:
    """How many have no recorded price."""
    return sum(cost is None or cost.usd_nano is None for cost in costs)
