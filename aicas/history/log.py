"""Walking history: the versions of a stage, and of all stages of a project."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aicas.backends.base import Backend, RefState
from aicas.ids import SnapshotId
from aicas.names import RefName
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot


class LogEntry(NamedTuple):
    """One version of one stage."""

    snapshot: Snapshot
    ref: RefName
    number: int | None
    """The operation that first brought it to this ref; ``None`` for an ancestor of a fork."""
    is_current: bool
    """Whether the ref points at it now."""


class ReflogEntry(NamedTuple):
    """One move of a ref, with the operation that made it."""

    number: int
    at: int
    verb: str
    reason: str | None
    old: SnapshotId | None
    new: SnapshotId | None


def walk_log(
    backend: Backend, reader: ObjectReader, states: Mapping[RefName, RefState]
) -> Iterator[LogEntry]:
    """The versions behind some refs, newest first.

    A ref that was moved away is walked from where it last stood. Versions come in the order of
    the operations that published them, which never puts an input before what was made from it;
    several from one operation (a fork) come by creation time.
    """
    born = {ref: _published(backend, ref) for ref in states}
    heap: list[tuple[int, int, RefName, Snapshot]] = []

    def push(ref: RefName, snapshot_id: SnapshotId, child_number: int) -> None:
        snapshot = reader.snapshot(snapshot_id)
        number = min(child_number, born[ref].get(snapshot_id, child_number))
        heapq.heappush(heap, _Item((-number, -snapshot.created_at, ref, snapshot)))

    for ref, state in states.items():
        if state.target or backend_holds(backend, state.last):
            push(ref, state.last, state.number)
    while heap:
        number, _, ref, snapshot = heapq.heappop(heap)
        known = born[ref].get(snapshot.id)
        yield LogEntry(snapshot, ref, known, states[ref].target == snapshot.id)
        if snapshot.parent:
            push(ref, snapshot.parent, -number)


class _Item(tuple[Any, ...]):
    """Compared by all but the snapshot, which has no order."""

    __slots__ = ()

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        return self[:3] < other[:3]


def backend_holds(backend: Backend, snapshot_id: SnapshotId) -> bool:
    """Whether a snapshot a ref once had is still stored."""
    return not backend.missing([snapshot_id])


def _published(backend: Backend, ref: RefName) -> dict[SnapshotId, int]:
    """The first operation that brought each snapshot to the ref."""
    return {move.new: move.number for move in backend.reflog(ref) if move.new}


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
