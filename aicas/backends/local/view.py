"""The store as of now: the index, corrected by an overlay that follows the log.

Answers come from the overlay where it knows and from the index elsewhere; catching up is one
``stat`` when nothing happened. Folding moves the overlay into the index in batches.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from aicas.backends.base import RefMove, RefState
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion, parse_body
from aicas.backends.local.index import Index
from aicas.backends.local.indexfiles import delete_index, prepare_index
from aicas.backends.local.log import Log
from aicas.backends.local.overlay import START, Overlay, Place, Position
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
_UNTOLD = object()


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
        self.index_lock = FileLock(store / "index.lock")
        self.lock = threading.RLock()
        self._index_path = store / "index" / "view.sqlite"
        self._identity = identity
        self._index: Index | None = None
        self._active: Segment | None = None
        self._load()

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
        if not self._index.files() <= set(self.log.newest().values()):
            raise IndexDamagedError("the index places records in files that are gone")
        self._enter(*self._index.state())

    def _enter(self, position: Position, last_number: int) -> None:
        """Go on from a position that the index has reached. Needs the index lock."""
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
                if held is False or self.ended:
                    return False
                # Places in a segment that was rewritten since must not get into the index.
                stale = not self.overlay.files() <= set(self.log.newest().values())
                if not stale and not self._fold():
                    return False
            if stale:
                self.reload()
            return True

    def _fold(self) -> bool:
        try:
            # What the log has not made durable must not be in the index, or it may outlive it.
            self.log.flush(self.active, self.overlay.position.offset)
            self.index.fold(self.overlay)
            self._enter(*self.index.state())
        except (IndexDamagedError, StorageFailed):
            return False
        return True

    @_repairing
    def place(self, object_id: ObjectId) -> Place | None:
        """Where an object lies, as of the position reached."""
        found = self.overlay.places.get(object_id, _UNTOLD)
        return self.index.place(object_id) if found is _UNTOLD else found  # type: ignore[return-value]

    @_repairing
    def locate(self, ids: Collection[ObjectId]) -> dict[ObjectId, Place]:
        """Where several objects lie, for those that are held, as of the position reached."""
        told = self.overlay.places
        found = self.index.locate([i for i in ids if i not in told])
        for object_id in ids:
            place = told.get(object_id)
            if place is not None:
                found[object_id] = place
        return found

    @_repairing
    def places(self) -> Iterator[tuple[ObjectId, Place]]:
        """Every object held at this moment."""
        merged: dict[ObjectId, Place | None] = dict(self.index.objects())
        merged.update(self.overlay.places)
        return ((i, place) for i, place in merged.items() if place)

    @_repairing
    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        told = self.overlay.places
        gone = sum(place is None for place in told.values())
        found = set(self.index.find(hex_prefix, limit + gone))
        found.update(i for i in told if i.hex().startswith(hex_prefix))
        return sorted(i for i in found if told.get(i, _UNTOLD) is not None)[:limit]

    @_repairing
    def operation_place(self, number: int) -> Place | None:
        """Where an operation's record lies."""
        return self.overlay.operations.get(number) or self.index.operation_place(number)

    @_repairing
    def ref(self, name: RefName) -> RefState | None:
        """Where a ref stands."""
        return self.overlay.refs.states.get(name) or self.index.ref(name)

    @_repairing
    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """All refs under a prefix at one moment."""
        reached, states = self.index.refs(prefix)
        while reached > self.overlay.position:
            self.reload()  # another process folded what we have not read yet
            reached, states = self.index.refs(prefix)
        told = self.overlay.refs.states.items()
        states.update((name, state) for name, state in told if name.startswith(prefix))
        return dict(sorted(states.items()))

    @_repairing
    def moves(self, name: RefName) -> list[RefMove]:
        """A ref's moves, newest first."""
        moves = {move.number: move for move in self.index.moves(name)}
        moves.update((m.number, m) for m in self.overlay.refs.moves.get(name, ()))
        return [moves[number] for number in sorted(moves, reverse=True)]

    @_repairing
    def consumers(self, name: RefName) -> set[RefName]:
        """The refs whose snapshot was made from ``name``."""
        told, indexed = self.overlay.refs, self.index.consumers(name)
        return {c for c in indexed if c not in told.inputs} | told.consumers(name)

    def close(self) -> None:
        """Release files; closing twice is allowed."""
        with self.lock:
            self._close_index()
            self._active = None
            self.log.close()
