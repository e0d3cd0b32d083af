"""Where it began: what set off that a stage is not valid, followed up from stage to stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.history.edges import input_ref
from aicas.ids import SnapshotId
from aicas.names import Project, RefName, split_ref
from aicas.objects.snapshot import Input, Snapshot
from aicas.validity.comparing import input_reasons, recipe_reasons
from aicas.validity.reasons import (
    Amended,
    InputChanged,
    Invalidated,
    Reason,
    SelectorUnmatched,
)

# A chain of changes longer than this says nothing more; a circle ends there, too.
_LONGEST_CHAIN = 1_000


class Cause(NamedTuple):
    """What set off a change, at the end of a chain of stages."""

    path: tuple[RefName, ...]
    """The refs from the nearest stage to the one where it began."""
    reason: Reason | None
    """What happened there; ``None``: it was made again, from the same, and came out different."""

    def names(self, project: Project) -> tuple[str, ...]:
        """The path as ``project`` names its stages: by key, those of others with their project."""
        parts = (split_ref(ref)[1:] for ref in self.path)
        return tuple(key if owner == project else f"{owner}/{key}" for owner, key in parts)


class Judged(NamedTuple):
    """A stage that was judged."""

    ref: RefName
    reasons: tuple[Reason, ...]
    """Empty when it is valid."""
    snapshot: Snapshot | None
    """Its current version, or the one last there."""
    above: tuple[RefName, ...]
    """Those it was made from that are judged, too."""


class _Step(NamedTuple):
    """A stage in two versions: the one that was used, and the one that would be used now."""

    ref: RefName
    old: SnapshotId | None
    new: SnapshotId | None


class Origins:
    """Finds where changes of inputs began. Each change is followed once, however many ask."""

    def __init__(
        self,
        backend: Backend,
        target: Callable[[RefName], SnapshotId | None],
        read: Callable[[SnapshotId | None], Snapshot | None],
        absence: Callable[[RefName], Reason | None],
        operation: Callable[[int], Operation | None],
    ) -> None:
        """Wire it.

        Args:
            backend: the store's.
            target: says what a ref points at.
            read: gives a snapshot; ``None`` for none, or one that cannot be read.
            absence: says why a ref points at nothing.
            operation: gives an operation of the log.
        """
        self._backend = backend
        self._target = target
        self._read = read
        self._absence = absence
        self._operation = operation
        self._known: dict[_Step, Cause] = {}

    def of(self, stage: Judged) -> Cause | None:
        """What set off that this stage is not valid, where that lies in another one."""
        for reason in stage.reasons:
            if isinstance(reason, Invalidated):
                begun = self._begun(reason)
                if begun is not None and begun != stage.ref:
                    return Cause((begun,), reason)
            if stage.snapshot and isinstance(reason, InputChanged | SelectorUnmatched):
                used = used_input(stage.snapshot.inputs, reason)
                return self._follow(self._step_now(stage.ref, reason, used))
        return None

    def _step_now(
        self, ref: RefName, reason: InputChanged | SelectorUnmatched, used: Input | None
    ) -> _Step:
        above = input_ref(split_ref(ref)[1], reason.key)
        return _Step(above, used.snapshot if used else None, self._target(above))

    def _follow(self, step: _Step) -> Cause:
        """Follow a change up to where it began."""
        trail: list[_Step] = []
        while step not in self._known:
            trail.append(step)
            further = self._further(step)
            if isinstance(further, _Step) and len(trail) < _LONGEST_CHAIN:
                step = further
            else:
                self._known[step] = further if isinstance(further, Cause) else Cause((), None)
        cause = self._known[step]
        if step in trail:
            trail = trail[: trail.index(step)]
        for earlier in reversed(trail):
            cause = self._known[earlier] = Cause((earlier.ref, *cause.path), cause.reason)
        return cause

    def _further(self, step: _Step) -> _Step | Cause:
        """The change that this one came from, or what it came from if it began here.

        Two versions of one stage are compared. Where only their inputs differ, the change came
        from further up.
        """
        here = (step.ref,)
        if step.new is None:
            reason = self._absence(step.ref)
            begun = self._begun(reason) if isinstance(reason, Invalidated) else None
            return Cause(here if begun in (None, step.ref) else (step.ref, RefName(begun)), reason)
        before, after = self._read(step.old), self._read(step.new)
        if before is None or after is None:
            return Cause(here, None)
        changed = next(iter(recipe_reasons(before.recipe, after.recipe)), None)
        above = next(iter(input_reasons(before.inputs, after.inputs)), None)
        if changed is not None or not isinstance(above, InputChanged):
            return Cause(here, changed or above or self._amended(step))
        was, now = used_input(before.inputs, above), used_input(after.inputs, above)
        if was is None or now is None:  # it began to be made from something else
            return Cause(here, above)
        return _Step(input_ref(split_ref(step.ref)[1], above.key), was.snapshot, now.snapshot)

    def _amended(self, step: _Step) -> Amended | None:
        """The operation that put the new version in the old one's place by hand, if that is how."""
        for move in self._backend.reflog(step.ref):
            if move.new == step.new:
                operation = self._operation(move.number)
                if operation and operation.verb == "amend":
                    return Amended(move.number, operation.at, operation.reason)
        return None

    def _begun(self, reason: Invalidated) -> RefName | None:
        """The ref an invalidation began with."""
        operation = self._operation(reason.number)
        begun = operation.facts.get("ref") if operation else None
        return RefName(begun) if isinstance(begun, str) else None


