"""Cache first: a stage is served from the store when it can be, and produced when it cannot.

A stage is reported only once its snapshot is durable. So however a run ends, the same run started
again finds every stage that was reported, and asks agents only for the others. Of several runs
that want the same stage at once, one asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from aicas import (
    AicasError,
    AsyncCache,
    Cost,
    InvalidInput,
    OutputRejected,
    Payload,
    Produced,
    Reason,
    Recipe,
    Snapshot,
    StageFailed,
    Store,
    Use,
)
from aicas.orchestrator.events import (
    Reporter,
    StageCached,
    StageGenerated,
    StageStopped,
    Totals,
)

RESUME_HINT = "every stage completed before it is kept; the same command resumes there"
_NOTHING: Mapping[str, Snapshot] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Product:
    """What producing a stage gave."""

    payload: Payload
    cost: Cost | None = None
    validation_status: str = "unchecked"
    refused: str | None = None
    """Why the result must not be used; it is stored for people to see, and the run ends."""
    hint: str | None = None
    """What to do about a result that was refused."""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


class StageResult(Protocol):
    """What a workflow needs to know of a stage that is done."""

    async def payload(self) -> Payload:
        """What the stage produced; files are read when asked for."""

    @property
    def revision(self) -> str:
        """The name by which the store knows it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stage's result in the store."""

    store: Store
    snapshot: Snapshot

    @property
    def revision(self) -> str:
        """The snapshot's id."""
        return str(self.snapshot.id)

    async def payload(self) -> Payload:
        """What the stage produced; files are read when asked for."""
        return await asyncio.to_thread(self.store.payload, self.snapshot)


class Reads(NamedTuple):
    """What a stage reads of another."""

    key: str
    result: StageResult
    selector: str | None = None
    """The part of it; ``None`` for all."""

    def use(self) -> Use:
        """It, as an input."""
        return Use(self.key, self.result.revision, self.selector)


Produce = Callable[[], Awaitable[Product]]


class Runner(Protocol):
    """Whatever can give a workflow the result of a stage."""

    async def run(
        self,
        key: str,
        recipe: Recipe,
        inputs: Sequence[Reads],
        produce: Produce,
        *,
        label: str | None = None,
    ) -> StageResult:
        """The result of a stage, from the store or from ``produce``."""

    async def spent(
        self, key: str, recipe: Recipe, inputs: Sequence[Reads], cost: Cost, problem: str
    ) -> None:
        """Take note of money that was paid for a stage that then failed."""


class StageRunner:
    """Runs stages in one project of a store, for one session. For one event loop."""

    def __init__(
        self,
        store: Store,
        session: str,
        report: Reporter,
        totals: Totals | None = None,
        *,
        pinned: Mapping[str, Snapshot] = _NOTHING,
    ) -> None:
        """Run stages.

        Args:
            store: where they are kept.
            session: the name of the run.
            report: told of every stage.
            totals: to add to; new ones by default.
            pinned: stages that count as done, whatever their recipe: the run goes on from them.
        """
        self._store = store
        self._cache = AsyncCache(store)
        self._session = session
        self._report = report
        self._pinned = pinned
        self.totals = totals if totals is not None else Totals()

    async def run(
        self,
        key: str,
        recipe: Recipe,
        inputs: Sequence[Reads],
        produce: Produce,
        *,
        label: str | None = None,
    ) -> Stored:
        """The result of a stage, from the store or from ``produce``.

        Args:
            key: the stage.
            recipe: what decides its result, but for its inputs.
            inputs: what it is made from.
            produce: called if the store has no good result; its calls are what is saved.
            label: told along with the key.

        Raises:
            StageFailed: ``produce`` failed, or its result is not to be used.
            AicasError: the store failed.
        """
        pinned = self._pinned.get(key)
        if pinned is not None:
            return self._cached(key, pinned, False, label)
        made: list[Product] = []

        async def produced() -> Produced:
            made.append(await produce())
            (product,) = made
            status, tags, meta = product.validation_status, product.tags, product.meta
            return Produced(product.payload, product.cost, status, tags, meta)

        uses = [item.use() for item in inputs]
        try:
            found = await self._cache.get_or_create(
                key, produced, recipe=recipe, inputs=uses, session=self._session
            )
        except OutputRejected as error:
            raise await self._refused(key, error, made, label) from error
        except AicasError as error:
            raise self._stopped(key, error) from error
        if found.is_hit:
            return self._cached(key, found.snapshot, found.moved, label)
        self._generated(key, found.snapshot, found.reasons, label)
        return Stored(self._store, found.snapshot)

    async def spent(
        self, key: str, recipe: Recipe, inputs: Sequence[Reads], cost: Cost, problem: str
    ) -> None:
        """Record money that was paid for a stage that then failed."""
        uses = [item.use() for item in inputs]
        self.totals.add_lost(cost)

        def spend() -> None:
            self._store.spend(
                key, cost, inputs=uses, recipe=recipe, session=self._session, reason=problem
            )

        await asyncio.shield(asyncio.to_thread(spend))

    def _cached(self, key: str, snapshot: Snapshot, moved: bool, label: str | None) -> Stored:
        self.totals.add_cached(snapshot.cost)
        self._report(StageCached(key, str(snapshot.id), snapshot.cost, moved, label))
        return Stored(self._store, snapshot)

    def _generated(
        self, key: str, snapshot: Snapshot, reasons: tuple[Reason, ...], label: str | None
    ) -> None:
        self.totals.add_generated(snapshot.cost)
        self._report(StageGenerated(key, str(snapshot.id), snapshot.cost, reasons, label))

    async def _refused(
        self, key: str, error: OutputRejected, made: list[Product], label: str | None
    ) -> AicasError:
        """Tell of a result that is kept and not to be used, made here or by another run."""
        if not made:
            return self._stopped(key, error)
        snapshot = await asyncio.to_thread(self._store.show, error.snapshot_id.hex())
        reasons = tuple(each for each in error.reasons if isinstance(each, Reason))
        self._generated(key, snapshot, reasons, label)
        problem = made[0].refused or "it did not pass its validation"
        return self._stopped(key, StageFailed(key, problem, hint=made[0].hint))

    def _stopped(self, key: str, error: AicasError) -> AicasError:
        """Tell of the failure; a bad answer becomes the stage's failure, others stay."""
        failure = error
        if isinstance(error, InvalidInput):
            failure = StageFailed(key, str(error))
        if isinstance(failure, StageFailed):
            failure.hint = failure.hint or RESUME_HINT
        self._report(StageStopped(key, str(failure)))
        return failure
