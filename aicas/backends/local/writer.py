"""Committing to the log: one writer at a time among all processes, and shared flushes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from aicas.backends import operation as operations
from aicas.backends.local import group
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, encode_group
from aicas.backends.local.overlay import Position
from aicas.backends.local.segment import Segment
from aicas.backends.local.view import View
from aicas.backends.operation import Operation
from aicas.errors import StorageFailed


class Unwritten(NamedTuple):
    """A group that is to be written: the records before its operation, and that."""

    records: Sequence[bytes]
    operation: Operation


class Written(NamedTuple):
    """A commit that is in the log, but not yet durable."""

    operation: Operation
    segment: Segment
    end: int


class Writer:
    """Appends groups to the log that a view follows. Safe for many threads."""

    def __init__(self, store: Path, view: View, segment_bytes: int) -> None:
        self._lock = FileLock(store / "lock")
        self._view = view
        self._segment_bytes = segment_bytes

    @contextmanager
    def turn(self) -> Iterator[View]:
        """Hold the writer lock, with the view caught up to the very end of the log."""
        with self._lock.held():
            self._view.catch_up(exclusive=True)
            yield self._view

    def append(self, groups: Sequence[Unwritten]) -> list[Written]:
        """Write groups one after another, in one write, and apply them. Needs the turn.

        Raises:
            StorageFailed: nothing was committed.
        """
        view = self._view
        least = max(self._segment_bytes, SEGMENT_HEADER_BYTES + 1)
        full = view.overlay.position.offset >= least
        if view.ended or view.active.poisoned or full:
            self.roll(groups[0].operation.at)
        segment, start = view.active, view.overlay.position.offset
        number, offset = view.overlay.last_number, start
        pieces: list[bytes] = []
        written: list[Written] = []
        for records, operation in groups:
            number += 1
            committed = operation.numbered(number)
            whole = [*records, _operation_record(committed)]
            pieces.append(encode_group(operation.at, whole, segment.header.seed, offset))
            offset += len(pieces[-1])
            written.append(Written(committed, segment, offset))
        segment.append(b"".join(pieces), start)
        view.take_in(pieces, Position(segment.id, start), [each.operation for each in written])
        return written

    def roll(self, at: int) -> None:
        """Seal the active segment and start the next. Needs the turn.

        Raises:
            StorageFailed: the disk refused; the next writer tries again.
        """
        view = self._view
        old = view.active
        if not view.ended:
            offset = view.overlay.position.offset
            old.seal(encode_group(at, [group.SEAL], old.header.seed, offset), offset)
        Segment.create(view.log.folder, max(view.log.newest()) + 1)
        view.catch_up(exclusive=True)

    def settle(self, written: Written) -> None:
        """Return once a commit is durable. Not to be called in a turn: flushes are shared.

        Raises:
            StorageFailed: the flush failed. The segment is given up, so that what other
                processes commit from now on does not lie behind what may be lost.
        """
        try:
            self._view.log.flush(written.segment, written.end)
        except StorageFailed:
            with suppress(StorageFailed), self.turn() as view:
                if view.active is written.segment and not view.ended:
                    self.roll(written.operation.at)
            raise
        self._view.merge()


def _operation_record(operation: Operation) -> bytes:
    data = operations.encode(operation)
    digest = operations.record_digest(operation.number, data)
    return group.operation_record(operation.number, digest, data)
