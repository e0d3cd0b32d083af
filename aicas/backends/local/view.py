"""The store as of now: the index, corrected by an overlay that follows the log.

Answers come from the overlay where it knows and from the index elsewhere; catching up is one
``stat`` when nothing happened. Folding moves the overlay into the index in batches.
"""

from __future__ import annotations

import functools
import heapq
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from aicas.backends.base import RefMove, RefState
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion, parse_body
from aicas.backends.local.index import Index
from aicas.backends.local.indexfiles import delete_index, prepare_index
from aicas.backends.local.log import Log
from aicas.backends.local.merging import Merging
from aicas.backends.local.overlay import START, Gone, Overlay, Place, Position
from aicas.backends.local.packreader import InPack
from aicas.backends.local.packs import Packs, merged
from aicas.backends.local.rows import IndexDamagedError
from aicas.backends.local.segment import Segment
from aicas.backends.operation import Operation
from aicas.errors import Damaged, StorageFailed
from aicas.ids import ObjectId
from aicas.names import RefName

P = ParamSpec("P")
T = TypeVar("T")

# Records an overlay gathers before it is folded: some 3 ms of scanning for a process that opens.
FOLD_RECORDS = 500
# ... and while a long log is read, which bounds the memory that takes.
_MOST_RECORDS = 80 * FOLD_RECORDS
_FIRST_ID, _LAST_ID = bytes(32), bytes([255]) * 32


