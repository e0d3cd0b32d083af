"""Frames: the stored form of an object, and the only code that reads or writes zstd.

``u8 version | u8 kind<<4|codec | body | u64 LE raw length``. The length comes last so that a frame
can be written while its content is still arriving. Small objects are coded whole
(``encode_frame``, ``decode_frame``), large blobs piece by piece (``FrameWriter``,
``decode_stream``); either reader accepts what either writer wrote.

python-zstandard 0.25 is trusted with nothing a frame claims: it allocates the size a header
states whatever ``max_output_size`` says, ignores ``max_window_size`` when it decodes whole,
returns truncated input as short data, drops what follows a frame, and inflates all of a piece of
input at once. So headers are checked before anything is allocated, and the streaming reader cuts
the input at zstd's own block boundaries (RFC 8878, 3.1.1.2), at most 128 KiB of output each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import zstandard

from aicas.backends.base import FrameReader
from aicas.errors import Damaged, InvalidInput, UnsupportedFormat
from aicas.ids import BlobHasher, BlobId, Kind, ObjectId, hash_object

VERSION = 1
LARGE = 512 * 1024
"""Raw size above which a blob is streamed and stored in a file of its own."""
MAX_WHOLE = 16 * 1024 * 1024
"""Raw size above which no object is coded whole; only blobs can be larger."""

_RAW, _ZSTD = 0, 1
_LEVEL = 3
_LEAST = 64
"""Raw size below which compressing is not tried: what is so short is mostly an id."""
_MAX_WINDOW = 8 * 1024 * 1024
_PREFIX, _TRAILER = 2, 8
_PIECE = 256 * 1024
_MAX_BLOCK = 128 * 1024
_MAX_ZSTD_HEADER = 18
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3


class _Coders(threading.local):
    """zstd contexts, reused because making one costs more than coding a small object.

    One pair per thread: they are not safe to share.
    """

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)


_coders = _Coders()


def encode_frame(kind: Kind, data: bytes, *, compress: bool = True) -> bytes:
    """The frame of an object; raw when not ``compress``, or when zstd does not shrink it.

    Raises:
        InvalidInput: ``data`` is longer than ``MAX_WHOLE``.
    """
    if len(data) > MAX_WHOLE:
        raise InvalidInput(f"a {kind.name.lower()} of {len(data)} bytes is over {MAX_WHOLE} bytes")
    packed = _coders.compressor.compress(data) if compress and len(data) >= _LEAST else data
    return _frame(kind, data, packed)


def _frame(kind: Kind, data: bytes, packed: bytes) -> bytes:
    codec, body = (_ZSTD, packed) if len(packed) < len(data) else (_RAW, data)
    return b"".join(
        (bytes((VERSION, kind << 4 | codec)), body, len(data).to_bytes(_TRAILER, "little"))
    )


def encode_frames(objects: Mapping[ObjectId, bytes], *, compress: bool) -> dict[ObjectId, bytes]:
    """The frames of many objects, as ``encode_frame`` makes each.

    Compressing them happens in one call that other threads need not wait for; object by object,
    a thread that does nothing else would wait for the interpreter every time.

    Raises:
        InvalidInput: one is longer than ``MAX_WHOLE``.
    """
    if not compress or max(map(len, objects.values()), default=0) > MAX_WHOLE:
        return {i: encode_frame(i.kind, raw, compress=compress) for i, raw in objects.items()}
    worth = {i: raw for i, raw in objects.items() if len(raw) >= _LEAST}
    frames = {i: _frame(i.kind, raw, raw) for i, raw in objects.items() if i not in worth}
    if worth:
        packed = _coders.compressor.multi_compress_to_buffer([*worth.values()], threads=1)
        for number, (i, raw) in enumerate(worth.items()):
            frames[i] = _frame(i.kind, raw, packed[number].tobytes())
    return frames


def decode_frame(frame: bytes, expect: ObjectId) -> bytes:
    """The object's bytes, checked down to the hash. Safe from any thread.

    Raises:
        UnsupportedFormat: a frame version this code does not know.
        Damaged: anything else but the frame of exactly ``expect``: other kind or codec, claimed
            size, window, truncation, trailing bytes, length or hash. At most ``MAX_WHOLE`` bytes
            are allocated whatever the frame claims.
    """
    if len(frame) < _PREFIX + _TRAILER:
        raise Damaged(f"frame of {expect.short} is truncated", object_id=expect)
    codec = _codec(frame[0], frame[1], expect)
    length = claimed_length(frame)
    data = frame[_PREFIX:-_TRAILER]
    if codec == _ZSTD:
        data = _inflate(data, length, expect)
    if len(data) != length:
        raise Damaged(
            f"frame of {expect.short} holds {len(data)} bytes and says {length}", object_id=expect
        )
    if hash_object(expect.kind, data) != expect:
        raise Damaged(f"content of {expect.short} does not match its id", object_id=expect)
    return data


def plain_frame(object_id: ObjectId, frame: bytes) -> bytes:
    """An object's frame without compression, made from any frame of it.

    Raises:
        UnsupportedFormat, Damaged: see ``decode_frame``.
    """
    return encode_frame(object_id.kind, decode_frame(frame, object_id), compress=False)


def claimed_length(frame: bytes) -> int:
    """The raw length a frame claims; only decoding tells whether it is so."""
    return int.from_bytes(frame[-_TRAILER:], "little")


def _codec(version: int, kind_codec: int, expect: ObjectId) -> int:
    if version != VERSION:
        raise UnsupportedFormat(
            f"frame of {expect.short} has version {version}; this aicas reads {VERSION}"
        )
    codec = kind_codec & 15
    if kind_codec >> 4 != expect.kind or codec > _ZSTD:
        raise Damaged(
            f"frame of {expect.short} is marked kind {kind_codec >> 4}, codec {codec},"
            f" not a {expect.kind.name.lower()}",
            object_id=expect,
        )
    return codec


def _inflate(body: bytes, length: int, expect: ObjectId) -> bytes:
    try:
        claimed = _zstd_parameters(body, expect).content_size
        if length > MAX_WHOLE or claimed not in (length, zstandard.CONTENTSIZE_UNKNOWN):
            raise Damaged(
                f"frame of {expect.short} claims {claimed} bytes of content and a length of"
                f" {length}",
                object_id=expect,
            )
        # The limit counts only for a streamed frame, which does not state its size; 0 is 'none'.
        return _coders.decompressor.decompress(
            body, max_output_size=length or 1, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise _bad_zstd(error, expect) from error


def _zstd_parameters(head: bytes, expect: ObjectId) -> zstandard.FrameParameters:
    parameters = zstandard.get_frame_parameters(head)
    if parameters.window_size > _MAX_WINDOW:
        raise Damaged(
            f"frame of {expect.short} demands a window of {parameters.window_size} bytes",
            object_id=expect,
        )
    if parameters.dict_id:
        raise Damaged(f"frame of {expect.short} demands a dictionary", object_id=expect)
    return parameters


def _bad_zstd(error: zstandard.ZstdError, expect: ObjectId) -> Damaged:
    return Damaged(f"frame of {expect.short} is not one zstd frame: {error}", object_id=expect)


class FrameWriter:
    """Writes the frame of a blob whose content arrives in pieces; memory stays bounded.

    One owner; not safe to share between threads.

    Args:
        write: receives the bytes of the frame, in order.
        compress: whether the body is zstd.
    """

    def __init__(self, write: Callable[[bytes], object], *, compress: bool = True) -> None:
        self._write = write
        self._hasher = BlobHasher()
        self._length = 0
        self._packer: zstandard.ZstdCompressionObj | None = None
        if compress:
            # A context of its own: this one is busy for as long as the pieces take to come.
            coder = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
            self._packer = coder.compressobj()
        write(bytes((VERSION, Kind.BLOB << 4 | (_ZSTD if compress else _RAW))))

    def write(self, piece: bytes) -> None:
        """Add the next piece of content."""
        self._hasher.update(piece)
        self._length += len(piece)
        packed = self._packer.compress(piece) if self._packer else piece
        if packed:
            self._write(packed)

    def finish(self) -> tuple[BlobId, int]:
        """Write the rest of the frame; the blob's id and its raw length."""
        if self._packer:
            self._write(self._packer.flush())
        self._write(self._length.to_bytes(_TRAILER, "little"))
        return self._hasher.id(), self._length


