"""``Store``: all of it, with judging what is valid, collecting and verifying.

Modules that only some commands need are imported where they are used, so that a short-lived
process which only lists does not pay for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicas.clock import HOUR
from aicas.config import check_hours
from aicas.errors import Damaged, NotFound
from aicas.history.edges import input_ref
from aicas.names import Key, RefName, check_key, live_ref
from aicas.objects.snapshot import Input, Snapshot
from aicas.store.writing import Recipe, StoreWriter, Use

if TYPE_CHECKING:
    from aicas.retention.gc import GcPlan, GcResult
    from aicas.validity.check import Hit, Miss
    from aicas.verify import Progress, Report


class Store(StoreWriter):
    """A store as one project sees it. Safe for many threads; other processes may use it too."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the store's files, for every view made with ``at_project`` too."""
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
        )

    def lookup(
        self,
        key: str,
        recipe: Recipe | None = None,
        inputs: Sequence[str | Use] | None = None,
        *,
        session: str | None = None,
    ) -> Hit | Miss:
        """Is the artifact of this key, recipe and inputs stored and good to use?

        Where the current version does not match but an earlier one does, which no invalidation
        has revoked, the ref moves back to that one: a hit at no cost.

        Args:
            key: the stage.
            recipe: as it would be run now; ``None`` accepts any.
            inputs: as they would be used now; ``None`` compares with the inputs' current
                versions.
            session: recorded if the ref moves.

        Returns:
            ``Hit`` (true) or ``Miss`` (false) with every reason.

        Raises:
            InvalidInput: a name no store may hold.
            NotFound: one of ``inputs`` does not exist.
        """
        from aicas.validity.check import Checker, Hit
        from aicas.validity.recipe import complete_recipe, fingerprint

        ref = live_ref(self.project, check_key(key))
        checker = Checker(self._backend, self._reader, self._clock())
        complete = None if recipe is None else complete_recipe(recipe)
        wanted = self._wanted(ref) if inputs is None else self._used(inputs)
        found = checker.check(ref, complete, wanted)
        if found or complete is None or inputs is None or wanted is None:
            return found
        earlier = checker.recall(ref, fingerprint(Key(key), complete, wanted))
        if earlier and self._moves.recall(ref, earlier.id, session):
            return Hit(earlier, moved=True)
        return found

    def _wanted(self, ref: RefName) -> tuple[Input, ...] | None:
        """The inputs of what a ref points at, as they stand now; without the unreadable ones."""
        from aicas.validity.recipe import payload_digest

        current = self._current(ref)
        if current is None:
            return None
        now = []
        for item in current.inputs:
            above = self._current(input_ref(self.project, item.key))
            if above is not None:
                now.append(Input(item.key, above.id, None, payload_digest(above.payload.id)))
        return tuple(now)

    def _current(self, ref: RefName) -> Snapshot | None:
        state = self._backend.ref(ref)
        try:
            return self._reader.snapshot(state.target) if state and state.target else None
        except (NotFound, Damaged):
            return None

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
