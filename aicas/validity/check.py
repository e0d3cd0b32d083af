"""Looking a stage up: a hit, or a miss with every reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aicas.backends.base import Backend
from aicas.errors import Damaged, NotFound
from aicas.ids import BlobId, Kind, SnapshotId, TreeId
from aicas.names import RefName
from aicas.objects.codec import LARGE
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Input, Snapshot
from aicas.validity.reasons import (
    Expired,
    InputChanged,
    Invalidated,
    NeverStored,
    PayloadUnreadable,
    Reason,
    RecipeChanged,
    ValidationFailed,
)
from aicas.validity.recipe import PROMPT


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


class Checker:
    """Judges refs of one store at one moment."""

    def __init__(self, backend: Backend, reader: ObjectReader, now: int) -> None:
        self._backend = backend
        self._reader = reader
        self._now = now

    def check(
        self, ref: RefName, recipe: Mapping[str, Any] | None, wanted: Sequence[Input] | None
    ) -> Hit | Miss:
        """Judge what a ref points at.

        Args:
            ref: the stage's live ref.
            recipe: as it would be run now; ``None`` leaves the recipe out of the judgement.
            wanted: inputs as they would be used now; ``None`` leaves them out.
        """
        state = self._backend.ref(ref)
        if state is None:
            return Miss((NeverStored(),))
        if state.target is None:
            return Miss((self._departure(state.number),))
        try:
            snapshot = self._reader.snapshot(state.target)
        except (NotFound, Damaged) as error:
            return Miss((PayloadUnreadable(state.target, str(error)),))
        reasons = [*self.own_reasons(snapshot)]
        if recipe is not None:
            reasons += _recipe_reasons(snapshot.recipe, recipe)
        if wanted is not None:
            reasons += _input_reasons(snapshot.inputs, wanted)
        return Miss(tuple(reasons)) if reasons else Hit(snapshot)

    def _departure(self, number: int) -> Reason:
        operation = self._backend.operation(number)
        if operation is None:
            return Invalidated("lost", number, 0, None)
        return Invalidated(operation.verb, number, operation.at, operation.reason)

    def own_reasons(self, snapshot: Snapshot) -> Iterator[Reason]:
        """What is wrong with a snapshot whatever recipe and inputs are wanted."""
        if snapshot.expiry_time is not None and snapshot.expiry_time <= self._now:
            yield Expired(snapshot.expiry_time)
        if snapshot.validation_status == "failed":
            yield ValidationFailed()
        problem = self._payload_problem(snapshot)
        if problem:
            yield PayloadUnreadable(snapshot.payload.id, problem)

    def _payload_problem(self, snapshot: Snapshot) -> str | None:
        """Why the payload's top object cannot be given back.

        It is read and hashed, and then kept for whoever asked; only of one too large to keep
        nothing but its presence is judged, or every lookup would read it all.
        """
        payload = snapshot.payload
        try:
            if payload.kind == Kind.TREE:
                self._reader.tree(TreeId(payload.id))
            elif payload.size_bytes <= LARGE:
                self._reader.blob(BlobId(payload.id))
            elif self._backend.missing([payload.id]):
                return f"payload {payload.id.short} is not in the store"
        except (NotFound, Damaged) as error:
            return str(error)
        return None

    def recall(self, ref: RefName, fingerprint: bytes) -> Snapshot | None:
        """An earlier run with this fingerprint that is still good: a constructive trace.

        The ref's own moves are the record of traces. An invalidation that was not undone revokes
        what came before it. (Mokhov, Mitchell, Peyton Jones: Build Systems à la Carte, 2018.)
        """
        undone: set[int] = set()
        for move in self._backend.reflog(ref):
            operation = self._backend.operation(move.number)
            if operation is None or move.number in undone:
                continue
            if operation.undoes is not None:
                undone.add(operation.undoes)
            if operation.verb == "invalidate":
                return None
            if move.new and self._traced(move.new, fingerprint):
                return self._reader.snapshot(move.new)
        return None

    def _traced(self, snapshot_id: SnapshotId, fingerprint: bytes) -> bool:
        try:
            snapshot = self._reader.snapshot(snapshot_id)
        except (NotFound, Damaged):
            return False
        return snapshot.fingerprint == fingerprint and not any(self.own_reasons(snapshot))


def _recipe_reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for name in sorted({*old, *new}):
        # The hash and the text of a prompt change together; the text says more.
        if name == "prompt_hash" and PROMPT in old and PROMPT in new:
            continue
        before, after = old.get(name), new.get(name)
        if before != after or type(before) is not type(after):
            yield RecipeChanged(name, before, after)


def _input_reasons(old: Sequence[Input], new: Sequence[Input]) -> Iterator[Reason]:
    before = {(item.key, item.selector): item.digest for item in old}
    after = {(item.key, item.selector): item.digest for item in new}
    for name in sorted({*before, *after}, key=lambda pair: (pair[0], pair[1] or "")):
        if before.get(name) != after.get(name):
            yield InputChanged(name[0], before.get(name), after.get(name))
