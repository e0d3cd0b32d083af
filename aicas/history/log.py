"""Walking history: the versions of a stage, and of all stages of a project."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from aicas.backends.base import Backend, RefMove, RefState
from aicas.backends.operation import Operation
from aicas.errors import NotFound
from aicas.ids import SnapshotId
from aicas.names import RefName, quarantine_ref, split_ref
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot

_FIRST_BATCH, _LARGEST_BATCH = 16, 512
# What puts a version in the place of another without making it that one's child.
_SIDEWAYS = ("recall", "choose", "resume")
_NONE: Mapping[RefName, RefState] = MappingProxyType({})


class LogEntry(NamedTuple):
    """One version of one stage."""

    snapshot: Snapshot
    ref: RefName
    number: int | None
    """The operation that first brought it to this ref; ``None`` for an ancestor of a fork."""
    is_current: bool
    """Whether the ref points at it now."""
    is_quarantined: bool = False
    """Whether it is what is kept in quarantine for this stage now."""
    numbers: tuple[int, ...] = ()
    """Every operation that moved the ref to it or put it aside, oldest first."""


class ReflogEntry(NamedTuple):
    """One move of a ref, with the operation that made it."""

    number: int
    at: int
    verb: str
    reason: str | None
    old: SnapshotId | None
    new: SnapshotId | None


def walk_log(
    backend: Backend,
    reader: ObjectReader,
    states: Mapping[RefName, RefState | None],
    asides: Mapping[RefName, RefState] = _NONE,
) -> Iterator[LogEntry]:
    """The versions of some stages, newest first.

    A ref that was moved away is walked from where it last stood; one that went back to an earlier
    version, or sideways to an alternative, shows the versions it left, too. Versions come in the
    order of the operations that published them, which never puts an input before what was made
    from it; several from one operation (a fork) come by creation time.

    Args:
        backend: the store's.
        reader: gives snapshots.
        states: where the stages' live refs stand.
        asides: where the quarantine refs of the same stages stand, by live ref: what was put
            aside belongs to a stage's history like any other version.
    """
    walk = _Walk(backend, reader)
    histories = {ref: backend.reflog(ref) for ref in states}
    for ref, moves in histories.items():
        walk.learn(ref, [*moves, *_kept_aside(backend, ref)] if ref in asides else moves)
    walk.plan()
    for ref, state in states.items():
        aside = asides.get(ref)
        for head, number in _heads(backend, walk.born[ref], histories[ref], state, aside):
            walk.push(ref, head, number)
    for ref, snapshot in walk:
        state, aside = states[ref], asides.get(ref)
        current = state is not None and state.target == snapshot.id
        kept = aside is not None and aside.target == snapshot.id
        numbers = tuple(walk.brought[ref].get(snapshot.id, ()))
        yield LogEntry(snapshot, ref, next(iter(numbers), None), current, kept, numbers)


def _kept_aside(backend: Backend, ref: RefName) -> list[RefMove]:
    _, project, key = split_ref(ref)
    return backend.reflog(quarantine_ref(project, key))


def _heads(
    backend: Backend,
    born: Mapping[SnapshotId, int],
    moves: Sequence[RefMove],
    state: RefState | None,
    aside: RefState | None,
) -> list[tuple[SnapshotId, int]]:
    """The versions from which a stage's history leads down, those that were collected apart."""
    heads = [(s.last, s.number) for s in (state, aside) if s]
    if state is not None:
        heads += [(left, state.number) for left in _left_sideways(backend, born, moves)]
    if len(heads) == 1 and state and state.target:
        return heads
    gone = backend.missing([head for head, _ in heads])
    return [(head, number) for head, number in heads if head not in gone]


def _left_sideways(
    backend: Backend, born: Mapping[SnapshotId, int], moves: Sequence[RefMove]
) -> Iterator[SnapshotId]:
    for move in moves:
        if move.old and move.new and move.old != move.new and born[move.new] < move.number:
            operation = backend.operation(move.number)
            if operation and operation.verb in _SIDEWAYS:
                yield move.old


