"""Eviction: which payloads to drop, and a plan that says what each of them is worth.

An eviction only demotes: snapshots stay, so what a stage was made from, why it is not valid and
what it cost stay known. Versions that no ref offers go before those that one does; among each, the
ones with the lowest score (see ``aicas.retention.worth``). Planning changes nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aicas.errors import Damaged
from aicas.graph import Price, price_of
from aicas.ids import ObjectId, SnapshotId
from aicas.names import Key, RefName
from aicas.objects.snapshot import Cost
from aicas.retention.holdings import Holding, Holdings, Run
from aicas.retention.worth import Usage, Worth, cost_of

ASKED = "asked for"
GONE = "gone before"
HISTORY = "no ref points at it"
ASIDE = "in quarantine"
LEAST = "least worth for its size"
SHARED = "it is part of what others hold"
_SLACK = 1_000

_Place = tuple[bool, float, ObjectId]
"""Whether something serves it, its score, and the payload."""


@dataclass(frozen=True, slots=True)
class Victim:
    """One payload to drop."""

    payload: ObjectId
    key: Key
    """The stage that produced it last."""
    runs: tuple[Run, ...]
    """What produced it, the newest first."""
    refs: tuple[RefName, ...]
    """What points at it now."""
    objects: frozenset[ObjectId]
    """What goes with it: nothing that any other payload holds."""
    freed_bytes: int
    cost: Cost | None
    """What it cost, as the estimate of making it again."""
    worth_nano: int
    """What its loss costs: itself, and what was made from it; see ``Worth``."""
    hits: int
    score: float | None
    """Why this one before others; ``None`` where nothing was to be chosen."""
    reason: str


@dataclass(frozen=True, slots=True)
class Spared:
    """One payload that may not go."""

    payload: ObjectId
    key: Key
    refs: tuple[RefName, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class EvictionPlan:
    """What an eviction would drop. Nothing has happened yet."""

    seen: int
    """The newest operation it takes into account."""
    held_bytes: int
    """What the store holds now."""
    victims: tuple[Victim, ...]
    """In the order in which they go."""
    spared: tuple[Spared, ...] = ()
    """What was asked for, or would have been needed, and may not go."""
    short_by_bytes: int = 0
    """How much more than wanted stays, because nothing else may go."""

    @property
    def freed_bytes(self) -> int:
        """Stored bytes of all that would go."""
        return sum(victim.freed_bytes for victim in self.victims)

    @property
    def kept_bytes(self) -> int:
        """What the store would hold after it."""
        return self.held_bytes - self.freed_bytes

    @property
    def price(self) -> Price:
        """What making all of them again would cost."""
        return price_of(victim.cost for victim in self.victims)


def plan_asked(
    holdings: Holdings,
    payloads: Iterable[ObjectId],
    usage: Mapping[SnapshotId, Usage],
) -> EvictionPlan:
    """Plan to drop some payloads, whatever they are worth.

    One that is damaged or lost can be dropped too: by that it is on record that it is gone.

    Args:
        holdings: of the store; used up.
        payloads: which; those that no run produced are left out.
        usage: how often snapshots were found.
    """
    dropping = _Dropping(holdings, Worth(holdings, usage))
    every = {**holdings.payloads, **holdings.lost}
    asked = [payload for payload in dict.fromkeys(payloads) if payload in every]
    for payload in asked:
        if payload in holdings.lost:
            dropping.note(holdings.lost[payload])
    waiting = [i for i in asked if i in holdings.payloads and i not in holdings.kept]
    went = True
    while went:  # what is part of another one that was asked for can go once that one has
        went = False
        for payload in waiting:
            if payload not in dropping.gone and payload in holdings.sharing.only_in(payload):
                dropping.drop(payload, ASKED, None)
                went = True
    spared = [
        _spared(every[payload], holdings.kept.get(payload, SHARED))
        for payload in asked
        if payload not in dropping.gone
    ]
    return EvictionPlan(
        holdings.seen, holdings.stored_bytes, tuple(dropping.victims), tuple(spared)
    )


def plan_down_to(
    holdings: Holdings, to_bytes: int, usage: Mapping[SnapshotId, Usage]
) -> EvictionPlan:
    """Plan to drop payloads until the store holds no more than ``to_bytes``, if that can be.

    Args:
        holdings: of the store; used up.
        to_bytes: stored bytes.
        usage: how often snapshots were found.

    Raises:
        Damaged: a payload cannot be read whole, so what others share with it is not known.
    """
    if holdings.unsound:
        payload, problem = min(holdings.unsound.items())
        key = holdings.payloads[payload].key
        raise Damaged(f"what {key} holds is damaged: {problem}", object_id=payload)
    held = holdings.stored_bytes
    worth = Worth(holdings, usage)
    dropping = _Dropping(holdings, worth)
    ranking = _Ranking(holdings, worth)
    while held - dropping.freed_bytes > to_bytes:
        chosen = ranking.least()
        if chosen is None:
            break
        score, payload = chosen
        reason = _why(holdings.payloads[payload])
        sole, poorer = dropping.drop(payload, reason, score)
        for resized in sole:
            ranking.enter(resized)
        for changed in poorer:
            ranking.rank(changed)
    short = max(held - dropping.freed_bytes - to_bytes, 0)
    every = holdings.payloads.items() if short else ()
    spared = [
        _spared(holding, holdings.kept.get(payload, SHARED))
        for payload, holding in every
        if payload not in dropping.gone
    ]
    return EvictionPlan(holdings.seen, held, tuple(dropping.victims), tuple(spared), short)


class _Dropping:
    """Takes payloads out of the holdings one by one."""

    def __init__(self, holdings: Holdings, worth: Worth) -> None:
        self._holdings = holdings
        self._worth = worth
        self.victims: list[Victim] = []
        self.gone: set[ObjectId] = set()
        self.freed_bytes = 0

    def drop(
        self, payload: ObjectId, reason: str, score: float | None
    ) -> tuple[frozenset[ObjectId], list[ObjectId]]:
        """Drop one; returns the payloads that would free more now, and those worth less."""
        holding = self._holdings.payloads[payload]
        objects, sole = self._holdings.sharing.drop(payload)
        self._add(holding, objects, self._worth.of(payload), score, reason)
        return sole, self._worth.leave(payload)

    def note(self, holding: Holding) -> None:
        """Count one as dropped that was lost before."""
        self._add(holding, frozenset(), 0, None, GONE)

    def _add(
        self,
        holding: Holding,
        objects: frozenset[ObjectId],
        worth_nano: int,
        score: float | None,
        reason: str,
    ) -> None:
        freed = self._holdings.bytes_of(objects)
        self.victims.append(
            Victim(
                holding.payload,
                holding.key,
                holding.runs,
                holding.refs,
                objects,
                freed,
                cost_of(holding),
                worth_nano,
                self._worth.use_of(holding).hits,
                score,
                reason,
            )
        )
        self.gone.add(holding.payload)
        self.freed_bytes += freed


class _Ranking:
    """The payloads that may go, the least worth first."""

    def __init__(self, holdings: Holdings, worth: Worth) -> None:
        self._holdings = holdings
        self._worth = worth
        self._freed: dict[ObjectId, int] = {}
        self._places: dict[ObjectId, _Place] = {}
        self._heap: list[_Place] = []
        for payload in holdings.payloads:
            self.enter(payload)

    def enter(self, payload: ObjectId) -> None:
        """Take in a payload, or what it would free now."""
        if payload in self._holdings.payloads and payload not in self._holdings.kept:
            freed = self._holdings.bytes_of(self._holdings.sharing.only_in(payload))
            if freed:
                self._freed[payload] = freed
                self.rank(payload)

    def rank(self, payload: ObjectId) -> None:
        """Give a payload that is in the place it has now."""
        freed = self._freed.get(payload)
        if freed is None:
            return
        is_served = self._holdings.payloads[payload].is_served
        place = self._places[payload] = (is_served, self._worth.score(payload, freed), payload)
        if len(self._heap) > 2 * len(self._places) + _SLACK:
            self._heap = list(self._places.values())
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, place)

    def least(self) -> tuple[float, ObjectId] | None:
        """Take out the first, with its score; ``None`` if nothing is left that may go."""
        while self._heap:
            place = heapq.heappop(self._heap)
            _, score, payload = place
            if self._places.get(payload) is place:  # else it was given another one since
                del self._places[payload], self._freed[payload]
                return score, payload
        return None


def _why(holding: Holding) -> str:
    if holding.is_served:
        return LEAST
    return ASIDE if holding.refs else HISTORY


def _spared(holding: Holding, reason: str) -> Spared:
    return Spared(holding.payload, holding.key, holding.refs, reason)
