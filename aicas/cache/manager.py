"""``CacheManager``: the stages of a pipeline by name, asynchronously.

Every call does its blocking work in a thread, so an event loop never waits for a disk. Calls may
run at once, from any number of tasks; each is as safe as the ``Store`` method behind it. A
cancelled call may still take effect: the thread finishes what it began.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aicas.analytics.report import cache_analytics
from aicas.errors import InvalidInput, NotFound
from aicas.objects.files import Files
from aicas.objects.payload import Payload
from aicas.objects.snapshot import Cost, Snapshot
from aicas.store import Store
from aicas.validity.check import Hit
from aicas.validity.inputs import Use

BRAINSTORMING = "brainstorming_features"
ARCHITECTURE = "system_architecture_plan"
MICRO_PHASES = "project_micro_phases"
INTEGRATION = "final_integration_summary"
_PHASE_KEY = re.compile(r"phase-(.+)-(generated_code|validation_report)")

Inputs = Sequence[str | Use]


def phase_code_key(phase_id: int | str) -> str:
    """The key of a phase's files."""
    return f"phase-{phase_id}-generated_code"


def phase_report_key(phase_id: int | str) -> str:
    """The key of a phase's validation report."""
    return f"phase-{phase_id}-validation_report"


class CacheManager:
    """The stages of one project of a store.

    Every ``cache_...`` call stores a stage durably and returns its snapshot. ``inputs`` are what
    it was made from; ``None`` means the stage it follows in the pipeline, ``()`` nothing. All of
    them raise ``NotFound`` for an input that is not stored and ``InvalidInput`` for a payload or
    name no store may hold; then nothing was written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> Payload | None:
        """The current payload of a stage; ``None`` unless it is stored and good to use.

        Expired, invalidated, failed in validation, or made from inputs that changed since: all
        of these are ``None``. ``Store.lookup`` says which.
        """
        return await asyncio.to_thread(self._get, key)

    def _get(self, key: str) -> Payload | None:
        found = self._store.lookup(key)
        return self._store.payload(found.snapshot) if isinstance(found, Hit) else None

    async def get_cache_analytics(self) -> dict[str, Any]:
        """How the project stands now, and what its lookups and runs came to since the beginning.

        Rates are percent, and 0 without lookups. Amounts are floats in USD, each beside the exact
        sum in nano-USD; what has no recorded price is in none of them and counted apart.

        Returns:
            ``total_entries``, ``total_size_bytes``, ``total_size_mb`` (10^6 bytes, before
            compression), ``hits``, ``misses``, ``hit_rate``, ``miss_rate``, ``miss_reasons``,
            ``cost_savings_usd`` (by reuse), ``provider_savings_usd`` (by the provider's own
            cache), ``spent_usd``, ``first_usd`` and ``regenerated_usd`` that add up to it, each
            of these also with ``_nano``; ``spent_by_cause_usd``, ``cost_reduction`` (percent),
            ``api_calls``, ``api_calls_saved``, ``tokens_saved``, ``seconds_saved``,
            ``unpriced_runs``, ``unrecorded_runs``, ``unpriced_hits``.
        """
        return await asyncio.to_thread(cache_analytics, self._store)

    async def cache_brainstorming(
        self,
        result: Payload,
        session_id: str | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the features agreed on. It follows nothing."""
        return await self._cache(
            BRAINSTORMING, result, session_id, recipe, cost, inputs, lambda: ()
        )

    async def cache_architecture(
        self,
        architecture: Payload,
        session_id: str | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the architecture. It follows the brainstorming."""
        return await self._cache(
            ARCHITECTURE, architecture, session_id, recipe, cost, inputs, lambda: (BRAINSTORMING,)
        )

    async def cache_micro_phases(
        self,
        phases: Payload,
        session_id: str | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the breakdown into phases. It follows the architecture."""
        return await self._cache(
            MICRO_PHASES, phases, session_id, recipe, cost, inputs, lambda: (ARCHITECTURE,)
        )

    async def cache_phase_files(
        self,
        phase_id: int | str,
        files: Mapping[str, bytes | str],
        session_id: str | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the files of a phase; text is stored as UTF-8. They follow the breakdown."""
        key, payload = phase_code_key(phase_id), files if isinstance(files, Files) else Files(files)
        return await self._cache(
            key, payload, session_id, recipe, cost, inputs, lambda: (MICRO_PHASES,)
        )

    async def get_phase_files(self, phase_id: int | str) -> Files | None:
        """The files of a phase, each read when asked for; ``None`` as ``get``.

        Raises:
            InvalidInput: what is stored under the phase's key is not files.
        """
        payload = await self.get(phase_code_key(phase_id))
        if payload is not None and not isinstance(payload, Files):
            raise InvalidInput(f"{phase_code_key(phase_id)} holds no files")
        return payload

    async def cache_validation_report(
        self,
        phase_id: int | str,
        report: Payload,
        session_id: str | None = None,
        *,
        validation_status: str = "unchecked",
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the report on a phase. It follows the phase's files.

        With ``validation_status="failed"`` it is put aside: kept, and never served by ``get``,
        which goes on serving the last good one.
        """
        return await self._cache(
            phase_report_key(phase_id),
            report,
            session_id,
            recipe,
            cost,
            inputs,
            lambda: (phase_code_key(phase_id),),
            validation_status,
        )

    async def cache_integration_summary(
        self,
        summary: Payload,
        session_id: str | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        cost: Cost | None = None,
        inputs: Inputs | None = None,
    ) -> Snapshot:
        """Store the integrated result. It follows the files and reports of every phase stored."""
        return await self._cache(
            INTEGRATION, summary, session_id, recipe, cost, inputs, self._phase_keys
        )

    def _phase_keys(self) -> Inputs:
        return list(filter(_PHASE_KEY.fullmatch, self._store.keys()))

    async def _cache(
        self,
        key: str,
        payload: Payload,
        session_id: str | None,
        recipe: Mapping[str, Any] | None,
        cost: Cost | None,
        inputs: Inputs | None,
        followed: Callable[[], Inputs],
        validation_status: str = "unchecked",
    ) -> Snapshot:
        def put() -> Snapshot:
            facts: dict[str, Any] = {"recipe": recipe, "cost": cost, "session": session_id}
            try:
                return self._store.put(
                    key,
                    payload,
                    inputs=followed() if inputs is None else inputs,
                    validation_status=validation_status,
                    **facts,
                )
            except NotFound as error:
                if inputs is not None:
                    raise
                hint = "store that stage first, or pass inputs=() if it was made from nothing"
                raise NotFound(f"{key} follows a stage: {error}", hint=hint) from error

        return await asyncio.to_thread(put)