def decode_stream(
    reader: FrameReader, expect: BlobId, *, length: int | None = None
) -> Iterator[bytes]:
    """The content of a blob in pieces of at most 256 KiB, within a few MiB of memory.

    What is wrong with a frame may show only at its end: publish nothing made from the pieces
    before the iterator is exhausted. The reader is closed when iteration ends, however it ends.

    Args:
        reader: the frame, from its first byte.
        expect: the blob it must be.
        length: the raw length, where the caller knows it; a frame that inflates beyond it is
            then refused at once instead of at its end.

    Raises:
        UnsupportedFormat: a frame version this code does not know.
        Damaged: as for ``decode_frame``; at the latest instead of the end of iteration.
    """
    hasher = BlobHasher()
    total = 0
    try:
        source = _Source(reader, expect)
        version, kind_codec = source.take(_PREFIX)
        codec = _codec(version, kind_codec, expect)
        pieces = _stored_pieces if codec == _RAW else _blocks
        for piece in pieces(source):
            total += len(piece)
            if length is not None and total > length:
                raise Damaged(f"{expect.short} is longer than {length} bytes", object_id=expect)
            hasher.update(piece)
            yield piece
        claimed = int.from_bytes(source.take(_TRAILER), "little")
        if source.peek(1):
            raise Damaged(f"frame of {expect.short} is followed by junk", object_id=expect)
    finally:
        reader.close()
    if total != claimed or length not in (None, total):
        raise Damaged(
            f"frame of {expect.short} holds {total} bytes and says {claimed}", object_id=expect
        )
    if hasher.id() != expect:
        raise Damaged(f"content of {expect.short} does not match its id", object_id=expect)


