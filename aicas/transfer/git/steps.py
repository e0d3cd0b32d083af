"""A project's history as a line of steps: one for each snapshot, in the order of publishing.

What only moves refs (an invalidation, an undo) is a step of its own, so that after each step the
keys stand where the store had them at that moment, and after the last where it has them now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aicas.backends.operation import Operation
from aicas.ids import SnapshotId
from aicas.names import Key, live_ref, split_ref
from aicas.store import Store


@dataclass(frozen=True, slots=True)
class Step:
    """One commit to be."""

    operation: Operation | None
    """``None`` for a version that a fork brought along from before it."""
    changes: Mapping[Key, SnapshotId | None]
    """The keys that change, and what they point at then."""
    published: SnapshotId | None
    """The snapshot this step is about; ``None`` if it only moves refs."""
    version: int
    """Its place among the versions of its key, from 1."""


@dataclass(frozen=True, slots=True)
class _Move:
    operation: Operation
    targets: Mapping[Key, SnapshotId | None]


@dataclass(frozen=True, slots=True)
class _Birth:
    number: int
    """The operation that brought it, or its first successor."""
    own: bool
    key: Key
    snapshot: SnapshotId


def walk_steps(store: Store) -> Iterator[Step]:
    """The history of the store's project as it stands when the walk begins, oldest first.

    Versions that were collected are left out.
    """
    operations = deque(reversed([move for move in _moves(store) if move.targets]))
    newest = operations[-1].operation.number if operations else 0
    births = [birth for birth in _births(store) if birth.number <= newest]
    return _Walk(operations, births).steps()


def _moves(store: Store) -> Iterator[_Move]:
    """What each operation did to the project's live refs, newest first."""
    for operation in store.ops():
        targets: dict[Key, SnapshotId | None] = {}
        for change in operation.changes:
            _, _, key = split_ref(change.ref)
            if change.ref == live_ref(store.project, key):
                targets[key] = change.new
        yield _Move(operation, targets)


def _births(store: Store) -> list[_Birth]:
    """When each snapshot came, oldest first."""
    births = []
    number = 0
    for entry in store.log():
        number = number if entry.number is None else entry.number
        _, _, key = split_ref(entry.ref)
        births.append(_Birth(number, entry.number is not None, key, entry.snapshot.id))
    births.reverse()
    return births


class _Walk:
    """Merges the snapshots with the operations that only moved refs."""

    def __init__(self, moves: deque[_Move], births: list[_Birth]) -> None:
        self._left = moves
        self._operations = {move.operation.number: move.operation for move in moves}
        self._births = births
        self._held = {birth.snapshot for birth in births}
        self._current: dict[Key, SnapshotId] = {}
        self._versions: dict[Key, int] = {}

    def steps(self) -> Iterator[Step]:
        for birth in self._births:
            yield from self._moved(before=birth.number)
            version = self._versions[birth.key] = self._versions.get(birth.key, 0) + 1
            self._current[birth.key] = birth.snapshot
            operation = self._operations.get(birth.number) if birth.own else None
            yield Step(operation, {birth.key: birth.snapshot}, birth.snapshot, version)
        yield from self._moved(before=None)

    def _moved(self, before: int | None) -> Iterator[Step]:
        """What older operations changed beyond the snapshots they published."""
        while self._left and (before is None or self._left[0].operation.number < before):
            move = self._left.popleft()
            changes: dict[Key, SnapshotId | None] = {}
            for key, new in move.targets.items():
                target = new if new in self._held else None
                if self._current.get(key) != target:
                    changes[key] = target
            for key, target in changes.items():
                if target is None:
                    del self._current[key]
                else:
                    self._current[key] = target
            if changes:
                yield Step(move.operation, changes, None, 0)
