"""The local backend: commits to the log, reads through the view."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aicas.backends import operation as operations
from aicas.backends.base import (
    LEASE_SECONDS,
    Arrange,
    Commit,
    Deleted,
    Expected,
    Fault,
    FrameReader,
    LeaseState,
    Left,
    Packing,
    Plain,
    RefMove,
    RefState,
    Staged,
    StoredObject,
    Taken,
)
from aicas.backends.local import group, layout, memos
from aicas.backends.local.committing import publish_all
from aicas.backends.local.events import EventFiles
from aicas.backends.local.group import OBJECT_HEAD
from aicas.backends.local.large import LargeFiles, LocalStaging
from aicas.backends.local.leases import LeaseFiles, LocalLease
from aicas.backends.local.lookup import read_record
from aicas.backends.local.overlay import IN_OWN_FILE, Place
from aicas.backends.local.packreader import InPack, in_reading_order
from aicas.backends.local.view import View
from aicas.backends.local.writer import Writer
from aicas.backends.operation import Operation
from aicas.errors import Damaged
from aicas.ids import ObjectId
from aicas.names import RefName

if TYPE_CHECKING:
    from aicas.backends.local.sweeping import Sweeper

SEGMENT_BYTES = 64 << 20


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
        self._events = EventFiles(folder)
        self._leases = LeaseFiles(folder)
        self._memos = memos.Memos(folder)
        self._outgrown: list[View] = []
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._large = LargeFiles(self.folder)
        self._view = View(self.folder, self._identity)
        self._writer = Writer(self.folder, self._view, self._segment_bytes)

    def _fresh(self) -> View:
        """The view, caught up."""
        self._adopt_fork()
        self._view.refresh()
        return self._view

    def _adopt_fork(self) -> None:
        """Give a forked child a view of its own.

        The inherited one is kept unclosed: SQLite connections must not be closed across a fork.
        """
        if os.getpid() != self._process:
            self._outgrown.append(self._view)
            self._open()

    def read(self, ids: Iterable[ObjectId]) -> dict[ObjectId, bytes]:
        """See ``Backend.read``; an object that is held but lost comes as ``b""``."""
        view = self._fresh()
        places = view.locate(list(ids))
        frames = {i: self._frame(view, i, places[i]) for i in in_reading_order(places)}
        return {i: frame for i in places if (frame := frames[i]) is not None}

    def _frame(self, view: View, object_id: ObjectId, place: Place | InPack) -> bytes | None:
        if isinstance(place, InPack):
            return view.packs.read(place)
        if place.file == IN_OWN_FILE:
            with suppress(FileNotFoundError):
                return self._large.read(object_id)
            view.catch_up()  # deleted meanwhile, or lost
            now = view.place(object_id)
            return b"" if now == place else now and self._frame(view, object_id, now)

        def is_it(record: bytes) -> bool:
            return group.is_object_record(record, object_id)

        try:
            record: bytes | None = view.log.segment(place.file).read(place.offset, place.length)
        except (FileNotFoundError, Damaged):
            record = b""
        if not record or not is_it(record):  # moved, or damaged: seldom, and dear to find out
            record = read_record(view, place, lambda: view.hot_place(object_id), is_it)
        if record is None:  # deleted, or packed
            cold = view.place(object_id)
            return view.packs.read(cold) if isinstance(cold, InPack) else None
        return record and record[OBJECT_HEAD.size :]

    def stream(self, object_id: ObjectId) -> FrameReader | None:
        """See ``Backend.stream``."""
        view = self._fresh()
        place = view.place(object_id)
        if place is None:
            return None
        if isinstance(place, Place) and place.file == IN_OWN_FILE:
            with suppress(FileNotFoundError):
                return self._large.open(object_id)
        frame = self._frame(view, object_id, place)
        return None if frame is None else io.BytesIO(frame)

    def missing(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """See ``Backend.missing``."""
        wanted = set(ids)
        return wanted.difference(self._fresh().locate(wanted))

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        return self._fresh().find(hex_prefix, limit)

    def scan(self) -> Iterator[StoredObject]:
        """See ``Backend.scan``."""
        places = self._fresh().places()
        return (StoredObject(i, place.stored_bytes, place.at) for i, place in places)

    def used_bytes(self) -> int:
        """See ``Backend.used_bytes``."""
        return memos.used_bytes(self.folder)

    def stage(self) -> LocalStaging:
        """See ``Backend.stage``."""
        return self._large.stage()

    def publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        operation: Operation,
        expect: Mapping[RefName, Expected],
        require: Collection[ObjectId] = (),
        seen: object = None,
    ) -> Operation:
        """See ``Backend.publish``."""
        return self.publish_all([Commit(objects, operation, expect, require, seen)])[0]

    def publish_all(self, commits: Sequence[Commit]) -> list[Operation]:
        """See ``Backend.publish_all``."""
        self._adopt_fork()
        return publish_all(self._writer, self._large, commits)

    @property
    def flushes(self) -> int:
        """Flushes of the log this process has made; what a durable commit costs."""
        return self._view.log.flushes

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
        """See ``Backend.operation``; ``None`` for one that was lost to damage."""
        view = self._fresh()

        def is_it(record: bytes) -> bool:
            found = group.parse_operation(record)
            return operations.record_digest(number, found.data) == found.digest

        def where() -> Place | None:
            return view.operation_place(number)

        record = read_record(view, where(), where, is_it)
        return operations.decode(group.parse_operation(record).data, number) if record else None

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
        """See ``Backend.delete``."""

        def newer(number: int) -> list[Operation]:
            return list(self.operations(newest_first=False, since=number))

        return self._sweeper().delete(condemned, operation, seen, spare, newer)

    def pack(self, arrange: Arrange, plain: Plain) -> Iterator[Packing]:
        """See ``Backend.pack``."""
        return self._sweeper().pack(arrange, plain)

    def _sweeper(self) -> Sweeper:
        from aicas.backends.local.sweeping import Sweeper

        return Sweeper(self.folder, self._fresh(), self._writer, self._large)

    def lease(
        self,
        name: str,
        *,
        needs: Collection[ObjectId] = (),
        waited_on: int | None = None,
        lifetime: float = LEASE_SECONDS,
    ) -> LocalLease | Taken | Left:
        """See ``Backend.lease``."""
        return self._leases.lease(name, needs, waited_on, lifetime)

    def leases(self) -> list[LeaseState]:
        """See ``Backend.leases``."""
        return self._leases.leases()

    def record(self, at: int, events: Sequence[bytes]) -> None:
        """See ``Backend.record``."""
        self._events.record(at, events)

    def recorded(self, since: int = 0) -> Iterator[bytes]:
        """See ``Backend.recorded``."""
        return self._events.recorded(since)

    def memo(self, name: str) -> bytes | None:
        """See ``Backend.memo``."""
        return self._memos.read(name)

    def remember(self, name: str, content: bytes) -> None:
        """See ``Backend.remember``."""
        self._memos.write(name, content)

    def check(self) -> Iterator[Fault]:
        """See ``Backend.check``."""
        from aicas.backends.local import check

        yield from check.check_log(self._fresh())
        yield from self._events.check()
        yield from self._leases.check()

    def close(self) -> None:
        """See ``Backend.close``."""
        self._leases.close()
        if os.getpid() == self._process:
            self._view.close()
