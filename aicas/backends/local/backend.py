"""The local backend: commits to the log, reads through the view."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aicas.backends import operation as operations
from aicas.backends.base import (
    Deleted,
    Expected,
    Fault,
    FrameReader,
    RefMove,
    RefState,
    Staged,
    StoredObject,
)
from aicas.backends.fold import check_expected
from aicas.backends.local import group, layout
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import OBJECT_HEAD, encode_group
from aicas.backends.local.large import LargeFiles, LocalStaging
from aicas.backends.local.overlay import IN_OWN_FILE, Place
from aicas.backends.local.segment import Segment
from aicas.backends.local.view import View
from aicas.backends.operation import Operation
from aicas.errors import Damaged, StorageFailed, Vanished
from aicas.ids import ObjectId
from aicas.names import RefName

SEGMENT_BYTES = 64 << 20
# Each retry follows a rewrite of the segment just looked up; more in a row means damage.
_READ_ATTEMPTS = 5


class LocalBackend:
    """A store in a directory of a local file system, for any number of processes."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the store at ``folder``, made by ``layout.create``.

        Args:
            folder: the store's folder.
            segment_bytes: size at which a log segment is sealed and the next one started.

        Raises:
            NotFound, UnsupportedFormat, StorageFailed: see ``layout.identity``.
        """
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._identity = layout.identity(folder)
        self._retired_flushes = 0
        self._outgrown: list[View] = []
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._writer = FileLock(self.folder / "lock")
        self._sweeper = FileLock(self.folder / "gc.lock")
        self._large = LargeFiles(self.folder)
        self._view = View(self.folder, self._identity)

    def _fresh(self) -> View:
        """The view, caught up; a forked child gets its own first.

        The inherited one is kept unclosed: SQLite connections must not be closed across a fork.
        """
        if os.getpid() != self._process:
            self._outgrown.append(self._view)
            self._open()
        self._view.refresh()
        return self._view

    def read(self, ids: Iterable[ObjectId]) -> dict[ObjectId, bytes]:
        """See ``Backend.read``."""
        view = self._fresh()
        frames = ((i, self._read_one(view, i)) for i in ids)
        return {i: frame for i, frame in frames if frame is not None}

    def _read_one(self, view: View, object_id: ObjectId) -> bytes | None:
        for _ in range(_READ_ATTEMPTS):
            place = view.place(object_id)
            if place is None:
                return None
            try:
                if place.file == IN_OWN_FILE:
                    return self._large.path(object_id).read_bytes()
                record = view.segment(place.file).read(place.offset, place.length)
            except FileNotFoundError:
                if self._gone_for_good(view, object_id, place):
                    return b""
                continue
            if record[1:33] == object_id:
                return record[OBJECT_HEAD.size :]
            view.rebuild()
        return b""

    def _gone_for_good(self, view: View, object_id: ObjectId, place: Place) -> bool:
        """After a file was not found: whether the place was current, so the file is lost."""
        if place.file == IN_OWN_FILE:
            view.catch_up()
        else:
            view.reload()
        return view.place(object_id) == place

    def stream(self, object_id: ObjectId) -> FrameReader | None:
        """See ``Backend.stream``."""
        import io

        view = self._fresh()
        place = view.place(object_id)
        if place is not None and place.file == IN_OWN_FILE:
            try:
                return self._large.path(object_id).open("rb")
            except FileNotFoundError:
                view.catch_up()
        frame = self._read_one(view, object_id)
        return None if frame is None else io.BytesIO(frame)

    def missing(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """See ``Backend.missing``."""
        view = self._fresh()
        return {i for i in ids if view.place(i) is None}

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        return self._fresh().find(hex_prefix, limit)

    def scan(self) -> Iterator[StoredObject]:
        """See ``Backend.scan``."""
        places = self._fresh().places()
        return (StoredObject(i, place.length, place.at) for i, place in places)

    def stage(self) -> LocalStaging:
        """See ``Backend.stage``."""
        return self._large.stage()

    def publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        operation: Operation,
        expect: Mapping[RefName, Expected],
        require: Collection[ObjectId] = (),
    ) -> Operation:
        """See ``Backend.publish``.

        The writer lock is held for one write; the flush follows outside it, shared by the
        threads that wait for it.
        """
        self._fresh()
        with self._writer.held():
            view = self._view
            view.catch_up(exclusive=True)
            check_expected(operation, expect, view.ref)
            gone = [i for i in require if i not in objects and view.place(i) is None]
            if gone:
                raise Vanished(gone)
            new = {i: frame for i, frame in objects.items() if view.place(i) is None}
            records = self._object_records(new)
            committed = operation.numbered(view.overlay.last_number + 1)
            records.append(_operation_record(committed))
            segment, end = self._append(records, operation.at)
        segment.flush(end)
        for object_id, frame in objects.items():
            if isinstance(frame, Staged) and object_id not in new:
                self._large.discard(frame)
        return committed

    def _object_records(self, objects: Mapping[ObjectId, bytes | Staged]) -> list[bytes]:
        records = []
        for object_id, frame in objects.items():
            if isinstance(frame, Staged):
                self._large.adopt(frame)
                records.append(group.large_record(object_id, frame.stored_bytes))
            else:
                records += (group.object_record(object_id, frame), frame)
        return records

    def _append(self, records: Sequence[bytes], at: int) -> tuple[Segment, int]:
        """Write a group at the end of the log and apply it. Needs the writer lock."""
        view = self._view
        if view.sealed or view.active.poisoned or view.active.size() >= self._segment_bytes:
            self._roll(at)
        segment = view.active
        data = encode_group(at, records, segment.header.seed)
        segment.append(data, view.overlay.position.offset)
        end = view.overlay.position.offset + len(data)
        view.catch_up(exclusive=True)
        return segment, end

    def _roll(self, at: int) -> None:
        """Seal the active segment and start the next. Needs the writer lock."""
        view = self._view
        old = view.active
        if not view.sealed:
            seal = encode_group(at, [group.SEAL], old.header.seed)
            old.seal(seal, view.overlay.position.offset)
        try:
            Segment.create(self.folder / "log", old.sequence + 1)
        except OSError as error:
            raise StorageFailed(f"cannot start a log segment: {error.strerror}") from error
        self._retired_flushes += old.flushes
        view.catch_up(exclusive=True)

    @property
    def flushes(self) -> int:
        """Flushes of the log this process has made; what a durable commit costs."""
        return self._retired_flushes + self._view.active.flushes

    def ref(self, name: RefName) -> RefState | None:
        """See ``Backend.ref``."""
        return self._fresh().ref(name)

    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """See ``Backend.refs``."""
        return self._fresh().refs(prefix)

    def dependents(self, name: RefName) -> set[RefName]:
        """See ``Backend.dependents``."""
        return self._fresh().consumers(name)

    def reflog(self, name: RefName) -> list[RefMove]:
        """See ``Backend.reflog``."""
        return self._fresh().moves(name)

    def operations(self, *, newest_first: bool = True, since: int = 0) -> Iterator[Operation]:
        """See ``Backend.operations``; an operation lost to damage is left out."""
        numbers = range(since + 1, self.last_number() + 1)
        for number in reversed(numbers) if newest_first else numbers:
            found = self.operation(number)
            if found:
                yield found

    def operation(self, number: int) -> Operation | None:
        """See ``Backend.operation``.

        Raises:
            Damaged: its record does not match its digest.
        """
        view = self._fresh()
        for _ in range(_READ_ATTEMPTS):
            place = view.operation_place(number)
            if place is None:
                return None
            try:
                record = view.segment(place.file).read(place.offset, place.length)
            except FileNotFoundError:
                view.reload()
                continue
            found = group.parse_operation(record, place.offset)
            if operations.record_digest(number, found.data) != found.digest:
                raise Damaged(f"the record of operation {number} does not match its digest")
            return operations.decode(found.data, number)
        return None

    def last_number(self) -> int:
        """See ``Backend.last_number``."""
        return self._fresh().overlay.last_number

    def stamp(self) -> object:
        """See ``Backend.stamp``."""
        return self._fresh().overlay.position

    def delete(
        self,
        condemned: Collection[ObjectId],
        operation: Operation,
        seen: int,
        spare: Callable[[Sequence[Operation]], Collection[ObjectId]],
    ) -> Deleted:
        """See ``Backend.delete``.

        The deletion is one durable group. Rewriting the segments that held the objects follows,
        outside the writer lock but for each rename; one cut off by a crash leaves the old file.
        """
        from aicas.backends.local import reclaim

        self._fresh()
        with self._sweeper.held():
            self._large.sweep_abandoned()
            reclaim.remove_leftovers(self.folder / "log")
            with self._writer.held():
                committed, doomed, freed = self._condemn(condemned, operation, seen, spare)
            freed += reclaim.rewrite_segments(self._view, self._writer, doomed)
        return Deleted(committed, frozenset(doomed), freed)

    def _condemn(
        self,
        condemned: Collection[ObjectId],
        operation: Operation,
        seen: int,
        spare: Callable[[Sequence[Operation]], Collection[ObjectId]],
    ) -> tuple[Operation, dict[ObjectId, Place], int]:
        view = self._view
        view.catch_up(exclusive=True)
        newer = list(self.operations(newest_first=False, since=seen))
        doomed_ids = set(condemned).difference(spare(newer) if newer else ())
        places = ((i, view.place(i)) for i in sorted(doomed_ids))
        doomed = {i: place for i, place in places if place}
        committed = operation.numbered(view.overlay.last_number + 1)
        records = [group.deleted_record([(i.kind, i) for i in doomed])]
        records.append(_operation_record(committed))
        segment, end = self._append(records, operation.at)
        segment.flush(end)
        # Only now: a file must not be gone while a crash could bring its record back.
        freed = sum(self._large.remove(i) for i, p in doomed.items() if p.file == IN_OWN_FILE)
        if any(place.file == view.active.id for place in doomed.values()):
            self._roll(operation.at)
        return committed, doomed, freed

    def check(self) -> Iterator[Fault]:
        """See ``Backend.check``."""
        from aicas.backends.local import check

        return check.check_log(self._fresh(), self.folder / "log")

    def close(self) -> None:
        """See ``Backend.close``."""
        if os.getpid() == self._process:
            self._view.close()


def _operation_record(operation: Operation) -> bytes:
    data = operations.encode(operation)
    return group.operation_record(
        operation.number, operations.record_digest(operation.number, data), data
    )
