"""What no policy can save more than, whatever it knows of the future.

Between two steps that call for an artifact, it is either held all the time, or made again, for
what is in hand is so only within a step. So each such *interval* saves at most the price of the
artifact, and only if it is held from the end of one step to the beginning of the other. What is
held at any moment is no more than the cap. The most that intervals can save within that is a bound
on every policy: whatever else happens upstream or downstream only costs more.

Choosing intervals is hard; its Lagrangian relaxation is not. Let holding a byte from one step to
the next have a price, any price, not negative. Then the whole room is worth ``cap`` times the sum
of the prices, and no choice saves more than that and what each interval saves beyond the prices of
the room it takes, where that is positive. That is so for every list of prices (weak duality), so
the smallest found bounds what can be saved. It begins with one price for all moments, which makes
it a fractional knapsack of intervals by saving per byte and step, and goes down by subgradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from benchmarks.eviction.traces import Trace

ROUNDS = 60


class Interval(NamedTuple):
    """Two steps, one after the other, that call for the same artifact."""

    begin: int
    end: int
    bytes: int
    cost: int


def intervals(trace: Trace) -> list[Interval]:
    """Everything that could be saved."""
    last: dict[int, int] = {}
    found = []
    for moment, step in enumerate(trace.steps):
        for number in set(step.wanted):
            if number in last:
                size, cost = trace.artifacts[number][:2]
                found.append(Interval(last[number], moment, size, cost))
            last[number] = moment
    return found


def upper_bound(trace: Trace, cap: int) -> float:
    """Nano-USD that no policy saves more than, with ``cap`` bytes."""
    chosen = [each for each in intervals(trace) if each.bytes <= cap]
    best: float = sum(each.cost for each in chosen)
    prices = [_usual_price(chosen, cap * len(trace.steps))] * len(trace.steps)
    for number in range(ROUNDS):
        value, excess = _relaxed(chosen, prices, cap)
        best = min(best, value)
        slope = [
            over if price > 0 or over > 0 else 0 for price, over in zip(prices, excess, strict=True)
        ]
        norm = sum(over * over for over in slope)
        if not norm:
            break
        pace = value * 0.05 / (1 + number / 10) / norm
        prices = [max(0.0, price + pace * over) for price, over in zip(prices, slope, strict=True)]
    return best


def _usual_price(chosen: Sequence[Interval], room: int) -> float:
    """The price at which the room of all moments together is just filled."""
    by_density = sorted(((each.cost / _space(each), _space(each)) for each in chosen), reverse=True)
    for density, space in by_density:
        room -= space
        if room < 0:
            return density
    return 0.0


def _space(interval: Interval) -> int:
    return interval.bytes * (interval.end - interval.begin)


def _relaxed(
    chosen: Sequence[Interval], prices: Sequence[float], cap: int
) -> tuple[float, list[int]]:
    """The bound by some prices, and how far what it would hold exceeds the cap at each moment."""
    until = [0.0, *accumulate(prices)]
    value = cap * until[-1]
    change = [0] * (len(prices) + 1)
    for begin, end, size, cost in chosen:
        gain = cost - size * (until[end] - until[begin])
        if gain > 0:
            value += gain
            change[begin] += size
            change[end] -= size
    return value, [held - cap for held in accumulate(change[:-1])]
