"""The only commit point: objects durable first, then the operation that moves refs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aicas.backends.base import ABSENT, Backend, RefState, Staged
from aicas.backends.operation import Operation, RefChange
from aicas.clock import Clock
from aicas.errors import Conflict, Vanished
from aicas.history.edges import input_refs
from aicas.ids import ObjectId, SnapshotId
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


class Draft(NamedTuple):
    """What a put is to commit."""

    snapshot: Snapshot
    moves: tuple[RefName, ...]
    """Refs to move to it."""
    clears: tuple[RefName, ...]
    """Refs to move away, if they point at anything."""
    account: Account
    doubted: bool = False
    """Whether what is held of the payload may be damaged: then it is read, and written anew."""


Drafter = Callable[[Mapping[RefName, RefState | None]], Draft]


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

    def put(self, refs: Sequence[RefName], prepared: Prepared, draft: Drafter) -> Snapshot:
        """Commit a new version of a stage.

        Whoever publishes at the same time goes before or after: the snapshot is drafted for where
        the refs stand at that moment, so no version is lost from history.

        Args:
            refs: those the draft depends on.
            prepared: the payload's objects.
            draft: says what to commit; called again when another change came in between.

        Raises:
            Vanished: an input is not in the store (any more).
            Conflict: others published without pause.
            StorageFailed: see ``Backend.publish``.
        """
        for _ in range(MAX_ATTEMPTS):
            seen = self._backend.stamp()
            states = {ref: self._backend.ref(ref) for ref in refs}
            wanted = draft(states)
            if wanted.doubted and self._drop_damaged([*prepared.raw, *prepared.staged]):
                continue
            snapshot, data, missing = self._sealed(wanted.snapshot, prepared)
            objects: dict[ObjectId, bytes | Staged] = {
                i: self._encoded(i, raw) for i, raw in prepared.raw.items() if i in missing
            }
            objects.update(prepared.staged.items())
            if snapshot.id in missing:
                objects[snapshot.id] = self._encoded(snapshot.id, data)
            changes = tuple(_changes(wanted, states, snapshot))
            required = [*prepared.raw, *_needed(snapshot)]
            operation = self.operation(changes, wanted.account)
            expect = {c.ref: ABSENT if c.old is None else c.old for c in changes}
            try:
                looked = None if prepared.staged else seen
                self._backend.publish(objects, operation, expect, required, looked)
            except (Conflict, Vanished):
                continue
            self._reader.keep(snapshot, len(data))
            return snapshot
        raise Conflict(f"others kept publishing to {refs[0]}; gave up after {MAX_ATTEMPTS} tries")

    def _sealed(
        self, drafted: Snapshot, prepared: Prepared
    ) -> tuple[Snapshot, bytes, set[ObjectId]]:
        """The snapshot, its bytes, and which of it and its objects the store does not hold.

        Raises:
            Vanished: an input, or a payload that was not brought along.
        """
        snapshot, data = seal(drafted)
        needed = _needed(snapshot)
        missing = self._backend.missing([*prepared.raw, *needed, snapshot.id])
        if drafted.parent in missing:  # a history whose end is gone starts anew
            return self._sealed(drafted._replace(parent=None), prepared)
        brought = {*prepared.raw, *prepared.staged}
        gone = [i for i in needed if i in missing and i not in brought]
        if gone:
            raise Vanished(gone)
        return snapshot, data, missing

    def _drop_damaged(self, ids: Sequence[ObjectId]) -> bool:
        """Delete those objects whose bytes are not what their ids say, so that they come anew.

        Tells whether there were any.

        There must never be a moment when an object that is whole is deleted. Between the look
        and the deletion another may have written it anew, so what was committed since makes for
        another look, while nobody can commit.
        """
        seen = self._backend.last_number()
        damaged = self._damaged(ids)
        if damaged:
            operation = self.operation((), Account("repair", facts={"objects": damaged}))

            def spare(newer: Sequence[Operation]) -> set[ObjectId]:
                return set(damaged).difference(self._damaged(damaged))

            self._backend.delete(damaged, operation, seen, spare)
        return bool(damaged)

    def _damaged(self, ids: Sequence[ObjectId]) -> list[ObjectId]:
        """Those objects that are held, and not whole."""
        held = set(ids) - self._backend.missing(ids)
        return [i for i in ids if i in held and self._reader.is_damaged(i)]

    def restate(self, refs: Sequence[RefName], draft: Drafter) -> Snapshot:
        """Commit a new snapshot of a payload that is stored already; otherwise as ``put``."""
        payload = draft({ref: self._backend.ref(ref) for ref in refs}).snapshot.payload
        return self.put(refs, Prepared(payload, {}, {}), draft)

    def _encoded(self, object_id: ObjectId, data: bytes) -> bytes:
        """An object as the backend takes it."""
        return encode_frame(object_id.kind, data, compress=self._compress)

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


def _changes(
    draft: Draft, states: Mapping[RefName, RefState | None], snapshot: Snapshot
) -> Iterator[RefChange]:
    for ref in draft.moves:
        state = states[ref]
        yield RefChange(
            ref, state.target if state else None, snapshot.id, input_refs(ref, snapshot)
        )
    for ref in draft.clears:
        state = states[ref]
        if state and state.target:
            yield RefChange(ref, state.target, None)


def _needed(snapshot: Snapshot) -> list[ObjectId]:
    """What must be held when a snapshot is published, beside what its payload is made of."""
    inputs = [item.snapshot for item in snapshot.inputs]
    parent = [] if snapshot.parent is None else [snapshot.parent]
    return [snapshot.payload.id, *inputs, *parent]
