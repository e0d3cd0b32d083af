"""What payloads are worth keeping for, by GreedyDual-Size-Frequency.

The policy is Cherkasova's (Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency
Caching Policy, HPL-98-69R1, 1998): frequency times cost, divided by size, and aged. Here

    score = log2((1 + hits) * (1 + worth) / bytes) - weeks

``worth`` is what losing it would cost, in nano-USD: what it cost, and what every resident artifact
cost that was made from it, directly or not, and would have to be made again from something else.
``bytes`` is what dropping it really frees. ``weeks`` is the time since it was last found or stored,
in place of the inflation of a running cache: what is not used loses half of its score a week, and
the same store always gives the same plan.

A run without a recorded price counts as the median of those with one: it is not free, and neither
tokens nor seconds say what it cost. Where nothing has a price, all count the same, so that hits,
size and age decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log2
from statistics import median_low
from typing import NamedTuple

from aicas.backends.base import Backend
from aicas.clock import DAY
from aicas.ids import ObjectId, SnapshotId
from aicas.ledger.events import lookups
from aicas.objects.snapshot import Cost
from aicas.retention.holdings import SERVED, Holding, Holdings

HALF_LIFE = 7 * DAY


class Usage(NamedTuple):
    """How often a snapshot was found, and when last."""

    hits: int
    last: int


def recent_usage(backend: Backend, now: int) -> dict[SnapshotId, Usage]:
    """How often snapshots were found in the last eight weeks, as far as lookups were recorded."""
    usage: dict[SnapshotId, Usage] = {}
    for found in lookups(backend, now - 8 * HALF_LIFE):
        if found.snapshot is not None:
            before = usage.get(found.snapshot, Usage(0, 0))
            usage[found.snapshot] = Usage(before.hits + 1, max(before.last, found.at))
    return usage


class Worth:
    """The worth of every payload held, kept up while some go."""

    def __init__(self, holdings: Holdings, usage: Mapping[SnapshotId, Usage], now: int) -> None:
        self._holdings = holdings
        self._usage = usage
        self._now = now
        costs = {payload: cost_of(holding) for payload, holding in holdings.payloads.items()}
        priced = [c.usd_nano for c in costs.values() if c is not None and c.usd_nano is not None]
        usual = median_low(priced) if priced else 0
        self._own = {
            payload: usual if cost is None or cost.usd_nano is None else cost.usd_nano
            for payload, cost in costs.items()
        }
        self._merits: dict[ObjectId, float] = {}
        self._made_from: dict[ObjectId, set[ObjectId]] = {}
        self._made_into: dict[ObjectId, set[ObjectId]] = {}
        self._link()
        self._orphaned = {
            payload: sum(self._own.get(i, 0) for i in _reachable(payload, self._made_into))
            for payload in holdings.payloads
        }

    def _link(self) -> None:
        """Connect the payloads of current versions, held or not, with what they were made from."""
        runs = self._holdings.runs
        for ref, state in self._holdings.states.items():
            run = runs.get(state.target) if state.target and ref.startswith(SERVED) else None
            for used in run.inputs if run else ():
                above = runs.get(used)
                if run and above and above.payload != run.payload:
                    self._made_from.setdefault(run.payload, set()).add(above.payload)
                    self._made_into.setdefault(above.payload, set()).add(run.payload)

    def of(self, payload: ObjectId) -> int:
        """What its loss would cost, in nano-USD."""
        return self._own[payload] + self._orphaned[payload]

    def score(self, payload: ObjectId, freed_bytes: int) -> float:
        """How much speaks for keeping it; see above."""
        merit = self._merits.get(payload)
        if merit is None:  # does not change while others go
            merit = self._merits[payload] = self._merit(self._holdings.payloads[payload])
        return merit + log2((1 + self.of(payload)) / freed_bytes)

    def _merit(self, holding: Holding) -> float:
        hits, last = self.use_of(holding)
        unused = max(self._now - max(last, holding.stored_at), 0)
        return log2(1 + hits) - unused / HALF_LIFE

    def use_of(self, holding: Holding) -> Usage:
        """How often a payload was found, by whichever run of it."""
        used = [self._usage[run.id] for run in holding.runs if run.id in self._usage]
        return Usage(sum(u.hits for u in used), max((u.last for u in used), default=0))

    def leave(self, payload: ObjectId) -> list[ObjectId]:
        """Note that a payload goes; returns those that are worth less by it."""
        above = [i for i in _reachable(payload, self._made_from) if i in self._orphaned]
        for each in above:
            self._orphaned[each] -= self._own[payload]
        return above


def cost_of(holding: Holding) -> Cost | None:
    """What the newest run with a price cost; without one, what the newest run says."""
    costs = [run.cost for run in holding.runs if run.cost is not None]
    priced = [cost for cost in costs if cost.usd_nano is not None]
    return next(iter([*priced, *costs]), None)


def _reachable(payload: ObjectId, edges: Mapping[ObjectId, set[ObjectId]]) -> Iterator[ObjectId]:
    """What edges lead to from a payload, itself left out, each once."""
    seen, todo = {payload}, [payload]
    while todo:
        for each in edges.get(todo.pop(), ()):
            if each not in seen:
                seen.add(each)
                todo.append(each)
                yield each
