"""What payloads are worth keeping for: Greedy-Dual-Size-Frequency, aged by what was stored since.

The idea is Cherkasova's (Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
Policy, HPL-98-69R1, 1998): frequency times cost, divided by size, and aged. Here

    score = log2(uses * (1 + worth) / bytes) - 4 * turnovers

``uses`` is how often it was made or found. ``worth`` is what its loss would cost, in nano-USD: what
it cost, and what it would orphan, up to as much again. ``bytes`` is what dropping it really frees.
``turnovers`` is what runs have stored since it was last used, as a share of all that is held, so a
busy store forgets in minutes what a quiet one keeps for months. It stands in place of the inflation
of a running cache, which only a process that evicts all the time could know: the same store always
gives the same plan.

A run without a recorded price counts as the median of those with one: it is not free, and neither
tokens nor seconds say what it cost. Where nothing has a price, all count the same, so that uses,
size and age decide. ``benchmarks/eviction`` holds the formula against others; docs/retention.md
says how it was chosen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import log2
from statistics import median_low
from typing import NamedTuple

from aicas.backends.base import Backend
from aicas.clock import DAY
from aicas.ids import ObjectId, SnapshotId
from aicas.ledger.events import lookups
from aicas.objects.snapshot import Cost
from aicas.retention.holdings import SERVED, Holding, Holdings, Run
from aicas.retention.orphans import Orphans

HALVINGS = 4
"""How often a score halves while as much is stored as is held."""
_REMEMBERED = 56 * DAY


class Usage(NamedTuple):
    """How often a snapshot was found, and when last."""

    hits: int
    last: int


def score_of(uses: int, worth: int, freed_bytes: int, turnovers: float) -> float:
    """How much speaks for keeping a payload.

    Args:
        uses: how often it was made or found, at least once.
        worth: nano-USD that its loss would cost.
        freed_bytes: what dropping it would free.
        turnovers: what was stored since its last use, as a share of all that is held.
    """
    return log2(uses * (1 + worth) / freed_bytes) - HALVINGS * turnovers


def worth_of(own: int, orphaned: int) -> int:
    """What the loss of a payload would cost.

    What it would orphan is lost only if it is wanted again, made again and comes out different, so
    it counts no more than the payload itself: in full it would keep the beginnings of long chains
    at the expense of their ends, which are what is read next.
    """
    return own + min(own, orphaned)


def recent_usage(backend: Backend, now: int) -> dict[SnapshotId, Usage]:
    """How often snapshots were found in the last eight weeks, as far as lookups were recorded."""
    usage: dict[SnapshotId, Usage] = {}
    for found in lookups(backend, now - _REMEMBERED):
        if found.snapshot is not None:
            before = usage.get(found.snapshot, Usage(0, 0))
            usage[found.snapshot] = Usage(before.hits + 1, max(before.last, found.at))
    return usage


class Worth:
    """The worth of every payload held, kept up while some go."""

    def __init__(self, holdings: Holdings, usage: Mapping[SnapshotId, Usage]) -> None:
        self._usage = usage
        costs = {payload: cost_of(holding) for payload, holding in holdings.payloads.items()}
        priced = [c.usd_nano for c in costs.values() if c is not None and c.usd_nano is not None]
        usual = median_low(priced) if priced else 0
        self._own = {
            payload: usual if cost is None or cost.usd_nano is None else cost.usd_nano
            for payload, cost in costs.items()
        }
        self._orphans = Orphans(self._own, _made_from(holdings))
        held = sum(holding.runs[0].size_bytes for holding in holdings.payloads.values())
        ages = _Ages(holdings.runs.values(), held)
        self._merits: dict[ObjectId, tuple[int, float]] = {}
        for payload, holding in holdings.payloads.items():
            hits, last = self.use_of(holding)
            uses = hits + len(holding.runs)
            self._merits[payload] = uses, ages.since(max(last, holding.stored_at))

    def of(self, payload: ObjectId) -> int:
        """What its loss would cost, in nano-USD; see ``worth_of``."""
        return worth_of(self._own[payload], self._orphans.of(payload))

    def score(self, payload: ObjectId, freed_bytes: int) -> float:
        """How much speaks for keeping it; see ``score_of``."""
        uses, turnovers = self._merits[payload]
        return score_of(uses, self.of(payload), freed_bytes, turnovers)

    def use_of(self, holding: Holding) -> Usage:
        """How often a payload was found, by whichever run of it."""
        used = [self._usage[run.id] for run in holding.runs if run.id in self._usage]
        return Usage(sum(u.hits for u in used), max((u.last for u in used), default=0))

    def leave(self, payload: ObjectId) -> list[ObjectId]:
        """Note that a payload goes; returns those that may be worth less by it."""
        return self._orphans.leave(payload)


class _Ages:
    """How much runs have stored since a moment, as a share of all that is held."""

    def __init__(self, runs: Iterable[Run], held_bytes: int) -> None:
        by_age = sorted((run.stored_at, run.size_bytes) for run in runs)
        self._times = [at for at, _ in by_age]
        self._stored = [0, *accumulate(size for _, size in by_age)]
        self._held = max(held_bytes, 1)

    def since(self, at: int) -> float:
        before = self._stored[bisect_right(self._times, at)]
        return (self._stored[-1] - before) / self._held


def _made_from(holdings: Holdings) -> dict[ObjectId, set[ObjectId]]:
    """The payloads of current versions, held or not, and those that they were made from."""
    runs = holdings.runs
    edges: dict[ObjectId, set[ObjectId]] = defaultdict(set)
    for ref, state in holdings.states.items():
        run = runs.get(state.target) if state.target and ref.startswith(SERVED) else None
        for used in run.inputs if run else ():
            above = runs.get(used)
            if run and above and above.payload != run.payload:
                edges[run.payload].add(above.payload)
    return edges


def cost_of(holding: Holding) -> Cost | None:
    """What the newest run with a price cost; without one, what the newest run says."""
    costs = [run.cost for run in holding.runs if run.cost is not None]
    priced = [cost for cost in costs if cost.usd_nano is not None]
    return next(iter([*priced, *costs]), None)
