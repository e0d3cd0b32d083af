"""Writing a pack: blocks compressed side by side, then the tables, then the name."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import zstandard

from aicas.backends.local import files, pack
from aicas.backends.local.pack import Block, Entry
from aicas.errors import StorageFailed
from aicas.ids import ObjectId

if TYPE_CHECKING:
    from aicas.backends.local.packreader import Pack

# Measured on histories of source files: below this a block is too short to find what repeats, and
# above the other limit reading from its end takes too long.
FULL_BLOCK = 256 << 10
LONGEST_BLOCK = 8 << 20
_LEVEL = 9
_WORKERS = 2
# What is written is flushed in such pieces, so that the commits of others never wait for much.
_FLUSH_BYTES = 4 << 20


class _Compressors(threading.local):
    """One context for each thread: making one costs more than filling a short block."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL, window_log=pack.MAX_WINDOW_LOG
        )
        self.compressor = zstandard.ZstdCompressor(compression_params=parameters)


_local = _Compressors()


def _compress(data: bytes) -> bytes:
    return _local.compressor.compress(data)


class PackWriter:
    """A pack on its way to disk. Leaving the context without ``finish`` leaves nothing.

    One owner; not safe to share between threads.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """Begin a pack in ``folder``.

        Args:
            folder: where packs are.
            number: of the newest operation; what is in the pack was held after it.

        Raises:
            StorageFailed: the disk refused.
        """
        self._folder = folder
        self._number = number
        self._name = f"{os.urandom(8).hex()}.pack"
        self._path = folder / f"{self._name}.new"
        self._pool = ThreadPoolExecutor(_WORKERS, "aicas-pack")
        self._pending: deque[tuple[Future[bytes], int]] = deque()
        self._blocks: list[Block] = []
        self._entries: list[Entry] = []
        self._frames: list[bytes] = []
        self._raw = 0
        self._label: str | None = None
        self._unflushed = 0
        self._done = False
        try:
            self._fd = files.create_file(self._path)
        except OSError as error:
            raise StorageFailed(f"cannot write a pack: {error.strerror}") from error
        self._end = 0
        self._append(pack.encode_header(number))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        os.close(self._fd)
        if not self._done:
            with suppress(OSError):  # the next one to pack removes it
                self._path.unlink()

    def add(self, object_id: ObjectId, at: int, frame: bytes, label: str | None) -> None:
        """Append an object's frame, uncompressed so that the block can be.

        Args:
            object_id: its id; not one that was added before.
            at: when it was committed, in microseconds since 1970 UTC.
            frame: its whole frame.
            label: frames of one label, added one after another, stay in one block up to 8 MiB;
                those without one are cut wherever a block is full.

        Raises:
            StorageFailed: the disk refused.
        """
        full = self._raw >= FULL_BLOCK and (label is None or label != self._label)
        if full or (self._raw and self._raw + len(frame) > LONGEST_BLOCK):
            self._close_block()
        block = len(self._blocks) + len(self._pending)
        self._entries.append(Entry(object_id, block, self._raw, len(frame), at))
        self._frames.append(frame)
        self._raw += len(frame)
        self._label = label

    def copy_block(self, source: Pack, number: int, live: Collection[Entry]) -> None:
        """Take over a block of another pack as it is, with those of its objects that live."""
        self._close_block()
        self._drain(0)
        block = source.block(number)
        self._blocks.append(Block(self._end, block.stored, block.raw))
        mine = len(self._blocks) - 1
        self._entries += (entry._replace(block=mine) for entry in live)
        self._append(source.stored_block(block))

    @property
    def objects(self) -> int:
        """How many were added."""
        return len(self._entries)

    def finish(self) -> int:
        """Make the pack durable under its name; returns its size in bytes.

        Raises:
            StorageFailed: the disk refused; there is no pack.
        """
        self._close_block()
        self._drain(0)
        self._append(pack.encode_tables(self._blocks, self._entries, self._end))
        try:
            files.flush_file(self._fd)
            self._path.rename(self._folder / self._name)
            self._done = True
            files.flush_folder(self._folder)
        except OSError as error:
            raise StorageFailed(f"cannot write a pack: {error.strerror}") from error
        return self._end

    def _close_block(self) -> None:
        if not self._frames:
            return
        data = b"".join(self._frames)
        self._pending.append((self._pool.submit(_compress, data), len(data)))
        self._frames, self._raw = [], 0
        self._drain(2 * _WORKERS)

    def _drain(self, most: int) -> None:
        """Write finished blocks, in order, until no more than ``most`` are being compressed."""
        while len(self._pending) > most:
            future, raw = self._pending.popleft()
            stored = future.result()
            self._blocks.append(Block(self._end, len(stored), raw))
            self._append(stored)

    def _append(self, data: bytes) -> None:
        try:
            files.write_all(self._fd, data, self._end)
            self._end += len(data)
            self._unflushed += len(data)
            if self._unflushed >= _FLUSH_BYTES:
                files.flush_file(self._fd)
                self._unflushed = 0
        except OSError as error:
            raise StorageFailed(f"cannot write a pack: {error.strerror}") from error
