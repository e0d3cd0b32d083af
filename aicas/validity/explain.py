"""Why a stage is not valid: every reason, what changed, and the first cause upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aicas.backends.base import Backend
from aicas.errors import Damaged, NotFound
from aicas.history.edges import input_ref, input_refs
from aicas.ids import SnapshotId
from aicas.names import Project, RefName, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost, Input, Snapshot
from aicas.validity.check import Checker, Miss, Standing
from aicas.validity.comparing import input_reasons, recipe_reasons
from aicas.validity.inputs import InputDigests
from aicas.validity.reasons import InputChanged, Invalidated, Reason, SelectorUnmatched
from aicas.validity.status import state_of

# A chain of causes longer than this says nothing more; a circle ends there, too.
_LONGEST_CHAIN = 1_000


class Change(NamedTuple):
    """One reason, with the two things that differ where there are such."""

    reason: Reason
    old: Snapshot | None = None
    """Of a changed input: the version that was used."""
    new: Snapshot | None = None
    """Of a changed input: the version that would be used now."""
    selector: str | None = None
    """Of a changed input: the part that is read."""


class Cause(NamedTuple):
    """What set off a change, at the end of a chain of stages."""

    path: tuple[str, ...]
    """The keys from the nearest input to the one where it began."""
    reason: Reason | None
    """What happened there; ``None``: it was made again, from the same, and came out different."""


class Explanation(NamedTuple):
    """How a stage stands, and why."""

    ref: RefName
    state: str
    snapshot: Snapshot | None
    """Its current version, or the one last there."""
    changes: tuple[Change, ...]
    """Every reason that keeps it from being used; empty when it is valid."""
    cause: Cause | None
    """The first cause, when it lies upstream."""
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
        _, project, _ = split_ref(standing.ref)
        return Explanation(
            standing.ref,
            state_of(reasons, is_live=is_live),
            snapshot,
            tuple(self._change(project, snapshot, reason) for reason in reasons),
            self._cause(standing, snapshot, reasons),
            snapshot.cost if snapshot else None,
        )

    def _change(self, project: Project, snapshot: Snapshot | None, reason: Reason) -> Change:
        if snapshot is None or not isinstance(reason, InputChanged | SelectorUnmatched):
            return Change(reason)
        used = _used(snapshot, reason)
        old = self._snapshot(used.snapshot if used else None)
        return Change(reason, old, self._current(project, reason.key), reason.selector)

    def _cause(
        self, standing: Standing, snapshot: Snapshot | None, reasons: tuple[Reason, ...]
    ) -> Cause | None:
        _, project, _ = split_ref(standing.ref)
        for reason in reasons:
            if isinstance(reason, Invalidated):
                begun = self._begun(reason)
                if begun is not None and begun != standing.ref:
                    return Cause((self._name(project, begun),), reason)
            if snapshot and isinstance(reason, InputChanged | SelectorUnmatched):
                return self._upstream(project, snapshot, reason)
        return None if reasons or snapshot is None else self._below_invalid(project, snapshot)

    def _below_invalid(self, project: Project, snapshot: Snapshot) -> Cause | None:
        """The first stage, looking from the top, that a valid one rests on and that is not."""
        order: dict[RefName, Standing] = {}
        todo = [input_ref(project, item.key) for item in snapshot.inputs]
        while todo:
            ref = todo.pop()
            if ref not in order:
                order[ref] = Standing(ref, self._backend.ref(ref))
                todo += self._above(order[ref])
        for ref in reversed(order):
            found = self._checker.check(order[ref], None, self._wanted(order[ref]))
            if isinstance(found, Miss):
                return Cause((self._name(project, ref),), found.reasons[0])
        return None

    def _above(self, standing: Standing) -> tuple[RefName, ...]:
        snapshot = self._snapshot(standing.state.target if standing.state else None)
        return input_refs(standing.ref, snapshot) if snapshot else ()

    def _wanted(self, standing: Standing) -> tuple[Input, ...]:
        snapshot = self._snapshot(standing.state.target if standing.state else None)
        if snapshot is None:
            return ()
        _, project, _ = split_ref(standing.ref)
        return self._digests.now(snapshot.inputs, lambda key: self._current(project, key))

    def _begun(self, reason: Invalidated) -> RefName | None:
        """The ref an invalidation began with."""
        operation = self._backend.operation(reason.number)
        begun = operation.facts.get("ref") if operation else None
        return RefName(begun) if isinstance(begun, str) else None

    @staticmethod
    def _name(project: Project, ref: RefName) -> str:
        _, owner, key = split_ref(ref)
        return key if owner == project else f"{owner}/{key}"

    def _upstream(
        self, project: Project, snapshot: Snapshot, reason: InputChanged | SelectorUnmatched
    ) -> Cause:
        """Follow a changed input up to where the change began.

        Each step compares two versions of one stage: the one that was used, and the one that
        would be used now. Where only their inputs differ, the change came from further up.
        """
        path = [reason.key]
        used = _used(snapshot, reason)
        before = self._snapshot(used.snapshot if used else None)
        after = self._current(project, reason.key)
        if after is None:
            absence = self._absence(project, input_ref(project, reason.key), path)
            return Cause(tuple(path), absence)
        begun: Reason | None = reason
        while before is not None and after is not None and len(path) < _LONGEST_CHAIN:
            begun = next(iter(recipe_reasons(before.recipe, after.recipe)), None)
            above = next(iter(input_reasons(before.inputs, after.inputs)), None)
            if begun is not None or not isinstance(above, InputChanged):
                break
            path.append(above.key)
            begun = above
            was, now = _used(before, above), _used(after, above)
            before = self._snapshot(was.snapshot if was else None)
            after = self._snapshot(now.snapshot if now else None)
        return Cause(tuple(path), begun)

    def _absence(self, project: Project, ref: RefName, path: list[str]) -> Reason | None:
        found = self._checker.check(Standing(ref, self._backend.ref(ref)), None, None)
        reason = found.reasons[0] if isinstance(found, Miss) else None
        if isinstance(reason, Invalidated):
            begun = self._begun(reason)
            if begun is not None and begun != ref:
                path.append(self._name(project, begun))
        return reason

    def _target(self, project: Project, key: str) -> SnapshotId | None:
        state = self._backend.ref(input_ref(project, key))
        return state.target if state else None

    def _current(self, project: Project, key: str) -> Snapshot | None:
        return self._snapshot(self._target(project, key))

    def _snapshot(self, snapshot_id: SnapshotId | None) -> Snapshot | None:
        try:
            return self._reader.snapshot(snapshot_id) if snapshot_id else None
        except (NotFound, Damaged):
            return None


def _used(snapshot: Snapshot, reason: InputChanged | SelectorUnmatched) -> Input | None:
    """How a snapshot used the input that a reason names."""
    for item in snapshot.inputs:
        if (item.key, item.selector) == (reason.key, reason.selector):
            return item
    return None
