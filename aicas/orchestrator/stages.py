"""Cache first: a stage is served from the store when it can be, and produced when it cannot.

A stage is reported only once its snapshot is durable. So however a run ends, the same run started
again finds every stage that was reported, and asks agents only for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aicas import (
    AicasError,
    Cost,
    InvalidInput,
    Miss,
    Payload,
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


@dataclass(frozen=True, slots=True)
class Stored:
    """A stage's result in the store."""

    store: Store
    snapshot: Snapshot

    async def payload(self) -> Payload:
        """What the stage produced; files are read when asked for."""
        return await asyncio.to_thread(self.store.payload, self.snapshot)


class StageRunner:
    """Runs stages in one project of a store, for one session. For one event loop."""

    def __init__(
        self, store: Store, session: str, report: Reporter, totals: Totals | None = None
    ) -> None:
        self._store = store
        self._session = session
        self._report = report
        self.totals = totals if totals is not None else Totals()

    async def run(
        self,
        key: str,
        recipe: Recipe,
        inputs: Mapping[str, Stored],
        produce: Callable[[], Awaitable[Product]],
        *,
        label: str | None = None,
    ) -> Stored:
        """The result of a stage, from the store or from ``produce``.

        Args:
            key: the stage.
            recipe: what decides its result, but for its inputs.
            inputs: what it is made from, by key.
            produce: called if the store has no good result; its calls are what is saved.
            label: told along with the key.

        Raises:
            StageFailed: ``produce`` failed, or its result is not to be used.
            AicasError: the store failed.
        """
        used = [Use(name, str(item.snapshot.id)) for name, item in inputs.items()]
        found = await asyncio.to_thread(
            self._store.lookup, key, recipe, used, session=self._session
        )
        if isinstance(found, Miss):
            return await self._produce(key, recipe, used, produce, found, label)
        snapshot = found.snapshot
        self.totals.add_cached(snapshot.cost)
        self._report(StageCached(key, str(snapshot.id), snapshot.cost, found.moved, label))
        return Stored(self._store, snapshot)

    async def _produce(
        self,
        key: str,
        recipe: Recipe,
        used: list[Use],
        produce: Callable[[], Awaitable[Product]],
        miss: Miss,
        label: str | None,
    ) -> Stored:
        try:
            product = await produce()
            snapshot = await self._put(key, recipe, used, product)
        except AicasError as error:
            raise self._stopped(key, error) from error
        self.totals.add_generated(snapshot.cost)
        self._report(StageGenerated(key, str(snapshot.id), snapshot.cost, miss.reasons, label))
        if product.refused is not None:
            raise self._stopped(key, StageFailed(key, product.refused, hint=product.hint))
        return Stored(self._store, snapshot)

    async def _put(self, key: str, recipe: Recipe, used: list[Use], product: Product) -> Snapshot:
        return await asyncio.to_thread(
            self._store.put,
            key,
            product.payload,
            inputs=used,
            recipe=recipe,
            session=self._session,
            cost=product.cost,
            validation_status=product.validation_status,
            tags=product.tags,
            meta=product.meta,
        )

    def _stopped(self, key: str, error: AicasError) -> AicasError:
        """Tell of the failure; a bad answer becomes the stage's failure, others stay."""
        failure = error
        if isinstance(error, InvalidInput):
            failure = StageFailed(key, str(error))
        if isinstance(failure, StageFailed):
            failure.hint = failure.hint or RESUME_HINT
        self._report(StageStopped(key, str(failure)))
        return failure
