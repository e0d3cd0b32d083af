"""What a run would do and cost, found out without asking an agent or changing the store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from aicas import (
    AicasError,
    Cost,
    Estimate,
    Hit,
    NotFound,
    Price,
    Recipe,
    Snapshot,
    Store,
    check_key,
    mean_cost,
    price_of,
)
from aicas.orchestrator.stages import Produce, Reads, StageResult, Stored

_NUMBERED = re.compile(r"phase-[0-9]+-")


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """What would become of one stage."""

    key: str
    snapshot: Snapshot | None
    """What would be served; ``None`` if it has to be produced."""
    reasons: tuple[str, ...]
    """Why it has to be."""
    estimate: Estimate | None
    """What that may cost, judged by earlier runs; ``None`` for what would be served."""

    @property
    def is_cached(self) -> bool:
        """Whether it would be served from the store."""
        return self.snapshot is not None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do, stage by stage."""

    stages: tuple[PlannedStage, ...]
    is_whole: bool
    """Whether all stages are known; those after an unknown breakdown are not."""

    @property
    def price(self) -> Price:
        """What it may cost, as an estimate; stages that never ran are counted as unpriced."""
        return price_of(stage.estimate.cost for stage in self.stages if stage.estimate)

    @property
    def saved(self) -> Price:
        """What the stages that would be served have cost."""
        return price_of(stage.snapshot.cost for stage in self.stages if stage.snapshot)


class UnforeseenError(Exception):
    """A plan cannot go on: what a stage will say decides which stages follow."""


class Unforeseen:
    """The result of a stage that never ran."""

    async def payload(self) -> NoReturn:
        """Nothing is known of it."""
        raise UnforeseenError

    @property
    def revision(self) -> NoReturn:
        """The store does not know it."""
        raise UnforeseenError


class Planner:
    """Stands in for a runner: answers a workflow with what is known, and takes notes.

    A stage that has to be produced is answered with what it last was, so that those that follow
    can be planned. Whether they will have to be produced too depends on what it will be; they are
    counted, so an estimate is rather too high than too low. For one event loop.
    """

    def __init__(self, store: Store, pinned: Mapping[str, Snapshot]) -> None:
        """Plan a run in a project of a store; see ``StageRunner`` for ``pinned``."""
        self._store = store
        self._pinned = pinned
        self._estimates = store.estimates()
        self._to_run: set[str] = set()
        self.stages: list[PlannedStage] = []

    async def run(
        self,
        key: str,
        recipe: Recipe,
        inputs: Sequence[Reads],
        produce: Produce,
        *,
        label: str | None = None,
    ) -> StageResult:
        """What is known of a stage; see ``Runner.run``."""
        return await asyncio.to_thread(self._plan, key, recipe, inputs)

    async def spent(
        self, key: str, recipe: Recipe, inputs: Sequence[Reads], cost: Cost, problem: str
    ) -> None:
        """A plan produces nothing, so nothing is ever spent."""

    def _plan(self, key: str, recipe: Recipe, inputs: Sequence[Reads]) -> StageResult:
        served, reasons = self._look(key, recipe, inputs)
        estimate = None if served else self._estimate(key)
        self.stages.append(PlannedStage(key, served, reasons, estimate))
        if served is not None:
            return Stored(self._store, served)
        self._to_run.add(key)
        last = self._last(key)
        return Stored(self._store, last) if last else Unforeseen()

    def _look(
        self, key: str, recipe: Recipe, inputs: Sequence[Reads]
    ) -> tuple[Snapshot | None, tuple[str, ...]]:
        if key in self._pinned:
            return self._pinned[key], ()
        above = [item.key for item in inputs if item.key in self._to_run]
        if above:
            more = f" and {len(above) - 1} more" if len(above) > 1 else ""
            return None, (f"{above[0]}{more} will be made again",)
        found = self._store.peek(key, recipe, [item.use() for item in inputs])
        if isinstance(found, Hit):
            return found.snapshot, ()
        return None, tuple(str(reason) for reason in found.reasons)

    def _last(self, key: str) -> Snapshot | None:
        try:
            moves = self._store.reflog(key)
        except NotFound:
            return None
        for snapshot_id in (i for move in moves for i in (move.new, move.old) if i):
            try:
                snapshot = self._store.snapshot(snapshot_id)
                self._store.payload(snapshot)
            except AicasError:
                continue
            return snapshot
        return None

    def _estimate(self, stage: str) -> Estimate:
        """By earlier runs of the stage or, for a phase that never ran, of the other phases."""
        key, project = check_key(stage), self._store.project
        found = self._estimates.of(project, key)
        if found.cost is not None or not _NUMBERED.match(key):
            return found
        kind = _NUMBERED.sub("", key)
        known = self._store.keys()
        alike = [name for name in known if _NUMBERED.sub("", name) == kind != name]
        others = [self._estimates.of(project, name) for name in alike]
        costs = [other.cost for other in others if other.cost]
        if not costs:
            return found
        return Estimate(mean_cost(costs), sum(other.runs for other in others), project)