class _Source:
    """Exact reads from a frame, through a small buffer."""

    def __init__(self, reader: FrameReader, expect: BlobId) -> None:
        self._reader = reader
        self._held = b""
        self.expect = expect

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes without taking them; fewer only at the end."""
        while len(self._held) < size:
            piece = self._reader.read(_PIECE)
            if not piece:
                break
            self._held += piece
        return self._held[:size]

    def take(self, size: int) -> bytes:
        """Exactly the next ``size`` bytes."""
        taken = self.peek(size)
        if len(taken) < size:
            raise Damaged(f"frame of {self.expect.short} is truncated", object_id=self.expect)
        self._held = self._held[size:]
        return taken


def _stored_pieces(source: _Source) -> Iterator[bytes]:
    while (ready := len(source.peek(_PIECE + _TRAILER)) - _TRAILER) > 0:
        yield source.take(ready)


def _blocks(source: _Source) -> Iterator[bytes]:
    """Inflate one zstd frame block by block, and stop exactly at its end."""
    try:
        head = source.peek(_MAX_ZSTD_HEADER)
        parameters = _zstd_parameters(head, source.expect)
        inflater = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        inflater.decompress(source.take(zstandard.frame_header_size(head)))
        last = False
        while not last:
            last, block = _next_block(source)
            if last and parameters.has_checksum:
                block += source.take(4)
            piece = inflater.decompress(block)
            if piece:
                yield piece
    except zstandard.ZstdError as error:
        raise _bad_zstd(error, source.expect) from error
    if not inflater.eof or inflater.unused_data:
        raise Damaged(f"frame of {source.expect.short} has no end", object_id=source.expect)


def _next_block(source: _Source) -> tuple[bool, bytes]:
    head = source.take(3)
    fields = int.from_bytes(head, "little")
    kind, size = fields >> 1 & 3, fields >> 3
    if kind == _RESERVED_BLOCK or size > _MAX_BLOCK:
        raise Damaged(f"frame of {source.expect.short} has a bad block", object_id=source.expect)
    return bool(fields & 1), head + source.take(1 if kind == _RLE_BLOCK else size)
