"""``Store``: all of it, with judging what is valid, collecting and verifying.

Modules that only some commands need are imported where they are used, so that a short-lived
process which only lists does not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicas.clock import HOUR
from aicas.config import check_hours
from aicas.store.runs import StoreRuns

if TYPE_CHECKING:
    from aicas.retention.gc import GcPlan, GcResult
    from aicas.verify import Progress, Report


class Store(StoreRuns):
    """A store as one project sees it. Safe for many threads; other processes may use it too."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Record what is still to be recorded and release the store's files.

        For every view made with ``at_project`` too.
        """
        if "_recorder" in self.__dict__ and self._recorder is not None:
            self._recorder.close()
        self._backend.close()

    def at_project(self, project: str) -> Store:
        """The same store seen from another project; shares caches and files."""
        return Store(
            self._backend,
            config=self.config,
            project=project,
            location=self.location,
            clock=self._clock,
            actor=self._actor,
            reader=self._reader,
            recorder=self._recorder,
        )

    def plan_gc(
        self, *, grace_hours: float | None = None, retention_hours: float | None = None
    ) -> GcPlan:
        """What ``gc`` would delete; see ``aicas.retention.gc``. ``None`` takes the settings.

        Raises:
            InvalidInput: no number of hours.
            Damaged: something reachable is missing or damaged, so nothing may be deleted.
        """
        from aicas.retention.gc import Margins, plan_gc

        grace = self.config.gc_grace_hours if grace_hours is None else grace_hours
        kept = self.config.gc_retention_hours if retention_hours is None else retention_hours
        margins = Margins(
            int(check_hours("the grace period", grace) * HOUR),
            int(check_hours("the retention", kept) * HOUR),
        )
        return plan_gc(self._backend, self._reader, margins, self._clock())

    def gc(self, plan: GcPlan | None = None, *, reason: str | None = None) -> GcResult:
        """Delete what a plan condemned and nothing has come to need since.

        Safe beside any number of readers and writers. A crash leaves each object whole.

        Raises:
            Damaged: as ``plan_gc``; nothing was deleted.
        """
        from aicas.history.publish import Account
        from aicas.retention.gc import sweep

        chosen = plan or self.plan_gc()
        facts = {"objects": len(chosen.condemned), "bytes": chosen.condemned_bytes}
        operation = self._publisher.operation((), Account("gc", reason, facts=facts))
        return sweep(self._backend, self._reader, chosen, operation)

    def verify(self, progress: Progress | None = None) -> Report:
        """Read and hash every object again and follow every link.

        Args:
            progress: called with the objects examined so far and in all.
        """
        from aicas.verify import Verifier

        return Verifier(self._backend, progress).run()
