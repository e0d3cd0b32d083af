"""A backend with commits in front of it that are not made yet: what a batch puts into."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from aicas.backends.base import Backend, Commit, Expected, FrameReader, RefState, Staged
from aicas.backends.fold import RefFold
from aicas.backends.operation import Operation
from aicas.ids import SIZE, ObjectId
from aicas.names import RefName
from aicas.objects.codec import encode_frame
from aicas.objects.encoding import BackgroundEncoder

# Above any number an operation in the log can have: what is pending has none yet.
_UNNUMBERED = 1 << 62
_UNCONCERNED = frozenset(["stage", "lease", "leases", "record", "recorded"])


class PendingBackend:
    """Commits gathered in front of a backend. Safe for many threads.

    What a put asks is answered as if the commits had been made. Every other question of a
    ``Backend`` goes to the one behind, after they have been made. Objects are given to ``publish``
    as their canonical bytes, and become frames in the background.
    """

    def __init__(self, behind: Backend, settle: Callable[[], object], *, compress: bool) -> None:
        """Gather nothing yet.

        Args:
            behind: where the commits will be made.
            settle: has them made.
            compress: whether frames are compressed.
        """
        self._behind = behind
        self._settle = settle
        self._compress = compress
        self._encoder = BackgroundEncoder(compress=compress)
        self._lock = threading.RLock()
        self._published = 0
        self.forget()

    def __getattr__(self, name: str) -> Any:
        if name not in _UNCONCERNED:
            self._settle()
        return getattr(self._behind, name)

    @property
    def raw_bytes(self) -> int:
        """Bytes of the objects that are waiting."""
        return self._encoder.raw_bytes

    def forget(self) -> None:
        """Drop the commits; the frames of their objects stay, for the same ones to come again."""
        with self._lock:
            self._commits: list[Commit] = []
            self._operations: list[Operation] = []
            self._fold = RefFold()
            self._held: dict[ObjectId, bytes | Staged] = {}
            self._ids: dict[bytes, ObjectId] = {}

    def make(self) -> list[Operation]:
        """Make the commits, all at once.

        Raises:
            Conflict, Vanished: see ``Backend.publish_all``; they are pending still.
            StorageFailed: see ``Backend.publish``.
        """
        with self._lock:
            if not self._commits:
                return []
            frames = self._encoder.frames()
            made = self._behind.publish_all(
                [
                    commit._replace(
                        objects={i: frames.get(i, held) for i, held in commit.objects.items()}
                    )
                    for commit in self._commits
                ]
            )
            self.forget()
            self._encoder.forget()
            return made

    def publish(
        self,
        objects: Mapping[ObjectId, bytes | Staged],
        operation: Operation,
        expect: Mapping[RefName, Expected],
        require: Collection[ObjectId] = (),
        seen: object = None,
    ) -> Operation:
        """Take a commit. What it expects is looked at when it is made; its number is made up."""
        with self._lock:
            behind, published = seen if isinstance(seen, tuple) else (None, None)
            seen = behind if published == self._published else None
            for object_id, held in objects.items():
                if not isinstance(held, Staged):
                    self._encoder.add(object_id, held)
            self._held.update(objects)
            self._ids.update((i, i) for i in objects)
            self._commits.append(Commit(objects, operation, expect, require, seen))
            self._operations.append(operation.numbered(_UNNUMBERED + len(self._operations)))
            self._fold.apply(self._operations[-1])
            self._published += 1
            return self._operations[-1]

    def ref(self, name: RefName) -> RefState | None:
        """See ``Backend.ref``."""
        return self._fold.states.get(name) or self._behind.ref(name)

    def operation(self, number: int) -> Operation | None:
        """See ``Backend.operation``."""
        with self._lock:
            if number < _UNNUMBERED:
                return self._behind.operation(number)
            pending = number - _UNNUMBERED
            return self._operations[pending] if pending < len(self._operations) else None

    def last_number(self) -> int:
        """The newest operation that was made."""
        return self._behind.last_number()

    def stamp(self) -> object:
        """See ``Backend.stamp``."""
        return self._behind.stamp(), self._published

    def missing(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """See ``Backend.missing``."""
        wanted = [i for i in ids if i not in self._held]
        return self._behind.missing(wanted) if wanted else set()

    def read(self, ids: Iterable[ObjectId]) -> dict[ObjectId, bytes]:
        """See ``Backend.read``."""
        pending: dict[ObjectId, bytes] = {}
        made: list[ObjectId] = []
        for object_id in ids:
            held = self._held.get(object_id)
            if isinstance(held, bytes):
                pending[object_id] = self._frame(object_id, held)
                continue
            if held is not None:
                self._settle()
            made.append(object_id)
        return {**self._behind.read(made), **pending} if made else pending

    def stream(self, object_id: ObjectId) -> FrameReader | None:
        """See ``Backend.stream``."""
        held = self._held.get(object_id)
        if isinstance(held, bytes):
            return io.BytesIO(self._frame(object_id, held))
        if held is not None:
            self._settle()
        return self._behind.stream(object_id)

    def _frame(self, object_id: ObjectId, raw: bytes) -> bytes:
        return encode_frame(object_id.kind, raw, compress=self._compress)

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """See ``Backend.find``."""
        with self._lock:
            if len(hex_prefix) == 2 * SIZE:
                whole = self._ids.get(bytes.fromhex(hex_prefix))
                return self._behind.find(hex_prefix, limit) if whole is None else [whole]
            pending = [i for i in self._held if i.hex().startswith(hex_prefix)]
        return sorted({*pending, *self._behind.find(hex_prefix, limit)})[:limit]

    def close(self) -> None:
        """Let go of what encodes; the backend behind stays open."""
        self._encoder.close()
