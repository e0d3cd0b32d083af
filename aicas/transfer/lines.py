"""The lines of a ``.jsonl`` or ``.jsonl.zst`` file, one at a time and within bounds.

Compressed input is fed in small pieces: a few bytes of zstd can stand for megabytes, and the
decompressor hands out everything one piece stands for at once. Frames must be whole, and
nothing but frames may follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from aicas.errors import InvalidInput, NotFound, StorageFailed

MAX_WINDOW = 128 * 1024 * 1024
_PIECE = 64 * 1024
# A block is at least 4 bytes and yields at most 128 KiB: 512 bytes stand for at most 16 MiB.
_COMPRESSED_PIECE = 512
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def read_lines(path: Path, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and content, without its newline, of every line that is not blank.

    The format is told by the first bytes, not by the name.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a directory; a line longer than ``max_bytes``; zstd data that is damaged,
            cut short, followed by something else or needs a window over 128 MiB.
        StorageFailed: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC
            file.seek(0)
            pieces = _decompressed(path, file) if compressed else _plain(file)
            yield from _split(path, pieces, max_bytes)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {str(path)!a}") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"{str(path)!a} is a directory") from error
    except OSError as error:
        raise StorageFailed(f"cannot read {str(path)!a}: {error.strerror}") from error


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _decompressed(path: Path, file: BinaryIO) -> Iterator[bytes]:
    context = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    frame = context.decompressobj()
    try:
        while piece := file.read(_COMPRESSED_PIECE):
            while piece:
                if frame.eof:
                    frame = context.decompressobj()
                yield frame.decompress(piece)
                piece = frame.unused_data if frame.eof else b""
    except zstandard.ZstdError as error:
        raise InvalidInput(f"{str(path)!a} is not valid zstd data: {error}") from error
    if not frame.eof:
        raise InvalidInput(f"{str(path)!a} is cut short: its last zstd frame is not whole")


def _split(path: Path, pieces: Iterator[bytes], max_bytes: int) -> Iterator[tuple[int, bytes]]:
    number = 1
    pending = bytearray()
    for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            pending += memoryview(piece)[start:end]
            yield from _line(path, number, pending, max_bytes)
            pending.clear()
            number += 1
            start = end + 1
        pending += memoryview(piece)[start:]
        if len(pending) > max_bytes:
            break
    yield from _line(path, number, pending, max_bytes)


def _line(
    path: Path, number: int, content: bytearray, max_bytes: int
) -> Iterator[tuple[int, bytes]]:
    if len(content) > max_bytes:
        raise InvalidInput(f"line {number} of {str(path)!a} is longer than {max_bytes >> 20} MiB")
    if content.strip():
        yield number, bytes(content)
