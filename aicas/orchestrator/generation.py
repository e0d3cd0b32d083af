"""One generate run from its first event to its last: the workflow, then the files on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aicas import INTEGRATION, InvalidInput, PriceTable, Store
from aicas.orchestrator.agent import Team
from aicas.orchestrator.events import Reporter, RunEnded, RunStarted, Totals
from aicas.orchestrator.stages import StageRunner, Stored
from aicas.orchestrator.workflow import MicroPhaseWorkflow

MAX_REQUEST_CHARACTERS = 20_000


class Generation:
    """Runs requests in one project of a store."""

    def __init__(
        self, store: Store, team: Team, session: str, report: Reporter, *, notice: str | None = None
    ) -> None:
        self._store = store
        self._team = team
        self._session = session
        self._report = report
        self._notice = notice

    async def run(self, request: str, output: Path, *, overwrite: bool = False) -> Totals:
        """Produce the project and write it to ``output``.

        Args:
            request: what to build.
            output: a folder; files in it that differ are an error unless ``overwrite``.
            overwrite: replace them.

        Raises:
            InvalidInput: no request, one that is too long, or files in ``output`` that differ.
                The project is stored all the same.
            StageFailed: a stage could not be produced; what was completed is kept.
            AicasError: the store failed.
        """
        if not request.strip():
            raise InvalidInput("the request is empty")
        if len(request) > MAX_REQUEST_CHARACTERS:
            raise InvalidInput(f"the request is longer than {MAX_REQUEST_CHARACTERS} characters")
        runner = StageRunner(self._store, self._session, self._report)
        prices = PriceTable(self._store.config.cost_models)
        self._report(self._started(request))
        try:
            project = await MicroPhaseWorkflow(runner, self._team, prices, request).run()
            count = await asyncio.to_thread(self._write, project, output, overwrite)
        except BaseException:
            self._report(RunEnded(runner.totals, complete=False))
            raise
        self._report(RunEnded(runner.totals, complete=True, output=str(output), files=count))
        return runner.totals

    def _started(self, request: str) -> RunStarted:
        agents = dict.fromkeys(f"{a.name} as {a.model}" for a in self._team.values())
        return RunStarted(
            f'generate "{" ".join(request.split())}"',
            self._session,
            self._store.project,
            tuple(agents),
            self._notice,
        )

    def _write(self, project: Stored, output: Path, overwrite: bool) -> int:
        try:
            return self._store.restore(str(project.snapshot.id), output, overwrite=overwrite)
        except InvalidInput as error:
            hint = (
                f"use --overwrite, or another folder; 'aicas get {INTEGRATION} -o PATH'"
                " writes it too"
            )
            raise InvalidInput(str(error), hint=error.hint or hint) from error
