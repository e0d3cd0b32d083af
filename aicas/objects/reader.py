"""Reading objects back, each checked against its id; the hottest ones kept decoded."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from aicas.backends.base import Backend
from aicas.errors import AicasError, Damaged, NotFound
from aicas.ids import BlobId, ObjectId, SnapshotId, TreeId
from aicas.objects.codec import LARGE, claimed_length, decode_frame, decode_stream
from aicas.objects.snapshot import Snapshot, decode_snapshot

if TYPE_CHECKING:
    from aicas.objects.tree import Tree

V = TypeVar("V")

_SNAPSHOT_BUDGET = 16 << 20
_TREE_BUDGET = 16 << 20
_BLOB_BUDGET = 64 << 20
_PAYLOAD_BUDGET = 32 << 20
# Decoded forms take a few times their encoding; the budgets count that.
_DECODED_FACTOR = 4


class BoundedCache(Generic[V]):
    """The most recently used values, up to a budget of bytes. Safe for many threads."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, name: Hashable) -> V | None:
        """The value kept under a name, usually an id."""
        with self._lock:
            found = self._held.get(name)
            if found is None:
                return None
            self._held.move_to_end(name)
            return found[0]

    def put(self, name: Hashable, value: V, size: int) -> None:
        """Keep a value that takes about ``size`` bytes, dropping the least recently used."""
        if size > self._budget // 4:
            return
        with self._lock:
            if name in self._held:
                return
            self._held[name] = (value, size)
            self._budget -= size
            while self._budget < 0:
                _, (_, freed) = self._held.popitem(last=False)
                self._budget += freed


class ObjectReader:
    """Objects of one backend, decoded. Immutable objects make every cached answer right."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._snapshots: BoundedCache[Snapshot] = BoundedCache(_SNAPSHOT_BUDGET)
        self._trees: BoundedCache[Tree] = BoundedCache(_TREE_BUDGET)
        self._blobs: BoundedCache[bytes] = BoundedCache(_BLOB_BUDGET)
        self.payloads: BoundedCache[str | bytes] = BoundedCache(_PAYLOAD_BUDGET)
        """Payloads that cannot be changed by who gets them, as they were put, by snapshot."""

    def raw(self, object_id: ObjectId) -> bytes:
        """An object's canonical bytes, read from the backend and checked against the id.

        Raises:
            NotFound: the store does not hold it.
            Damaged: what it holds is not it.
        """
        frame = self._backend.read([object_id]).get(object_id)
        if frame is None:
            raise NotFound(f"{object_id.kind.name.lower()} {object_id.short} is not in the store")
        return decode_frame(frame, object_id)

    def snapshot(self, object_id: SnapshotId) -> Snapshot:
        """A snapshot.

        Raises:
            NotFound, Damaged: see ``raw``.
        """
        found = self._snapshots.get(object_id)
        if found is None:
            data = self.raw(object_id)
            found = decode_snapshot(data, object_id)
            self._snapshots.put(object_id, found, len(data) * _DECODED_FACTOR)
        return found

    def keep(self, snapshot: Snapshot, size: int) -> None:
        """Keep a snapshot that was sealed and stored just now: it is likely to be read next.

        Args:
            snapshot: what ``seal`` returned.
            size: the length of its canonical bytes.
        """
        self._snapshots.put(snapshot.id, snapshot, size * _DECODED_FACTOR)

    def snapshots(self, ids: Iterable[SnapshotId]) -> dict[SnapshotId, Snapshot]:
        """Several snapshots, read at once and not kept; those that cannot be read are left out."""
        found: dict[SnapshotId, Snapshot] = {}
        for object_id, frame in self._backend.read(ids).items():
            snapshot_id = SnapshotId(object_id)
            with suppress(AicasError):
                data = decode_frame(frame, snapshot_id)
                found[snapshot_id] = decode_snapshot(data, snapshot_id)
        return found

    def tree(self, object_id: TreeId) -> Tree:
        """A tree.

        Raises:
            NotFound, Damaged: see ``raw``.
        """
        from aicas.objects.tree import decode_tree

        found = self._trees.get(object_id)
        if found is None:
            data = self.raw(object_id)
            try:
                found = decode_tree(data)
            except Damaged as error:
                raise Damaged(str(error), object_id=object_id) from error
            self._trees.put(object_id, found, len(data) * _DECODED_FACTOR)
        return found

    def blob(self, object_id: BlobId) -> bytes:
        """A blob's whole content, in memory.

        Raises:
            NotFound, Damaged: see ``raw``.
        """
        found = self._blobs.get(object_id)
        if found is None:
            found = self._whole(object_id)
            self._blobs.put(object_id, found, len(found))
        return found

    def _whole(self, object_id: BlobId) -> bytes:
        frame = self._backend.read([object_id]).get(object_id)
        if frame is None:
            raise NotFound(f"blob {object_id.short} is not in the store")
        if claimed_length(frame) <= LARGE:  # decoding at once is twice as fast
            return decode_frame(frame, object_id)
        return b"".join(decode_stream(io.BytesIO(frame), object_id))

    def is_damaged(self, object_id: ObjectId) -> bool:
        """Whether what is stored is not the object: all of it is read anew, whatever is cached.

        One that is not stored, because it was collected meanwhile for example, is not damaged.
        """
        try:
            if isinstance(object_id, BlobId):
                for _ in self.pieces(object_id):
                    pass
            else:
                self.raw(object_id)
        except NotFound:
            return False
        except Damaged:
            return True
        return False

    def pieces(self, object_id: BlobId, length: int | None = None) -> Iterator[bytes]:
        """A blob's content in pieces of bounded size.

        Whether it is the blob it claims to be is known only when the last piece was taken; do
        not let anything of it take effect before.

        Args:
            object_id: the blob.
            length: its length, where it is recorded; content that is longer is refused at once.

        Raises:
            NotFound: the store does not hold it.
            Damaged: raised at the latest after the last piece.
        """
        reader = self._backend.stream(object_id)
        if reader is None:
            raise NotFound(f"blob {object_id.short} is not in the store")
        try:
            yield from decode_stream(reader, object_id, length=length)
        finally:
            reader.close()
