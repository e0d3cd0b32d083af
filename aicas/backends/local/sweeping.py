"""What only one process at a time may do: delete objects, and move them into packs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from aicas.backends.base import Arrange, Deleted, Packing, Plain
from aicas.backends.local import group, reclaim
from aicas.backends.local.files import FileLock
from aicas.backends.local.large import LargeFiles
from aicas.backends.local.overlay import Place
from aicas.backends.local.packing import NO_TIME, ColdTier
from aicas.backends.local.packreader import InPack
from aicas.backends.local.view import View
from aicas.backends.local.writer import Unwritten, Writer, Written
from aicas.backends.operation import Operation
from aicas.ids import ObjectId


class Sweeper:
    """Deletes and packs the objects of one store, beside any number of readers and writers."""

    def __init__(self, store: Path, view: View, writer: Writer, large: LargeFiles) -> None:
        self._store = store
        self._view = view
        self._writer = writer
        self._large = large
        self._cold = ColdTier(view)

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Hold the sweeper's lock, with a view that is right; tells whether one was cut off."""
        with FileLock(self._store / "gc.lock").held():
            interrupted = reclaim.begin(self._store)
            if interrupted:
                self._view.rebuild()
            else:
                self._view.reload()  # another sweeper may have moved what this view has placed
            with self._writer.turn():
                reclaim.remove_leftovers(self._view.log)
            try:
                yield interrupted
            except GeneratorExit:  # left between two batches, where nothing is half done
                reclaim.finish(self._store)
                raise
            reclaim.finish(self._store)

    def delete(
        self,
        condemned: Collection[ObjectId],
        operation: Operation,
        seen: int,
        spare: Callable[[Sequence[Operation]], Collection[ObjectId]],
        newer: Callable[[int], Sequence[Operation]],
    ) -> Deleted:
        """See ``Backend.delete``.

        The deletion is one durable group. Rewriting the segments and packs that held the objects
        follows, outside the writer lock; what a crash cuts off, the next one makes up.

        Args:
            condemned: see ``Backend.delete``.
            operation: see ``Backend.delete``.
            seen: see ``Backend.delete``.
            spare: see ``Backend.delete``.
            newer: gives the operations since a number.
        """
        with self._turn() as interrupted:
            self._large.sweep_abandoned()
            with self._writer.turn():
                since = newer(seen)
                doomed_ids = set(condemned).difference(spare(since) if since else ())
                written, doomed = self._condemn(doomed_ids, operation)
            self._writer.settle(written)
            # Only now: a file must not be gone while a crash could bring its record back.
            freed = self._remove_files(doomed, operation.at, roll=interrupted)
            if interrupted:
                freed += self._make_up()
            else:
                touched = {place.pack for place in doomed.values() if isinstance(place, InPack)}
                freed += reclaim.rewrite_segments(self._view, reclaim.records_at(doomed))
                freed += self._cold.trim(touched)
        return Deleted(written.operation, frozenset(doomed), freed)

    def _make_up(self) -> int:
        """Give back what all dead objects take, for one who was cut off; returns the bytes."""
        freed = reclaim.rewrite_segments(self._view, reclaim.dead_records(self._view))
        return freed + self._cold.trim(self._view.packs.current())

    def _condemn(
        self, doomed_ids: Collection[ObjectId], operation: Operation
    ) -> tuple[Written, dict[ObjectId, Place | InPack]]:
        doomed = self._view.locate(sorted(doomed_ids))
        records = [group.deleted_record([(i.kind, i) for i in doomed])]
        return self._writer.append([Unwritten(records, operation)])[0], doomed

    def _remove_files(
        self, doomed: Mapping[ObjectId, Place | InPack], at: int, *, roll: bool
    ) -> int:
        """Delete the files of large objects, and make every segment of the rest rewritable.

        A file that the log does not name is one of the doomed, or was left by a crash between
        its placing and its commit, or between a deletion and this: no writer is at it now.
        """
        with self._writer.turn() as view:
            active = view.active.id
            if roll or any(isinstance(p, Place) and p.file == active for p in doomed.values()):
                self._writer.roll(at)
            present = self._large.ids()
            if present.difference(doomed, view.locate(present)):
                view.rebuild()  # only the log itself may say that nothing names a file
            return sum(map(self._large.remove, present.difference(view.locate(present))))

    def pack(self, arrange: Arrange, plain: Plain) -> Iterator[Packing]:
        """See ``Backend.pack``."""
        with self._turn() as interrupted:
            if interrupted:
                with self._writer.turn():
                    self._writer.roll(NO_TIME)  # it may have been cut off before it did
                yield Packing(0, self._make_up())
            yield from self._cold.pack(self._writer, arrange, plain)