class _First(NamedTuple):
    """What is wrong first, seen from a stage: at the stage itself, or at one above it."""

    above: RefName | None
    """Where to look next, if it is further up."""
    end: Cause
    """What it is, from the last stage on."""


class Causes:
    """What set off that stages are not valid, or rest on some that are not."""

    def __init__(self, stages: Mapping[RefName, Judged], origins: Origins) -> None:
        """Find the causes of all these stages.

        Args:
            stages: judged.
            origins: follows changes of their inputs.
        """
        self._own: dict[RefName, Cause] = {}
        self._first: dict[RefName, _First] = {}
        for ref in _inputs_first(stages):
            self._find(stages[ref], origins)

    def _find(self, stage: Judged, origins: Origins) -> None:
        own = origins.of(stage) if stage.reasons else None
        above = next((name for name in stage.above if name in self._first), None)
        if above is not None:
            self._first[stage.ref] = _First(above, self._first[above].end)
        elif own is not None:
            self._first[stage.ref] = _First(None, Cause((stage.ref, *own.path), own.reason))
        elif stage.reasons:
            self._first[stage.ref] = _First(None, Cause((stage.ref,), stage.reasons[0]))
        if own is not None:
            self._own[stage.ref] = own
        elif above is not None and not stage.reasons:
            self._own[stage.ref] = self._first[above].end

    def end(self, ref: RefName) -> Cause | None:
        """The cause of a stage, where it lies in another; of the path only its end may be there."""
        return self._own.get(ref)

    def path(self, stage: Judged) -> Cause | None:
        """The cause of a stage, where it lies in another, with the whole path to it."""
        own = self._own.get(stage.ref)
        if own is None or stage.reasons:
            return own
        path: list[RefName] = []
        above = self._first[stage.ref].above
        while above is not None and len(path) < _LONGEST_CHAIN:
            path.append(above)
            above = self._first[above].above
        return Cause((*path[:-1], *own.path), own.reason)


def _inputs_first(stages: Mapping[RefName, Judged]) -> Iterator[RefName]:
    """All of them, each after those above it; in a circle, somewhere."""
    begun: set[RefName] = set()
    for start in stages:
        if start in begun:
            continue
        begun.add(start)
        stack = [(start, iter(stages[start].above))]
        while stack:
            ref, above = stack[-1]
            further = next((name for name in above if name not in begun), None)
            if further is None:
                stack.pop()
                yield ref
            else:
                begun.add(further)
                stack.append((further, iter(stages[further].above)))


def used_input(inputs: Sequence[Input], reason: InputChanged | SelectorUnmatched) -> Input | None:
    """How the input that a reason names was used."""
    for item in inputs:
        if (item.key, item.selector) == (reason.key, reason.selector):
            return item
    return None
