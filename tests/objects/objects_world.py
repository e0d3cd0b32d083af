"""An object store made of dictionaries, enough to put payloads and read them back."""

from __future__ import annotations

import io
from collections.abc import Iterator

from aicas.backends.base import Staged
from aicas.ids import BlobId, ObjectId, TreeId
from aicas.objects.codec import decode_frame, decode_stream, encode_frame
from aicas.objects.payload import Prepared, decode_payload, prepare
from aicas.objects.tree import Tree, decode_tree


class Reader:
    """A frame read front to back, a little at a time; remembers that it was closed."""

    def __init__(self, frame: bytes, at_most: int = 1 << 20) -> None:
        self._file = io.BytesIO(frame)
        self._at_most = at_most
        self.closed = False

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._at_most))

    def close(self) -> None:
        self.closed = True


class World:
    def __init__(self) -> None:
        self.frames: dict[ObjectId, bytes] = {}
        self.blob_reads: list[BlobId] = []

    def stage(self) -> _Staging:
        return _Staging(self)

    def put(self, payload: object, **options: object) -> Prepared:
        prepared = prepare(payload, self.stage, **options)  # type: ignore[arg-type]
        for object_id, data in prepared.raw.items():
            self.frames[object_id] = encode_frame(object_id.kind, data)
        return prepared

    def get(self, prepared: Prepared) -> object:
        return decode_payload(prepared.ref, self.read_blob, self.read_tree)

    def read_blob(self, blob: BlobId) -> bytes:
        self.blob_reads.append(blob)
        return decode_frame(self.frames[blob], blob)

    def read_tree(self, tree: TreeId) -> Tree:
        return decode_tree(decode_frame(self.frames[tree], tree))

    def stream_blob(self, blob: BlobId, length: int) -> Iterator[bytes]:
        return decode_stream(Reader(self.frames[blob]), blob, length=length)


class _Staging:
    def __init__(self, world: World) -> None:
        self._world = world
        self._parts: list[bytes] = []

    def __enter__(self) -> _Staging:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts = []

    def write(self, piece: bytes) -> object:
        self._parts.append(piece)
        return None

    def finish(self, blob: BlobId) -> Staged:
        frame = b"".join(self._parts)
        self._world.frames[blob] = frame
        return Staged(blob, len(frame), "token")
