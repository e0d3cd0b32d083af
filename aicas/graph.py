"""What depends on a stage, transitively, in which order, and at what price."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from aicas.backends.base import Backend
from aicas.names import RefName
from aicas.objects.snapshot import Cost
from aicas.units import format_count, format_duration, format_usd

# What lookups can find; a quarantined output or a pinned one depends on nothing any more.
_SERVED = ("live/", "samples/")


class Price(NamedTuple):
    """What making some artifacts again would cost, as they cost last time."""

    usd_nano: int = 0
    """Of those with a price; the others are counted apart, for they are not free."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    latency_us: int = 0
    calls: int = 0
    priced: int = 0
    """How many have a recorded price."""
    unpriced: int = 0
    """How many have none."""

    @property
    def usd(self) -> str | None:
        """The exact amount as decimal text; ``None`` if none of them has a price."""
        return Cost(usd_nano=self.usd_nano).usd if self.priced else None

    def in_words(self, money: Callable[[int], str] = format_usd) -> str:
        """``$1.2500, 1,500 tokens in, 20 out, 12.5 s; 2 without a recorded price``.

        Args:
            money: says an amount of nano-USD.
        """
        parts = [money(self.usd_nano)] if self.priced else ["no price is recorded"]
        if self.input_tokens or self.output_tokens:
            tokens = format_count(self.input_tokens, "token")
            parts.append(f"{tokens} in, {self.output_tokens:,} out")
        if self.latency_us or self.priced:
            parts.append(format_duration(self.latency_us))
        apart = f"; {self.unpriced:,} without a recorded price"
        return ", ".join(parts) + (apart if self.priced and self.unpriced else "")

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON; money is null when nothing has a price."""
        nano = self.usd_nano if self.priced else None
        return {"usd": self.usd, **self._asdict(), "usd_nano": nano}


def dependents(backend: Backend, *refs: RefName) -> list[RefName]:
    """Every live ref or sample made from ``refs``, directly or not, each after its own inputs.

    The order is always the same: by name where nothing else decides. Costs a lookup for each ref
    found, however many others the store has. Stages that were made from one another in a circle,
    over several versions, are listed once, by name.
    """
    edges: dict[RefName, set[RefName]] = {}
    todo = list(refs)
    while todo:
        name = todo.pop()
        for consumer in backend.dependents(name):
            if not consumer.startswith(_SERVED):
                continue
            if consumer not in edges and consumer not in refs:
                todo.append(consumer)
            edges.setdefault(consumer, set()).add(name)
    for ref in refs:
        edges.pop(ref, None)
    order = TopologicalSorter({name: sorted(edges[name]) for name in sorted(edges)})
    try:
        return [name for name in order.static_order() if name not in refs]
    except CycleError:
        return sorted(edges)


def price_of(costs: Iterable[Cost | None]) -> Price:
    """What some runs cost together; one without a price adds its tokens and time only."""
    usd_nano = input_tokens = output_tokens = cached_tokens = latency_us = calls = 0
    priced = unpriced = 0
    for cost in costs:  # of a million runs too, so none is kept
        if cost is None or cost.usd_nano is None:
            unpriced += 1
        else:
            priced += 1
            usd_nano += cost.usd_nano
        if cost is not None:
            input_tokens += cost.input_tokens
            output_tokens += cost.output_tokens
            cached_tokens += cost.cached_tokens
            latency_us += cost.latency_us
            calls += cost.calls
    return Price(
        usd_nano, input_tokens, output_tokens, cached_tokens, latency_us, calls, priced, unpriced
    )
