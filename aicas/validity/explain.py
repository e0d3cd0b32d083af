"""Why a stage is not valid: every reason, what changed, and the first cause upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aicas.backends.base import Backend
from aicas.errors import Damaged, NotFound
from aicas.history.edges import input_ref, input_refs
from aicas.ids import SnapshotId
from aicas.names import RefName, quarantine_ref, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost, Input, Snapshot
from aicas.validity.cause import Cause, Causes, Judged, Origins, used_input
from aicas.validity.check import Checker, Miss, Standing
from aicas.validity.inputs import InputDigests
from aicas.validity.reasons import InputChanged, Reason, SelectorUnmatched
from aicas.validity.status import state_of

MOST_ABOVE = 100
"""How many of the stages a valid one rests on are looked at, the nearest first."""


class Change(NamedTuple):
    """One reason, with the two things that differ where there are such."""

    reason: Reason
    old: Snapshot | None = None
    """Of a changed input: the version that was used."""
    new: Snapshot | None = None
    """Of a changed input: the version that would be used now."""
    selector: str | None = None
    """Of a changed input: the part that is read."""


class Explanation(NamedTuple):
    """How a stage stands, and why."""

    ref: RefName
    state: str
    snapshot: Snapshot | None
    """Its current version, or the one last there."""
    changes: tuple[Change, ...]
    """Every reason that keeps it from being used; empty when it is valid."""
    cause: Cause | None
    """The first cause, when it lies upstream; of a valid stage, what it rests on that is not."""
    earlier: Snapshot | None
    """An earlier version that is just what is wanted: a lookup brings it back, at no cost."""
    cost: Cost | None
    """What it cost last time, as the estimate of making it again; ``None``: never recorded."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons alone."""
        return tuple(change.reason for change in self.changes)


class Explainer:
    """Explains stages of one store at one moment."""

    def __init__(
        self, backend: Backend, reader: ObjectReader, digests: InputDigests, checker: Checker
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._digests = digests
        self._checker = checker
        self._snapshots: dict[SnapshotId, Snapshot] = {}

    def explain(
        self,
        standing: Standing,
        recipe: Mapping[str, Any] | None,
        wanted: Sequence[Input] | None,
    ) -> Explanation:
        """Everything about one stage; the arguments are those of ``Checker.check``."""
        found = self._checker.check(standing, recipe, wanted)
        reasons = found.reasons if isinstance(found, Miss) else ()
        state = standing.state or standing.aside
        snapshot = self._snapshot((state.target or state.last) if state else None)
        is_live = standing.state is not None and standing.state.target is not None
        return Explanation(
            standing.ref,
            state_of(reasons, is_live=is_live),
            snapshot,
            tuple(self._change(standing.ref, snapshot, reason) for reason in reasons),
            self._cause(standing.ref, snapshot, reasons),
            self._earlier(standing.ref, snapshot, recipe, wanted) if reasons else None,
            snapshot.cost if snapshot else None,
        )

    def _earlier(
        self,
        ref: RefName,
        snapshot: Snapshot | None,
        recipe: Mapping[str, Any] | None,
        wanted: Sequence[Input] | None,
    ) -> Snapshot | None:
        if snapshot is None or wanted is None:
            return None
        return self._checker.recall(ref, snapshot.recipe if recipe is None else recipe, wanted)

    def _change(self, ref: RefName, snapshot: Snapshot | None, reason: Reason) -> Change:
        if snapshot is None or not isinstance(reason, InputChanged | SelectorUnmatched):
            return Change(reason)
        used = used_input(snapshot.inputs, reason)
        old = self._snapshot(used.snapshot if used else None)
        return Change(reason, old, self._current(ref, reason.key), reason.selector)

    def _cause(
        self, ref: RefName, snapshot: Snapshot | None, reasons: tuple[Reason, ...]
    ) -> Cause | None:
        origins = Origins(
            self._backend, self._points_at, self._snapshot, self._absence, self._checker.operation
        )
        above = input_refs(ref, snapshot) if snapshot else ()
        if reasons:
            return origins.of(Judged(ref, reasons, snapshot, ()))
        stages = self._judged_above(above)
        known = tuple(name for name in above if name in stages)
        stages[ref] = stage = Judged(ref, (), snapshot, known)
        return Causes(stages, origins).path(stage)

    def _judged_above(self, nearest: Sequence[RefName]) -> dict[RefName, Judged]:
        """The stages that a stage rests on, judged, level by level: at most ``MOST_ABOVE``."""
        standings: dict[RefName, Standing] = {}
        level = list(nearest)
        while level and len(standings) < MOST_ABOVE:
            for name in level[: MOST_ABOVE - len(standings)]:
                standings[name] = self._standing(name)
            targets = [s.state.target for name in level if (s := standings.get(name)) and s.state]
            self._snapshots |= self._reader.snapshots({target for target in targets if target})
            further = (name for ref in level for name in self._inputs_of(standings.get(ref)))
            level = [name for name in dict.fromkeys(further) if name not in standings]
        judged = {}
        for ref, standing in standings.items():
            above = tuple(name for name in self._inputs_of(standing) if name in standings)
            judged[ref] = Judged(ref, self._reasons(standing), self._target(standing), above)
        return judged

    def _standing(self, ref: RefName) -> Standing:
        _, project, key = split_ref(ref)
        aside = self._backend.ref(quarantine_ref(project, key))
        return Standing(ref, self._backend.ref(ref), aside)

    def _target(self, standing: Standing | None) -> Snapshot | None:
        state = standing.state if standing else None
        return self._snapshot(state.target) if state else None

    def _inputs_of(self, standing: Standing | None) -> tuple[RefName, ...]:
        snapshot = self._target(standing)
        return input_refs(standing.ref, snapshot) if standing and snapshot else ()

    def _reasons(self, standing: Standing) -> tuple[Reason, ...]:
        snapshot = self._target(standing)
        inputs = snapshot.inputs if snapshot else ()
        wanted = self._digests.now(inputs, lambda key: self._current(standing.ref, key))
        found = self._checker.check(standing, None, wanted)
        return found.reasons if isinstance(found, Miss) else ()

    def _absence(self, ref: RefName) -> Reason | None:
        found = self._checker.check(self._standing(ref), None, None)
        return found.reasons[0] if isinstance(found, Miss) else None

    def _current(self, ref: RefName, key: str) -> Snapshot | None:
        """The current version of an input of the stage at ``ref``."""
        return self._snapshot(self._points_at(input_ref(split_ref(ref)[1], key)))

    def _points_at(self, ref: RefName) -> SnapshotId | None:
        state = self._backend.ref(ref)
        return state.target if state else None

    def _snapshot(self, snapshot_id: SnapshotId | None) -> Snapshot | None:
        if snapshot_id is None:
            return None
        try:
            return self._snapshots.get(snapshot_id) or self._reader.snapshot(snapshot_id)
        except (NotFound, Damaged):
            return None
