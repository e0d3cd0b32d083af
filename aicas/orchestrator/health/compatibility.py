"""Version compatibility: would the present agents, prompts and code still accept what is stored?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from aicas import (
    BRAINSTORMING,
    AicasError,
    Cost,
    Miss,
    PriceTable,
    Recipe,
    Snapshot,
    Store,
)
from aicas.orchestrator.agent import Team
from aicas.orchestrator.health.findings import Finding, some
from aicas.orchestrator.lines import Lines
from aicas.orchestrator.stages import Produce, Reads, Stored
from aicas.orchestrator.workflow import MicroPhaseWorkflow

_OF_RECIPE = frozenset({"recipe_changed", "agent_incompatible"})
_TAG = "micro_phase"


class UnknownStageError(Exception):
    """A stage is not stored, so nobody can tell which ones follow it."""


class Inspector:
    """Stands in for a runner: answers with what is stored, and notes what does not fit a recipe.

    Nothing is produced and nothing changes. For one event loop.
    """

    def __init__(self, store: Store, agent_policy: str) -> None:
        self._store = store
        self._agent_policy = agent_policy
        self.misfits: dict[str, tuple[str, ...]] = {}
        """What of a stored stage's recipe the team would have otherwise, by key, in words."""

    async def run(
        self,
        key: str,
        recipe: Recipe,
        inputs: Sequence[Reads],
        produce: Produce,
        *,
        label: str | None = None,
    ) -> Stored:
        """What is stored of a stage; see ``Runner.run``.

        Raises:
            UnknownStageError: nothing is.
        """
        return await asyncio.to_thread(self._inspect, key, recipe)

    async def spent(
        self, key: str, recipe: Recipe, inputs: Sequence[Reads], cost: Cost, problem: str
    ) -> None:
        """An inspection produces nothing, so nothing is ever spent."""

    def _inspect(self, key: str, recipe: Recipe) -> Stored:
        snapshot = current(self._store, key)
        if snapshot is None:
            raise UnknownStageError
        wanted = Recipe.of(dict(recipe), self._agent_policy)
        found = self._store.peek(key, wanted)
        reasons = found.reasons if isinstance(found, Miss) else ()
        misfit = tuple(str(reason) for reason in reasons if reason.code in _OF_RECIPE)
        if misfit:
            self.misfits[key] = misfit
        return Stored(self._store, snapshot)


def current(store: Store, key: str) -> Snapshot | None:
    """The current version of a stage of the store's project; ``None`` if there is none."""
    name = f"live/{store.project}/{key}"
    target = {str(ref): target for ref, target in store.refs(name).items()}.get(name)
    return None if target is None else store.snapshot(target)


def compatibility_findings(
    store: Store, team: Team, agent_policy: str, lines: Lines
) -> Iterator[Finding]:
    """The stages of a project made by ``generate`` that the team would make otherwise today.

    Args:
        store: seen from the project.
        team: the present agents.
        agent_policy: which other agent versions they accept; see ``Recipe``.
        lines: makes the remedies, for this project.
    """
    inspector = Inspector(store, agent_policy)
    prices = PriceTable(store.config.cost_models)
    request = None
    # Where a stage is missing or damaged, those before it were looked at.
    with suppress(UnknownStageError, AicasError):
        request = _request(store)
        if request is not None:
            asyncio.run(MicroPhaseWorkflow(inspector, team, prices, request).run())
    if inspector.misfits and request is not None:
        keys = tuple(inspector.misfits)
        reasons = dict.fromkeys(text for texts in inspector.misfits.values() for text in texts)
        what = f"made otherwise than the present team would: {some(keys)}: {some(tuple(reasons))}"
        remedy = lines.of_orchestrator("generate", request)
        yield Finding("compatibility", what, remedy, project=store.project, keys=keys)


def _request(store: Store) -> str | None:
    """What a project was generated from; ``None`` for one that was not."""
    first = current(store, BRAINSTORMING)
    if first is None or _TAG not in first.tags:
        return None
    parameters = first.recipe.get("parameters")
    request = parameters.get("request") if isinstance(parameters, Mapping) else None
    return request if isinstance(request, str) else None
