"""The only commit point: objects durable first, then the operation that moves refs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aicas.backends.base import ABSENT, Backend, Staged
from aicas.backends.operation import Operation, RefChange
from aicas.clock import Clock
from aicas.errors import Conflict, Vanished
from aicas.history.edges import input_refs
from aicas.ids import BlobId, ObjectId, SnapshotId
from aicas.names import RefName
from aicas.objects.codec import encode_frame
from aicas.objects.payload import Prepared
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot, seal

# A put that keeps losing against others on the same key gives up after this many tries.
MAX_ATTEMPTS = 1_000


@dataclass(frozen=True, slots=True)
class Account:
    """What an operation's record says about who made it and why."""

    verb: str
    reason: str | None = None
    session: str | None = None
    undoes: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Publisher:
    """Commits snapshots and moves of refs to one backend. Safe for many threads."""

    def __init__(
        self,
        backend: Backend,
        reader: ObjectReader,
        clock: Clock,
        actor: str,
        *,
        compress: bool,
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._clock = clock
        self._actor = actor
        self._compress = compress

    def put(
        self,
        ref: RefName,
        prepared: Prepared,
        account: Account,
        build: Callable[[SnapshotId | None], Snapshot],
    ) -> Snapshot:
        """Commit a new version of a stage.

        Whoever publishes at the same time goes before or after: the snapshot's parent is the
        version it replaced, so none is lost from history.

        Args:
            ref: the ref to move to it.
            prepared: its payload's objects.
            account: who and why.
            build: makes the snapshot for a given parent; called again when another version came
                in between.

        Raises:
            Vanished: an input is not in the store (any more).
            Conflict: others published without pause.
            StorageFailed: see ``Backend.publish``.
        """
        staged: Mapping[BlobId, Staged] = prepared.staged
        for _ in range(MAX_ATTEMPTS):
            state = self._backend.ref(ref)
            parent = state.last if state else None
            if parent and self._backend.missing([parent]):
                parent = None  # collected since it was moved away: the history starts anew
            snapshot, data = seal(build(parent))
            raw = {**prepared.raw, snapshot.id: data}
            objects = self._frames(raw)
            objects.update(staged.items())
            relied = [i for i in raw if i not in objects]
            inputs = [item.snapshot for item in snapshot.inputs]
            change = RefChange(
                ref, state.target if state else None, snapshot.id, input_refs(ref, snapshot)
            )
            try:
                self._publish(objects, (change,), account, [*relied, *inputs, *_some(parent)])
                return snapshot
            except Vanished as error:
                if set(error.ids).intersection(inputs):
                    raise
            except Conflict:
                continue
        raise Conflict(f"others kept publishing to {ref}; gave up after {MAX_ATTEMPTS} tries")

    def _frames(self, raw: Mapping[ObjectId, bytes]) -> dict[ObjectId, bytes | Staged]:
        """Frames of the objects the store lacks; the rest costs no encoding."""
        lacking = self._backend.missing(raw)
        return {i: encode_frame(i.kind, raw[i], compress=self._compress) for i in lacking}

    def move(self, changes: Sequence[RefChange], account: Account) -> Operation:
        """Move refs to snapshots that exist already, all or none.

        Raises:
            Conflict: a ref is no longer where ``old`` says.
            Vanished: a snapshot to move to is not in the store (any more).
        """
        return self._publish({}, tuple(changes), account, [c.new for c in changes if c.new])

    def operation(self, changes: tuple[RefChange, ...], account: Account) -> Operation:
        """The operation an account stands for, at this moment."""
        return Operation(
            verb=account.verb,
            at=self._clock(),
            actor=self._actor,
            changes=changes,
            reason=account.reason,
            session=account.session,
            undoes=account.undoes,
            facts=account.facts,
        )

    def change(self, ref: RefName, old: SnapshotId | None, new: SnapshotId | None) -> RefChange:
        """The move of one ref, with the edges of the snapshot it moves to."""
        inputs = input_refs(ref, self._reader.snapshot(new)) if new else ()
        return RefChange(ref, old, new, inputs)

    def _publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        changes: tuple[RefChange, ...],
        account: Account,
        require: Sequence[ObjectId],
    ) -> Operation:
        expect = {c.ref: ABSENT if c.old is None else c.old for c in changes}
        return self._backend.publish(objects, self.operation(changes, account), expect, require)


def _some(value: SnapshotId | None) -> list[ObjectId]:
    return [] if value is None else [value]