class _Walk:
    """Versions in order of publication, each once, with what a parent chain leads to.

    ``born``, from the reflogs, tells what will be needed, so snapshots are read ahead in batches
    that grow: a short listing reads little, a long one asks the backend seldom.
    """

    def __init__(self, backend: Backend, reader: ObjectReader) -> None:
        self.born: dict[RefName, dict[SnapshotId, int]] = {}
        self.brought: dict[RefName, dict[SnapshotId, list[int]]] = {}
        self.replaced: dict[RefName, dict[SnapshotId, SnapshotId | None]] = {}
        self._backend = backend
        self._reader = reader
        self._heap: list[tuple[int, int, RefName, int, Snapshot]] = []
        self._seen: set[tuple[RefName, SnapshotId]] = set()
        self._ahead: list[SnapshotId] = []
        self._read: dict[SnapshotId, Snapshot] = {}
        self._batch = _FIRST_BATCH

    def learn(self, ref: RefName, moves: Sequence[RefMove]) -> None:
        """Take in the moves that brought a stage's versions."""
        # Newest first, so the first operation that brought a snapshot is the one that stays.
        newest_first = sorted(moves, key=lambda move: -move.number)
        self.born[ref] = {move.new: move.number for move in newest_first if move.new}
        brought: dict[SnapshotId, list[int]] = {}
        for move in reversed(newest_first):
            if move.new and move.new != move.old:
                brought.setdefault(move.new, []).append(move.number)
        self.brought[ref] = brought
        self.replaced[ref] = {move.new: move.old for move in newest_first if move.new}

    def plan(self) -> None:
        """Put what will be needed in the order in which it will be."""
        numbers = {i: number for known in self.born.values() for i, number in known.items()}
        self._ahead = sorted(numbers, key=numbers.__getitem__)

    def push(self, ref: RefName, snapshot_id: SnapshotId, child_number: int) -> None:
        """Queue a version; ``child_number`` orders one whose own operation is not known."""
        if (ref, snapshot_id) in self._seen:
            return
        self._seen.add((ref, snapshot_id))
        snapshot = self._snapshot(snapshot_id)
        number = min(child_number, self.born[ref].get(snapshot_id, child_number))
        # The count is unique, so that two snapshots, which have no order, are never compared.
        item = (-number, -snapshot.created_at, ref, len(self._seen), snapshot)
        heapq.heappush(self._heap, item)

    def _snapshot(self, snapshot_id: SnapshotId) -> Snapshot:
        if snapshot_id not in self._read:
            self._read |= self._reader.snapshots({snapshot_id, *self._ahead[-self._batch :]})
            del self._ahead[-self._batch :]
            self._batch = min(2 * self._batch, _LARGEST_BATCH)
        # One that two refs share is asked for twice; one that cannot be read says why.
        return self._read.pop(snapshot_id, None) or self._reader.snapshot(snapshot_id)

    def __iter__(self) -> Iterator[tuple[RefName, Snapshot]]:
        while self._heap:
            number, _, ref, _, snapshot = heapq.heappop(self._heap)
            yield ref, snapshot
            if snapshot.parent:
                self.push(ref, snapshot.parent, -number)
            # What an alternative took the place of is no ancestor of it.
            left = self.replaced[ref].get(snapshot.id)
            if left and left != snapshot.parent and not self._backend.missing([left]):
                self.push(ref, left, -number)


def find_operation(backend: Backend, number: int) -> Operation:
    """One operation.

    Raises:
        NotFound: there is none of that number.
        Damaged: its record cannot be read.
    """
    found = backend.operation(number)
    if found is None:
        raise NotFound(f"there is no operation {number}; the newest is {backend.last_number()}")
    return found


def read_reflog(backend: Backend, ref: RefName) -> list[ReflogEntry]:
    """Every move of a ref with its operation, newest first."""
    entries = []
    for move in backend.reflog(ref):
        operation = backend.operation(move.number)
        at, verb, reason = (
            (operation.at, operation.verb, operation.reason) if operation else (0, "lost", None)
        )
        entries.append(ReflogEntry(move.number, at, verb, reason, move.old, move.new))
    return entries
