"""The store as of now: the index, corrected by an overlay that follows the log.

Answers come from the overlay where it knows and from the index elsewhere; catching up is one
``stat`` when nothing happened. Folding moves the overlay into the index in batches.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from aicas.backends.base import RefMove, RefState
from aicas.backends.local.files import FileLock
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion
from aicas.backends.local.index import Index, IndexDamagedError
from aicas.backends.local.overlay import START, Overlay, Place, Position
from aicas.backends.local.segment import Segment, list_segments
from aicas.errors import Damaged, StorageFailed
from aicas.ids import ObjectId
from aicas.names import RefName

T = TypeVar("T")

# Records an overlay gathers before it is folded: some 10 ms of scanning for a process that opens.
FOLD_RECORDS = 2_000
_UNTOLD = object()
_INDEX_ATTEMPTS = 3


class View:
    """One process's picture of the log. Safe for many threads."""

    def __init__(self, store: Path, identity: bytes) -> None:
        self._log = store / "log"
        self._index_folder = store / "index"
        self._identity = identity
        self.index_lock = FileLock(store / "index.lock")
        self.lock = threading.RLock()
        self._segments: dict[int, Segment] = {}
        self._index: Index | None = None
        self.sealed = False
        self._load()

    def _load(self) -> None:
        """Start from what the index has reached, making it anew if it cannot be used."""
        with self.lock:
            for attempt in range(_INDEX_ATTEMPTS):
                try:
                    self._index = self._index or self._open_index()
                    self._enter(*self._index.state())
                    break
                except IndexDamagedError as error:
                    if attempt == _INDEX_ATTEMPTS - 1:
                        raise StorageFailed(f"cannot use the store's index: {error}") from error
                    self._discard_index()
            self.catch_up()

    def _enter(self, position: Position, last_number: int) -> None:
        newest = list_segments(self._log)
        if not newest:
            raise Damaged(f"{self._log} holds no log segment")
        base = position
        if position == START:
            position = Position(min(newest.values()), SEGMENT_HEADER_BYTES)
        if position.file not in newest.values():
            raise IndexDamagedError("the index has reached a segment that is not there")
        self.active = self.segment(position.file)
        if self.active.size() < position.offset:
            raise IndexDamagedError("the index is ahead of the log")
        self.sealed = False
        self.overlay = Overlay(base, last_number)
        self.overlay.position = position

    def _open_index(self) -> Index:
        self._index_folder.mkdir(0o700, exist_ok=True)
        index = Index(self._index_folder / "view.sqlite", self._identity)
        if not index.files() <= set(list_segments(self._log).values()):
            index.close()
            raise IndexDamagedError("the index places records in files that are gone")
        return index

    def _discard_index(self) -> None:
        """Delete the index. A process that has it open goes on with the unnamed files."""
        if self._index:
            self._index.close()
            self._index = None
        with self.index_lock.held():
            for path in self._index_folder.glob("view.sqlite*"):
                path.unlink(missing_ok=True)

    @property
    def index(self) -> Index:
        """The open index."""
        if self._index is None:
            raise StorageFailed("the store is closed")
        return self._index

    def reload(self) -> None:
        """Forget the overlay and every open segment, and start again from the index."""
        with self.lock:
            self._segments = {}
            self._load()

    def rebuild(self) -> None:
        """The index was caught contradicting the log: make it anew."""
        with self.lock:
            self._discard_index()
            self._load()

    def ask(self, question: Callable[[Index], T]) -> T:
        """Put a question to the index, making it anew if it turns out damaged.

        Raises:
            StorageFailed: the new one cannot be read either.
        """
        try:
            return question(self.index)
        except IndexDamagedError:
            self.rebuild()
        try:
            return question(self.index)
        except IndexDamagedError as error:
            raise StorageFailed(f"cannot use the store's index: {error}") from error

    def segment(self, identity: int) -> Segment:
        """The open segment with a file id.

        Raises:
            FileNotFoundError: it was rewritten meanwhile; ``reload`` finds the new places.
        """
        found = self._segments.get(identity)
        if found is None:
            found = self._segments[identity] = Segment.open(self._log, identity)
        return found

    def refresh(self) -> None:
        """Catch up with what other processes committed; one ``stat`` if that is nothing."""
        if self.active.size() != self.overlay.position.offset or self.sealed:
            self.catch_up()

    def catch_up(self, *, exclusive: bool = False) -> None:
        """Apply every group behind the position reached.

        Args:
            exclusive: the caller holds the writer lock, so that nothing is being written; only
                then is a complete but damaged end stepped over.
        """
        with self.lock:
            while self._apply_segment(exclusive) and self._next_segment():
                pass
            if self.overlay.weight > FOLD_RECORDS:
                self.fold()

    def _apply_segment(self, exclusive: bool) -> bool:
        """Apply the active segment's new groups; tells whether it is sealed."""
        segment = self.active
        for found in segment.groups(self.overlay.position.offset):
            if isinstance(found, DamagedRegion):
                if found.end == segment.size() and not exclusive:
                    break
            else:
                self.overlay.apply(found, segment.id)
                self.sealed = self.sealed or found.seals
            self.overlay.position = Position(segment.id, found.end)
            if self.overlay.weight > FOLD_RECORDS * 20:
                self.fold()
        return self.sealed

    def _next_segment(self) -> bool:
        identity = list_segments(self._log).get(self.active.sequence + 1)
        if identity is None:
            return False  # the writer that sealed it was cut off; the next one goes on
        self.active = self.segment(identity)
        self.sealed = False
        self.overlay.position = Position(identity, SEGMENT_HEADER_BYTES)
        return True

    def fold(self, *, wait: bool = False) -> None:
        """Move the overlay into the index, if no other process is at it or ``wait`` is set.

        Only what the log has made durable may be in the index, or it could outlive the log.
        """
        holding = self.index_lock.held() if wait else self.index_lock.tried()
        with self.lock, holding as held:
            if held is False or self.sealed:
                return
            self.active.flush(self.overlay.position.offset)
            try:
                self.index.fold(self.overlay)
                self._enter(*self.index.state())
            except (IndexDamagedError, FileNotFoundError):
                return  # the overlay still has it; the next read of the index repairs that

    def place(self, object_id: ObjectId) -> Place | None:
        """Where an object lies, as of the position reached."""
        with self.lock:
            found = self.overlay.places.get(object_id, _UNTOLD)
            if found is not _UNTOLD:
                return found  # type: ignore[return-value]
            return self.ask(lambda index: index.place(object_id))

    def places(self) -> Iterator[tuple[ObjectId, Place]]:
        """Every object held at this moment."""
        with self.lock:
            merged: dict[ObjectId, Place | None] = dict(self.ask(lambda index: index.objects()))
            merged.update(self.overlay.places)
        return ((i, place) for i, place in merged.items() if place)

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        with self.lock:
            told = self.overlay.places
            gone = sum(place is None for place in told.values())
            found = set(self.ask(lambda index: index.find(hex_prefix, limit + gone)))
            found.update(i for i in told if i.hex().startswith(hex_prefix))
            return sorted(i for i in found if told.get(i, _UNTOLD) is not None)[:limit]

    def operation_place(self, number: int) -> Place | None:
        """Where an operation's record lies."""
        with self.lock:
            found = self.overlay.operations.get(number)
            return found or self.ask(lambda index: index.operation_place(number))

    def ref(self, name: RefName) -> RefState | None:
        """Where a ref stands."""
        with self.lock:
            found = self.overlay.refs.states.get(name)
            return found or self.ask(lambda index: index.ref(name))

    def refs(self, prefix: str) -> dict[RefName, RefState]:
        """All refs under a prefix at one moment."""
        with self.lock:
            reached, states = self.ask(lambda index: index.refs(prefix))
            if reached > self.overlay.position:
                self.catch_up()  # another process folded what we have not read yet
            told = self.overlay.refs.states.items()
            states.update((name, state) for name, state in told if name.startswith(prefix))
            return dict(sorted(states.items()))

    def moves(self, name: RefName) -> list[RefMove]:
        """A ref's moves, newest first."""
        with self.lock:
            moves = {move.number: move for move in self.ask(lambda index: index.moves(name))}
            moves.update((m.number, m) for m in self.overlay.refs.moves.get(name, ()))
            return [moves[number] for number in sorted(moves, reverse=True)]

    def consumers(self, name: RefName) -> set[RefName]:
        """The refs whose snapshot was made from ``name``."""
        with self.lock:
            told = self.overlay.refs
            indexed = self.ask(lambda index: index.consumers(name))
            return {c for c in indexed if c not in told.inputs} | told.consumers(name)

    def close(self) -> None:
        """Release files; closing twice is allowed."""
        with self.lock, contextlib.suppress(IndexDamagedError):
            self._segments = {}
            if self._index:
                self._index.close()
                self._index = None
