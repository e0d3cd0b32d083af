"""One generate run from its first event to its last: the workflow, then the files on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from aicas import INTEGRATION, AicasError, InvalidInput, PriceTable, Snapshot, Store
from aicas.orchestrator.agent import Team
from aicas.orchestrator.events import Reporter, RunEnded, RunStarted, Totals
from aicas.orchestrator.planning import Planner, RunPlan, UnforeseenError
from aicas.orchestrator.stages import Runner, StageResult, StageRunner
from aicas.orchestrator.workflow import MicroPhaseWorkflow

MAX_REQUEST_CHARACTERS = 20_000
_NOTHING: Mapping[str, Snapshot] = MappingProxyType({})


class Generation:
    """Runs requests in one project of a store."""

    def __init__(
        self,
        store: Store,
        team: Team,
        session: str,
        report: Reporter,
        *,
        notice: str | None = None,
        pinned: Mapping[str, Snapshot] = _NOTHING,
    ) -> None:
        """Make runs.

        Args:
            store: where stages are kept.
            team: who answers.
            session: the name of the run.
            report: told of everything that happens.
            notice: what to know before believing the rest.
            pinned: stages that count as done; see ``StageRunner``.
        """
        self._store = store
        self._pinned = pinned
        self._team = team
        self._session = session
        self._report = report
        self._notice = notice

    async def plan(self, request: str) -> RunPlan:
        """What ``run`` would do and may cost; no agent is asked and nothing changes.

        Raises:
            InvalidInput: as ``run``.
            AicasError: the store failed.
        """
        _check(request)
        planner = Planner(self._store, self._pinned)
        try:
            await self._workflow(planner, request).run()
        except UnforeseenError:
            return RunPlan(tuple(planner.stages), is_whole=False)
        return RunPlan(tuple(planner.stages), is_whole=True)

    async def run(self, request: str, output: Path | None, *, overwrite: bool = False) -> Totals:
        """Produce the project and write it to ``output``.

        Args:
            request: what to build.
            output: a folder; files in it that differ are an error unless ``overwrite``. ``None``
                writes nothing: the project is stored all the same.
            overwrite: replace them.

        Raises:
            InvalidInput: no request, one that is too long, or files in ``output`` that differ.
                The project is stored all the same.
            StageFailed: a stage could not be produced; what was completed is kept.
            AicasError: the store failed.
        """
        _check(request)
        runner = StageRunner(self._store, self._session, self._report, pinned=self._pinned)
        self._report(self._started(request))
        count = 0
        try:
            project = await self._workflow(runner, request).run()
            if output is not None:
                count = await asyncio.to_thread(self._write, project, output, overwrite)
        except BaseException:
            self._report(RunEnded(runner.totals, complete=False))
            raise
        await asyncio.to_thread(self._keep_up)
        where = None if output is None else str(output)
        self._report(RunEnded(runner.totals, complete=True, output=where, files=count))
        return runner.totals

    def _keep_up(self) -> None:
        """See to the store when that is due. The run is done: what hinders this is no failure."""
        with suppress(AicasError):
            self._store.maintain_if_due()

    def _workflow(self, runner: Runner, request: str) -> MicroPhaseWorkflow:
        prices = PriceTable(self._store.config.cost_models)
        return MicroPhaseWorkflow(runner, self._team, prices, request)

    def _started(self, request: str) -> RunStarted:
        agents = dict.fromkeys(f"{a.name} as {a.model}" for a in self._team.values())
        return RunStarted(
            f'generate "{" ".join(request.split())}"',
            self._session,
            self._store.project,
            tuple(agents),
            self._notice,
        )

    def _write(self, project: StageResult, output: Path, overwrite: bool) -> int:
        try:
            return self._store.restore(project.revision, output, overwrite=overwrite)
        except InvalidInput as error:
            hint = (
                f"use --overwrite, or another folder; 'aicas get {INTEGRATION} -o PATH'"
                " writes it too"
            )
            raise InvalidInput(str(error), hint=error.hint or hint) from error


def _check(request: str) -> None:
    if not request.strip():
        raise InvalidInput("the request is empty")
    if len(request) > MAX_REQUEST_CHARACTERS:
        raise InvalidInput(f"the request is longer than {MAX_REQUEST_CHARACTERS} characters")
