"""Operations that move refs between snapshots that exist: undo, pin, invalidate, recall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.backends.operation import Operation, RefChange
from aicas.errors import Conflict, InvalidInput, NotFound, Vanished
from aicas.history.evicted import EVICT
from aicas.history.log import find_operation
from aicas.history.publish import Account, Publisher
from aicas.ids import SnapshotId
from aicas.names import Key, RefName, split_ref

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves refs of one store. Each method is one operation, all or nothing."""

    backend: Backend
    publisher: Publisher

    def undo(self, number: int | None, reason: str | None, session: str | None) -> Operation:
        """Put back what an operation moved.

        Args:
            number: the operation; ``None`` for the newest one that is no undo and not undone.
            reason: why.
            session: recorded.

        Raises:
            NotFound: no such operation, or none left to undo.
            InvalidInput: it moved no ref, or dropped payloads.
            Conflict: a ref it moved has been moved again since.
            Vanished: what it moved away from was collected.
        """
        done = self._newest_undoable() if number is None else find_operation(self.backend, number)
        if done.verb == EVICT:
            raise InvalidInput(
                f"operation {done.number} dropped payloads, which nothing brings back",
                hint="what is made again is held again",
            )
        if not done.changes:
            raise InvalidInput(f"operation {done.number} ({done.verb}) moved no ref to put back")
        changes = [self._back(done, change) for change in done.changes]
        account = Account("undo", reason, session, undoes=done.number)
        return self.publisher.move(changes, account)

    def _newest_undoable(self) -> Operation:
        undone: set[int] = set()
        for operation in self.backend.operations():
            if operation.number in undone:
                continue
            if operation.undoes is not None:
                undone.add(operation.undoes)
            elif operation.changes and operation.verb != EVICT:
                return operation
        raise NotFound("there is no operation left to undo")

    def _back(self, done: Operation, change: RefChange) -> RefChange:
        state = self.backend.ref(change.ref)
        if (state.target if state else None) != change.new:
            by = f" by operation {state.number}" if state else ""
            raise Conflict(
                f"{change.ref} was moved again{by} after operation {done.number}",
                hint=f"undo operation {state.number} first" if state else None,
            )
        try:
            return self.publisher.change(change.ref, change.new, change.old)
        except NotFound as error:
            raise Vanished([change.old] if change.old else []) from error

    def pin(
        self, targets: Mapping[RefName, SnapshotId], account: Account, key: str
    ) -> Operation | None:
        """Make refs point at just these snapshots; ``None`` if they do already.

        Raises:
            Conflict: others moved the same refs again and again.
            Vanished: one of the snapshots is not in the store (any more).
        """

        def plan() -> Iterator[RefChange]:
            for ref, target in targets.items():
                state = self.backend.ref(ref)
                stands = state.target if state else None
                if stands != target:
                    yield self.publisher.change(ref, stands, target)

        return self.settle(plan, account, key) if any(plan()) else None

    def start(self, targets: Mapping[RefName, SnapshotId], account: Account) -> Operation:
        """Make refs that point at nothing point at these snapshots; no object is copied.

        Raises:
            Conflict: one of the refs points at something by now.
            Vanished: one of the snapshots is not in the store (any more).
        """
        changes = [self.publisher.change(ref, None, target) for ref, target in targets.items()]
        return self.publisher.move(changes, account)

    def invalidate(self, refs: Sequence[RefName], reason: str | None) -> Operation:
        """Move a ref and its dependents away; snapshots stay until nothing remembers them.

        Args:
            refs: the live ref that is invalid, then what goes with it.
            reason: why.

        Raises:
            NotFound: none of the refs points at anything.
            Conflict: the refs were moved meanwhile, again and again.
        """
        _, _, key = split_ref(refs[0])

        def plan() -> Iterator[RefChange]:
            for ref in refs:
                state = self.backend.ref(ref)
                if state and state.target:
                    yield RefChange(ref, state.target, None)

        return self.settle(plan, Account("invalidate", reason, facts={"ref": refs[0]}), key)

    def settle(
        self, plan: Callable[[], Iterable[RefChange]], account: Account, key: str
    ) -> Operation:
        """Commit moves that depend on where refs stand; planned again when others come between.

        Raises:
            NotFound: there is nothing to move.
            Conflict: others moved the same refs again and again.
            Vanished: a snapshot to move to is not in the store (any more).
        """
        for _ in range(_ATTEMPTS):
            changes = list(plan())
            if not changes:
                raise NotFound(f"{key} has no current version to {account.verb}")
            try:
                return self.publisher.move(changes, account)
            except Vanished:
                raise
            except Conflict:
                continue
        raise Conflict(f"others kept moving {key} and what depends on it")

    def quarantine(
        self, key: Key, refs: Sequence[RefName], aside: RefName, reason: str
    ) -> Operation:
        """Put aside what refs point at: the first one's target goes where no lookup finds it.

        Args:
            key: the stage.
            refs: its live ref, then those of its samples.
            aside: its quarantine ref.
            reason: why.

        Raises:
            NotFound: there is no current version.
            Conflict: as ``settle``.
        """

        def plan() -> Iterator[RefChange]:
            states = {ref: self.backend.ref(ref) for ref in refs}
            live = states[refs[0]]
            target = live.target if live else None
            if target is None:
                return
            for ref, state in states.items():
                if state and state.target == target:
                    yield RefChange(ref, target, None)
            kept = self.backend.ref(aside)
            if not kept or kept.target != target:
                yield self.publisher.change(aside, kept.target if kept else None, target)

        return self.settle(plan, Account("quarantine", reason), key)

    def choose(self, key: Key, ref: RefName, chosen: SnapshotId, reason: str | None) -> Operation:
        """Make one of several outputs the current version.

        Raises:
            Conflict: as ``settle``.
        """

        def plan() -> Iterator[RefChange]:
            state = self.backend.ref(ref)
            yield self.publisher.change(ref, state.target if state else None, chosen)

        return self.settle(plan, Account("choose", reason), key)

    def recall(self, ref: RefName, snapshot: SnapshotId, session: str | None) -> bool:
        """Move a ref back to an earlier snapshot; tells whether nothing came in between."""
        state = self.backend.ref(ref)
        change = self.publisher.change(ref, state.target if state else None, snapshot)
        try:
            self.publisher.move([change], Account("recall", session=session))
        except Conflict:
            return False
        return True