def _repairing(
    answer: Callable[Concatenate[View, P], T],
) -> Callable[Concatenate[View, P], T]:
    """Hold the view still for an answer, and give it again from a new index if this is damaged.

    If the new one cannot be read either, that is a ``StorageFailed``.
    """

    @functools.wraps(answer)
    def repaired(self: View, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.lock:
            try:
                return answer(self, *args, **kwargs)
            except IndexDamagedError:
                self.rebuild()
            try:
                return answer(self, *args, **kwargs)
            except IndexDamagedError as error:
                raise StorageFailed(f"cannot use the store's index: {error}") from error

    return repaired


class View:
    """One process's picture of the log. Safe for many threads."""

    def __init__(self, store: Path, identity: bytes) -> None:
        self.log = Log(store / "log")
        self.packs = Packs(store)
        self.index_lock = FileLock(store / "index.lock")
        self.lock = threading.RLock()
        self._index_path = store / "index" / "view.sqlite"
        self._identity = identity
        self._merging = Merging(store, self._index_path, self.index_lock)
        self._index: Index | None = None
        self._active: Segment | None = None
        self._load()
        self.merge()

    def _load(self, *, anew: bool = False) -> None:
        """Start from what the index has reached, making it anew if it cannot be used.

        Under the index lock: indexes are deleted, and segments replaced, by holders of it only.
        """
        with self.lock:
            with self.index_lock.held():
                self._close_index()
                if anew:
                    delete_index(self._index_path)
                try:
                    self._begin()
                except IndexDamagedError:
                    self._close_index()
                    delete_index(self._index_path)
                    try:
                        self._begin()
                    except IndexDamagedError as error:
                        raise StorageFailed(f"cannot use the store's index: {error}") from error
            self.catch_up()

    def _begin(self) -> None:
        prepare_index(self._index_path)
        self._index = Index(self._index_path, self._identity)
        if not self._index.tables.files() <= set(self.log.newest().values()):
            raise IndexDamagedError("the index places records in files that are gone")
        self._enter()

    def _enter(self) -> None:
        """Go on from the position that the index has reached. Needs the index lock."""
        position, last_number, _ = self.index.tables.reached()
        newest = self.log.newest()
        overlay = Overlay(position, last_number)
        if position == START:
            segment, _ = self.log.next_readable(0)
            if segment is None:
                raise Damaged(f"{self.log.folder} holds no log segment that can be read")
            overlay.position = Position(segment.id, SEGMENT_HEADER_BYTES)
        else:
            segment = self._reached(position, newest)
        self._stand_in(segment, max(newest))
        self.overlay = overlay

    def _reached(self, position: Position, newest: Mapping[int, int]) -> Segment:
        if position.file not in newest.values():
            raise IndexDamagedError("the index has reached a segment that is gone")
        try:
            segment = self.log.segment(position.file)
        except Damaged as error:
            raise IndexDamagedError("the index has reached a segment that is damaged") from error
        if segment.size() < position.offset:
            raise IndexDamagedError("the index is ahead of the log")
        return segment

    def _stand_in(self, segment: Segment, last_sequence: int) -> None:
        self._active = segment
        # A segment that another follows was complete, even where damage hides its seal.
        self.ended = segment.sequence < last_sequence

    def _close_index(self) -> None:
        if self._index:
            self._index.close()
            self._index = None

    @property
    def index(self) -> Index:
        """The open index."""
        if self._index is None:
            raise StorageFailed("the store is closed")
        return self._index

    @property
    def active(self) -> Segment:
        """The segment at whose end the log grows."""
        if self._active is None:
            raise StorageFailed("the store is closed")
        return self._active

    def reload(self) -> None:
        """Forget the overlay and open the index again: records were moved, or may have been."""
        self._load()

    def rebuild(self) -> None:
        """The index was caught contradicting the log: make it anew."""
        self._load(anew=True)

    def refresh(self) -> None:
        """Catch up with what other processes committed; one ``stat`` if that is nothing."""
        if self.active.size() != self.overlay.position.offset or self.ended:
            self.catch_up()
            self.merge()

    def catch_up(self, *, exclusive: bool = False) -> None:
        """Apply every group behind the position reached.

        Args:
            exclusive: the caller holds the writer lock, so that nothing is being written; only
                then is a damaged end stepped over.
        """
        with self.lock:
            while self._advance(exclusive):
                pass
            if self.overlay.weight > FOLD_RECORDS:
                self.fold()

    def take_in(
        self, groups: Sequence[bytes], at: Position, operations: Sequence[Operation]
    ) -> None:
        """Apply groups that this process has just written, without reading them back.

        Args:
            groups: the groups, in order.
            at: where the first was written. Needs the turn that they were written in.
            operations: that of each.
        """
        with self.lock:
            for data, operation in zip(groups, operations, strict=True):
                found = parse_body(data, 0, at.offset)
                if found is None or self.overlay.position != at:
                    self.catch_up(exclusive=True)  # another thread has read them
                    return
                self.overlay.apply(found, at.file, operation)
                at = self.overlay.position = Position(at.file, found.end)
            if self.overlay.weight > FOLD_RECORDS:
                self.fold()

    def _advance(self, exclusive: bool) -> bool:
        """Apply the active segment's new groups; tells whether there may be more to apply."""
        segment = self.active
        for found in segment.groups(self.overlay.position.offset):
            if isinstance(found, DamagedRegion):
                if found.is_last and not (exclusive or self.ended):
                    break
            else:
                self.overlay.apply(found, segment.id)
                self.ended = self.ended or found.seals
            self.overlay.position = Position(segment.id, found.end)
            if self.overlay.weight > _MOST_RECORDS and self.fold():
                return True  # from where the index is now, which may be another segment
        return self.ended and self._next_segment()

    def _next_segment(self) -> bool:
        segment, last_sequence = self.log.next_readable(self.active.sequence)
        if segment:  # otherwise the writer that sealed it was cut off, and the next one goes on
            self._stand_in(segment, last_sequence)
            self.overlay.position = Position(segment.id, SEGMENT_HEADER_BYTES)
        return segment is not None

    def fold(self, *, wait: bool = False) -> bool:
        """Move the overlay into the index; tells whether the view starts from the index now.

        It does not while another process is at it, unless ``wait`` is set, nor when the disk
        refuses: the overlay still knows everything.
        """
        holding = self.index_lock.held() if wait else self.index_lock.tried()
        with self.lock:
            with holding as held:
                newest = self.log.newest()
                # Behind a seal that nothing follows yet, an index would hide that it is one.
                if held is False or (self.ended and self.active.sequence >= max(newest)):
                    return False
                stale = self._is_stale(set(newest.values()))
                if not stale and not self._fold():
                    return False
            if stale:
                self.reload()
            return True

    def _is_stale(self, newest: set[int]) -> bool:
        """Whether to open the index again instead of folding. Needs the index lock."""
        # Places in a segment that was rewritten since must not get into the index.
        if not {self.overlay.position.file, *self.overlay.files()} <= newest:
            return True
        try:
            self.index.map_runs()
        except IndexDamagedError:
            return True
        return not self.index.tables.is_current()

    def _fold(self) -> bool:
        try:
            # What the log has not made durable must not be in the index, or it may outlive it.
            self.log.flush(self.active, self.overlay.position.offset)
            self.index.fold(self.overlay)
            self._enter()
        except (IndexDamagedError, StorageFailed):
            return False
        self._merging.merge_few(self.index)
        return True

    def merge(self) -> None:
        """Make the index quicker to look into, if that is due; readers and writers go on.

        Not to be called in a turn: it may take seconds in a store of millions of objects.
        """
        if self._index:
            self._merging.merge_all(self._index)

    def _hot(self, object_id: ObjectId) -> Place | Gone | None:
        """What the log says of an object; ``None`` if nothing."""
        return self.overlay.places.get(object_id) or self.index.places.get(object_id)

    def _hot_between(self, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, Place | Gone]]:
        """What the log says now of every object from ``low`` to ``high``, both whole ids; sorted.

        Reading on may raise ``IndexDamagedError``.
        """
        with self.lock:
            told = {i: said for i, said in self.overlay.places.items() if low <= i <= high}
            indexed = self.index.places.between(low, high)
        newest = ((i, told[i]) for i in sorted(told))
        return heapq.merge(newest, ((i, said) for i, said in indexed if i not in told))

    @_repairing
    def hot_place(self, object_id: ObjectId) -> Place | None:
        """Where an object lies, as of the position reached, unless it is in a pack only."""
        found = self._hot(object_id)
        return found if isinstance(found, Place) else None

    def place(self, object_id: ObjectId) -> Place | InPack | None:
        """Where an object lies, as of the position reached."""
        return self.locate((object_id,)).get(object_id)

    @_repairing
    def locate(self, ids: Collection[ObjectId]) -> dict[ObjectId, Place | InPack]:
        """Where several objects lie, for those that are held, as of the position reached."""
        found: dict[ObjectId, Place | InPack] = {}
        cold: dict[ObjectId, int] = {}
        for object_id in ids:
            said = self._hot(object_id)
            if isinstance(said, Place):
                found[object_id] = said
            else:
                cold[object_id] = said.number if said else 0
        # In this order: what is not hot any more was in a pack before.
        found.update(self.packs.locate(cold))
        return found

    def places(self) -> Iterator[tuple[ObjectId, Place | InPack]]:
        """Every object held at this moment, sorted by id.

        If the index turns out to be damaged on the way, the rest is what is held at that moment.
        """
        return self._places(_FIRST_ID, _LAST_ID)

    def _places(self, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, Place | InPack]]:
        return merged(self._hot_places(low, high), self.packs.between(low, high))

    def hot_places(self) -> Iterator[tuple[ObjectId, Place]]:
        """Every object that the log holds at this moment, sorted by id; as ``places``."""
        said = self._hot_places(_FIRST_ID, _LAST_ID)
        return ((i, found) for i, found in said if isinstance(found, Place))

    def _hot_places(self, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, Place | Gone]]:
        said = self._hot_between(low, high)
        passed: bytes = b""
        for repair in (self.rebuild, None):
            try:
                for object_id, found in said:
                    if object_id > passed:
                        yield object_id, found
                    passed = object_id
                return
            except IndexDamagedError as error:
                if repair is None:
                    raise StorageFailed(f"cannot use the store's index: {error}") from error
                repair()
                said = self._hot_between(max(passed, low), high)

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        low, high = (bytes.fromhex(hex_prefix.ljust(64, digit)) for digit in "0f")
        return [i for i, _ in islice(self._places(low, high), limit)]

    @_repairing
    def operation_place(self, number: int) -> Place | None:
        """Where an operation's record lies."""
        return self.overlay.operations.get(number) or self.index.tables.operation_place(number)

    @_repairing
    def ref(self, name: RefName) -> RefState | None:
        """Where a ref stands."""
        return self.overlay.refs.states.get(name) or self.index.tables.ref(name)

    @_repairing
    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """All refs under a prefix at one moment."""
        reached, states = self.index.tables.refs(prefix)
        while reached > self.overlay.position:
            self.reload()  # another process folded what we have not read yet
            reached, states = self.index.tables.refs(prefix)
        told = self.overlay.refs.states.items()
        states.update((name, state) for name, state in told if name.startswith(prefix))
        return dict(sorted(states.items()))

    @_repairing
    def moves(self, name: RefName) -> list[RefMove]:
        """A ref's moves, newest first."""
        moves = {move.number: move for move in self.index.tables.moves(name)}
        moves.update((m.number, m) for m in self.overlay.refs.moves.get(name, ()))
        return [moves[number] for number in sorted(moves, reverse=True)]

    @_repairing
    def consumers(self, name: RefName) -> set[RefName]:
        """The refs whose snapshot was made from ``name``."""
        told, indexed = self.overlay.refs, self.index.tables.consumers(name)
        return {c for c in indexed if c not in told.inputs} | told.consumers(name)

    def close(self) -> None:
        """Release files; closing twice is allowed."""
        with self.lock:
            self._close_index()
            self._active = None
            self.log.close()
