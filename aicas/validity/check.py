"""Judging what refs point at: a hit, or a miss with every reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from aicas.backends.base import Backend, RefState
from aicas.backends.operation import Operation
from aicas.errors import Damaged, NotFound
from aicas.history.evicted import evicted_payload
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId, TreeId
from aicas.names import RefName, live_ref, split_ref
from aicas.objects.codec import LARGE
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import FAILED, Input, PayloadRef, Snapshot
from aicas.validity.comparing import input_reasons, recipe_reasons
from aicas.validity.reasons import (
    Evicted,
    Expired,
    Invalidated,
    NeverStored,
    PayloadUnreadable,
    Quarantined,
    Reason,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """The artifact wanted is stored and good to use."""

    snapshot: Snapshot
    moved: bool = False
    """Whether the ref had to be moved back to it, from another or from nothing."""

    def __bool__(self) -> Literal[True]:
        return True


@dataclass(frozen=True, slots=True)
class Miss:
    """It is not; ``reasons`` says everything that stands in the way."""

    reasons: tuple[Reason, ...]

    def __bool__(self) -> Literal[False]:
        return False

    def __str__(self) -> str:
        return "; ".join(str(reason) for reason in self.reasons)


class Standing(NamedTuple):
    """Where a stage stands: its ref, and what was put aside for it."""

    ref: RefName
    state: RefState | None
    aside: RefState | None = None
    """Where its quarantine ref stands."""


PayloadProblem = Callable[[PayloadRef], str | None]
"""Says why a payload cannot be given back; ``None`` if it can."""


def read_through(backend: Backend, reader: ObjectReader) -> PayloadProblem:
    """Judge a payload by reading and hashing its top object, which is kept for whoever asked.

    Of one too large to keep only the presence is judged, or every lookup would read it all.
    """

    def problem(payload: PayloadRef) -> str | None:
        absent = absent_among(backend.missing([payload.id]))(payload)
        if absent:  # though a reader that knows it may still have it in memory
            return absent
        try:
            if payload.kind == Kind.TREE:
                reader.tree(TreeId(payload.id))
            elif payload.size_bytes <= LARGE:
                reader.blob(BlobId(payload.id))
        except (NotFound, Damaged) as error:
            return str(error)
        return None

    return problem


def absent_among(missing: Collection[ObjectId]) -> PayloadProblem:
    """Judge a payload by whether its top object is held; ``missing`` are those that are not."""

    def problem(payload: PayloadRef) -> str | None:
        if payload.id in missing:
            return f"payload {payload.id.short} is not in the store"
        return None

    return problem


class Checker:
    """Judges refs of one store at one moment."""

    def __init__(
        self, backend: Backend, reader: ObjectReader, now: int, problem: PayloadProblem
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._now = now
        self._problem = problem
        self._operations: dict[int, Operation | None] = {}

    def check(
        self,
        standing: Standing,
        recipe: Mapping[str, Any] | None,
        wanted: Sequence[Input] | None,
    ) -> Hit | Miss:
        """Judge what a stage's ref points at.

        Args:
            standing: where the stage stands.
            recipe: as it would be run now; ``None`` leaves the recipe out of the judgement.
            wanted: inputs as they would be used now; ``None`` leaves them out.
        """
        state = standing.state
        if state is None or state.target is None:
            return Miss(tuple(self._absence(standing)))
        try:
            snapshot = self._reader.snapshot(state.target)
        except (NotFound, Damaged) as error:
            return Miss((PayloadUnreadable(state.target, str(error)),))
        return self.judge(standing, snapshot, recipe, wanted)

    def judge(
        self,
        standing: Standing,
        snapshot: Snapshot,
        recipe: Mapping[str, Any] | None,
        wanted: Sequence[Input] | None,
    ) -> Hit | Miss:
        """Judge a stage whose current version was read before; otherwise as ``check``."""
        reasons = [*self.reasons(standing.ref, snapshot, recipe, wanted)]
        _, state, aside = standing
        if state and snapshot.validation_status == FAILED:
            reasons.append(self._quarantined(state, snapshot.id))
        if reasons and aside and aside.target and (not state or aside.number > state.number):
            reasons.append(self._quarantined(aside, aside.target))
        return Miss(tuple(reasons)) if reasons else Hit(snapshot)

    def reasons(
        self,
        ref: RefName,
        snapshot: Snapshot,
        recipe: Mapping[str, Any] | None,
        wanted: Sequence[Input] | None,
    ) -> Iterator[Reason]:
        """Everything that keeps a snapshot, which a ref points or pointed at, from being wanted."""
        if snapshot.expiry_time is not None and snapshot.expiry_time <= self._now:
            yield Expired(snapshot.expiry_time)
        problem = self._problem(snapshot.payload)
        if problem:
            yield self._lost(ref, snapshot.payload, problem)
        if recipe is not None:
            yield from recipe_reasons(snapshot.recipe, recipe)
        if wanted is not None:
            yield from input_reasons(snapshot.inputs, wanted)

    def _lost(self, ref: RefName, payload: PayloadRef, problem: str) -> Reason:
        eviction = evicted_payload(self._backend, ref, payload.id)
        if eviction is not None:
            return Evicted(eviction.number, eviction.at, eviction.reason)
        return PayloadUnreadable(payload.id, problem)

    def _absence(self, standing: Standing) -> Iterator[Reason]:
        """Why a ref points at nothing."""
        _, state, aside = standing
        kept = aside.target if aside else None
        operation = self.operation(state.number) if state else None
        # What went to quarantine did not leave for another reason.
        if state is not None and not (kept and operation and operation.verb == "quarantine"):
            yield self._departure(state, operation)
        if aside is not None and kept:
            yield self._quarantined(aside, kept)
        elif state is None and aside is not None:
            yield self._departure(aside, self.operation(aside.number))
        elif state is None:
            yield NeverStored()

    def _departure(self, state: RefState, operation: Operation | None) -> Reason:
        if operation is None:
            return Invalidated("lost", state.number, 0, None)
        if operation.verb == "expire":
            last = self._reader.snapshots([state.last]).get(state.last)
            return Expired(operation.at if not last else last.expiry_time or operation.at)
        return Invalidated(operation.verb, state.number, operation.at, operation.reason)

    def _quarantined(self, aside: RefState, kept: SnapshotId) -> Reason:
        operation = self.operation(aside.number)
        at, why = (operation.at, operation.reason) if operation else (0, None)
        return Quarantined(aside.number, at, kept, why)

    def operation(self, number: int) -> Operation | None:
        """An operation of the log, read once; one that moved many refs takes long to read."""
        if number not in self._operations:
            self._operations[number] = self._backend.operation(number)
        return self._operations[number]

    def recall(
        self, ref: RefName, recipe: Mapping[str, Any], wanted: Sequence[Input]
    ) -> Snapshot | None:
        """An earlier run of this recipe and these inputs that is still good: a trace.

        The ref's own moves are the record of traces. An invalidation of this very key that was
        not undone revokes what came before it; one of a key it was made from does not. (The
        constructive traces of Mokhov, Mitchell, Peyton Jones: Build Systems à la Carte, 2018.)
        """
        _, project, key = split_ref(ref)
        named = live_ref(project, key)
        undone: set[int] = set()
        revoked: set[SnapshotId | None] = set()
        for move in self._backend.reflog(ref):
            operation = self.operation(move.number)
            if operation is None or move.number in undone:
                continue
            if operation.undoes is not None:
                undone.add(operation.undoes)
            if operation.verb == "clear" or (
                operation.verb == "invalidate" and operation.facts.get("ref") == named
            ):
                return None
            if operation.verb == "quarantine":
                revoked.add(move.old)
            if move.new and move.new not in revoked:
                found = self._reader.snapshots([move.new]).get(move.new)
                if found and self._fits(ref, found, recipe, wanted):
                    return found
        return None

    def _fits(
        self,
        ref: RefName,
        snapshot: Snapshot,
        recipe: Mapping[str, Any],
        wanted: Sequence[Input],
    ) -> bool:
        if snapshot.validation_status == FAILED:
            return False
        return not any(self.reasons(ref, snapshot, recipe, wanted))
