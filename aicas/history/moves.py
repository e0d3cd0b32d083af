"""Operations that move refs between snapshots that exist: undo, fork, invalidate, recall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aicas.backends.base import Backend
from aicas.backends.operation import Operation, RefChange
from aicas.errors import Conflict, InvalidInput, NotFound, Vanished
from aicas.history.log import find_operation
from aicas.history.publish import Account, Publisher
from aicas.ids import SnapshotId
from aicas.names import Project, RefName, live_ref, split_ref

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
            InvalidInput: it moved no ref.
            Conflict: a ref it moved has been moved again since.
            Vanished: what it moved away from was collected.
        """
        done = self._newest_undoable() if number is None else find_operation(self.backend, number)
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
            elif operation.changes:
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

    def fork(self, source: Project, target: Project, reason: str | None) -> Operation:
        """Give a new project the live refs of another; no object is copied.

        Raises:
            NotFound: the source has no live refs.
            InvalidInput: the target has some already.
        """
        states = self.backend.refs("live/")
        mine = {r: s for r, s in states.items() if split_ref(r)[1] == source and s.target}
        if not mine:
            raise NotFound(f"project {source!r} has no keys to fork")
        if any(split_ref(r)[1] == target and s.target for r, s in states.items()):
            raise InvalidInput(f"project {target!r} exists already", hint="fork to a new name")
        changes = [
            self.publisher.change(live_ref(target, split_ref(ref)[2]), None, state.target)
            for ref, state in mine.items()
        ]
        account = Account("fork", reason, facts={"source": source, "target": target})
        return self.publisher.move(changes, account)

    def invalidate(self, refs: Iterable[RefName], key: str, reason: str | None) -> Operation:
        """Move refs away; their snapshots stay until nothing remembers them.

        Raises:
            NotFound: none of the refs points at anything.
            Conflict: the refs were moved meanwhile, again and again.
        """
        named = list(refs)
        account = Account("invalidate", reason, facts={"key": key})
        for _ in range(_ATTEMPTS):
            states = {ref: self.backend.ref(ref) for ref in named}
            changes = [RefChange(r, s.target, None) for r, s in states.items() if s and s.target]
            if not changes:
                raise NotFound(f"{key} has no current version to invalidate")
            try:
                return self.publisher.move(changes, account)
            except Conflict:
                continue
        raise Conflict(f"others kept moving what depends on {key}")

    def recall(self, ref: RefName, snapshot: SnapshotId, session: str | None) -> bool:
        """Move a ref back to an earlier snapshot; tells whether nothing came in between."""
        state = self.backend.ref(ref)
        change = self.publisher.change(ref, state.target if state else None, snapshot)
        try:
            self.publisher.move([change], Account("recall", session=session))
        except Conflict:
            return False
        return True
