"""What goes when a store is full: least recently used, least often used, GDSF, and the product's.

The others are as they are usually run: room is made first, then what was made is taken in, and
what is known of it goes with it. The product takes it in and then drops what is worth least, which
may be that one.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import OrderedDict, defaultdict
from collections.abc import Callable

from aicas.retention.worth import score_of, worth_of
from benchmarks.eviction.replay import Policy
from benchmarks.eviction.traces import Trace

Rank = tuple[bool, float, int, int]
"""Whether a ref points at it, its score, when it got that, and which it is."""


class LeastRecent:
    """Drops what was longest not used."""

    def __init__(self, trace: Trace, cap: int) -> None:
        self._artifacts = trace.artifacts
        self._cap = cap
        self._held: OrderedDict[int, None] = OrderedDict()
        self.held_bytes = 0

    def __contains__(self, number: int) -> bool:
        return number in self._held

    def use(self, number: int) -> None:
        self._held.move_to_end(number)

    def put(self, number: int) -> None:
        size = self._artifacts[number].bytes
        if size > self._cap:
            return
        while self.held_bytes + size > self._cap:
            self.drop(next(iter(self._held)))
        self._held[number] = None
        self.held_bytes += size

    def drop(self, number: int) -> None:
        del self._held[number]
        self.held_bytes -= self._artifacts[number].bytes


class Ranked(ABC):
    """Drops what has the lowest score."""

    def __init__(self, trace: Trace, cap: int) -> None:
        self._artifacts = trace.artifacts
        self._cap = cap
        self._ranks: dict[int, Rank] = {}
        self._heap: list[Rank] = []
        self._moment = 0
        self._uses: dict[int, int] = {}
        self.held_bytes = 0

    def __contains__(self, number: int) -> bool:
        return number in self._ranks

    def use(self, number: int) -> None:
        self._moment += 1
        self._uses[number] += 1
        self._rank(number)

    def put(self, number: int) -> None:
        size = self._artifacts[number].bytes
        if size <= self._cap:
            self._make_room(self._cap - size)
            self._take_in(number)

    def drop(self, number: int) -> None:
        self._let_go(number)
        del self._uses[number]

    @abstractmethod
    def _score(self, number: int) -> float: ...

    def _is_served(self, number: int) -> bool:
        """Whether it goes after all that are not."""
        return True

    def _make_room(self, limit: int) -> float | None:
        """Drop down to a size; returns the score of the last one to go."""
        score = None
        while self.held_bytes > limit:
            rank = heapq.heappop(self._heap)
            if self._ranks.get(rank[3]) is rank:  # else it was given another one since
                score = rank[1]
                self.drop(rank[3])
        return score

    def _take_in(self, number: int) -> None:
        self._moment += 1
        self.held_bytes += self._artifacts[number].bytes
        self._uses[number] = self._uses.get(number, 0) + 1
        self._rank(number)

    def _let_go(self, number: int) -> None:
        del self._ranks[number]
        self.held_bytes -= self._artifacts[number].bytes

    def _rank(self, number: int) -> None:
        rank = (self._is_served(number), self._score(number), self._moment, number)
        self._ranks[number] = rank
        heapq.heappush(self._heap, rank)
        if len(self._heap) > 4 * len(self._ranks) + 1_000:
            self._heap = list(self._ranks.values())
            heapq.heapify(self._heap)


class LeastOften(Ranked):
    """Drops what was used least often since it was taken in; among equals, the least recent."""

    def _score(self, number: int) -> float:
        return self._uses[number]


class GreedyDual(Ranked):
    """Greedy-Dual-Size-Frequency: inflation, plus uses times cost over size."""

    _inflation = 0.0

    def _score(self, number: int) -> float:
        artifact = self._artifacts[number]
        return self._inflation + self._uses[number] * artifact.cost / artifact.bytes

    def _make_room(self, limit: int) -> float | None:
        last = super()._make_room(limit)
        self._inflation = self._inflation if last is None else last
        return last


class Shipped(Ranked):
    """The product's: its own formula, over what it would know.

    It tells versions that a ref points at from history. It remembers the uses of what it dropped
    as long as what is made again is the same, for then it is one payload with several runs. All
    scores fall together as more is stored, so each is kept as it was at the time of its last use.
    """

    def __init__(self, trace: Trace, cap: int) -> None:
        super().__init__(trace, cap)
        self._remembers = trace.alike
        self._replaced: set[int] = set()
        self._stored = 0
        self._used_at: dict[int, float] = {}
        self._orphaned: dict[int, int] = defaultdict(int)
        self._above: dict[int, tuple[int, ...]] = {}

    def use(self, number: int) -> None:
        self._used_at[number] = self._stored / self._cap
        super().use(number)

    def put(self, number: int) -> None:
        artifact = self._artifacts[number]
        self._stored += artifact.bytes
        if artifact.bytes > self._cap:
            return
        self._used_at[number] = self._stored / self._cap
        if artifact.replaces is not None and artifact.replaces not in self._replaced:
            if artifact.replaces in self:
                self._count(artifact.replaces, -1)
            self._replaced.add(artifact.replaces)
            if artifact.replaces in self:
                self._rank(artifact.replaces)
        self._count(number, 1)
        self._take_in(number)
        self._make_room(self._cap)

    def drop(self, number: int) -> None:
        self._let_go(number)
        self._count(number, -1)
        if not self._remembers:
            del self._uses[number]

    def _score(self, number: int) -> float:
        artifact = self._artifacts[number]
        worth = worth_of(artifact.cost, self._orphaned[number])
        return score_of(self._uses[number], worth, artifact.bytes, -self._used_at[number])

    def _is_served(self, number: int) -> bool:
        return number not in self._replaced

    def _count(self, number: int, sign: int) -> None:
        """Add it to what the loss of all that it was made from would orphan; history is nothing."""
        if number in self._replaced:
            return
        cost = sign * self._artifacts[number].cost
        for above in self._everything_above(number):
            before = self._orphaned[above]
            self._orphaned[above] = after = before + cost
            own = self._artifacts[above].cost
            if above in self and min(own, before) != min(own, after):
                self._rank(above)

    def _everything_above(self, number: int) -> tuple[int, ...]:
        known = self._above.get(number)
        if known is None:
            found: dict[int, None] = {}
            for above in self._artifacts[number].inputs:
                found[above] = None
                found.update(dict.fromkeys(self._everything_above(above)))
            known = self._above[number] = tuple(found)
        return known


OTHERS: dict[str, Callable[[Trace, int], Policy]] = {
    "LRU": LeastRecent,
    "LFU": LeastOften,
    "GDSF": GreedyDual,
}
