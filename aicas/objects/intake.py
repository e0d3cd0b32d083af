"""What is about to be stored: content goes in, ids come out, memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aicas.backends.base import Staged, Staging
from aicas.ids import BlobId, ObjectId, blob_id
from aicas.objects.codec import LARGE, FrameWriter

PIECE = 1024 * 1024
MAX_HELD = 128 * 1024 * 1024
"""Raw bytes kept in memory for one put; what comes after is staged, however small."""


class Intake:
    """Collects the objects of one put. One owner; not safe to share between threads.

    Args:
        stage: begins a large object in the backend.
        compress: whether staged frames are compressed.
    """

    def __init__(self, stage: Callable[[], Staging], *, compress: bool = True) -> None:
        self._stage = stage
        self._compress = compress
        self._held_bytes = 0
        self.raw: dict[ObjectId, bytes] = {}
        """Canonical bytes of the small objects, not yet encoded as frames."""
        self.staged: dict[BlobId, Staged] = {}
        """The large blobs, already durable."""

    def add_object(self, object_id: ObjectId, data: bytes) -> None:
        """Take an object that is never staged: a tree or a snapshot."""
        self.raw[object_id] = data

    def add_blob(self, data: bytes) -> BlobId:
        """Take a blob's whole content."""
        if len(data) > LARGE or self._held_bytes + len(data) > MAX_HELD:
            view = memoryview(data)
            return self._stream(
                [], (bytes(view[at : at + PIECE]) for at in range(0, len(data), PIECE))
            )[0]
        return self._hold(data)

    def add_pieces(self, pieces: Iterable[bytes]) -> tuple[BlobId, int]:
        """Take a blob's content in order; its id and length."""
        source = iter(pieces)
        head: list[bytes] = []
        size = 0
        for piece in source:
            head.append(piece)
            size += len(piece)
            if size > LARGE or self._held_bytes + size > MAX_HELD:
                return self._stream(head, source)
        return self._hold(b"".join(head)), size

    def _hold(self, data: bytes) -> BlobId:
        blob = blob_id(data)
        if blob not in self.raw and blob not in self.staged:
            self.raw[blob] = data
            self._held_bytes += len(data)
        return blob

    def _stream(self, head: Iterable[bytes], rest: Iterable[bytes]) -> tuple[BlobId, int]:
        with self._stage() as staging:
            writer = FrameWriter(staging.write, compress=self._compress)
            for part in (head, rest):
                for piece in part:
                    writer.write(piece)
            blob, size = writer.finish()
            if blob in self.staged or blob in self.raw:
                return blob, size
            self.staged[blob] = staging.finish(blob)
        return blob, size
