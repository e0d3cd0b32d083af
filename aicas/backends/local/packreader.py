"""Reading a pack: finding an object by its id, and decoding no more of its block than needed."""

from __future__ import annotations

import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import zstandard

from aicas.backends.local import pack
from aicas.backends.local.overlay import Place
from aicas.backends.local.pack import ENTRY_BYTES, Block, Entry
from aicas.errors import AicasError, Damaged, StorageFailed
from aicas.ids import ObjectId

_READ_BYTES = 64 << 10
# What a block is decoded in at least: the neighbours of what was asked for are often next.
_STEP = 64 << 10
# As much as git keeps of what it resolves (core.deltaBaseCacheLimit).
CACHE_BYTES = 96 << 20


class InPack(NamedTuple):
    """Where an object lies in a pack."""

    pack: Pack
    block: int
    offset: int
    length: int
    at: int

    @property
    def stored_bytes(self) -> int:
        """Its share of what the block takes on disk."""
        block = self.pack.block(self.block)
        return max(self.length * block.stored // max(block.raw, 1), 1)


class Pack:
    """An open pack. Safe for many threads; stays readable after its file was unlinked."""

    def __init__(self, path: Path) -> None:
        """Open the pack at ``path`` and check everything but its blocks and entries.

        Raises:
            FileNotFoundError: it was replaced meanwhile.
            Damaged, UnsupportedFormat: see ``pack.decode_header``, ``pack.decode_footer``.
            StorageFailed: it cannot be read.
        """
        self.name = path.name
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageFailed(f"cannot open pack {path}: {error.strerror}") from error
        self._fd = fd
        try:
            self.size = os.fstat(fd).st_size
            head = os.pread(fd, pack.HEADER_BYTES, 0)
            footer = os.pread(fd, pack.FOOTER_BYTES, max(self.size - pack.FOOTER_BYTES, 0))
            self.number = pack.decode_header(head, self.name)
            self._tables, crc = pack.decode_footer(footer, self.name, self.size)
            start = self._tables.offset
            self._head = memoryview(os.pread(fd, self._tables.entries_offset - start, start))
        except OSError as error:
            raise StorageFailed(f"cannot read pack {path}: {error.strerror}") from error
        if zlib.crc32(self._head) != crc:
            raise Damaged(f"pack {self.name} has a damaged table of blocks")

    def __del__(self) -> None:
        # Not closed by hand: another thread may be reading, and the number would be reused.
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def __len__(self) -> int:
        return self._tables.entries

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self._tables.blocks

    @property
    def raw_bytes(self) -> int:
        """How long all blocks are together, decoded."""
        return sum(self.block(number).raw for number in range(self.blocks))

    def block(self, number: int) -> Block:
        """Where a block lies.

        Raises:
            Damaged: there is no such block.
        """
        if number >= self._tables.blocks:
            raise Damaged(f"pack {self.name} has no block {number}")
        return pack.decode_block(self._head, number * pack.BLOCK_BYTES)

    def stored_block(self, block: Block) -> bytes:
        """A block as it is on disk.

        Raises:
            Damaged: it lies outside of the file's blocks, or cannot be read.
        """
        if not pack.HEADER_BYTES <= block.offset <= self._tables.offset - block.stored:
            raise Damaged(f"pack {self.name} places a block where none is")
        return self._read(block.stored, block.offset)

    def _read(self, length: int, offset: int) -> bytes:
        # Not mapped: a sector that cannot be read would kill the process, and this is no index.
        try:
            return os.pread(self._fd, length, offset)
        except OSError as error:
            raise Damaged(f"pack {self.name} cannot be read: {error.strerror}") from error

    def find(self, object_id: ObjectId) -> InPack | None:
        """Where an object lies, if it is in the pack.

        Raises:
            Damaged: the part of the entries where it would be is damaged.
        """
        bits = self._tables.fan_bits
        rows = self._bucket(pack.bucket_of(object_id, bits))
        at = rows.find(object_id)
        while at >= 0 and at % ENTRY_BYTES:
            at = rows.find(object_id, at + 1)
        if at < 0:
            return None
        entry = pack.decode_entry(rows[at : at + ENTRY_BYTES])
        return InPack(self, *entry[1:]) if entry.id.kind == object_id.kind else None

    def _bucket(self, number: int) -> bytes:
        """The rows of all entries of a bucket."""
        at = self._tables.fan_offset - self._tables.offset + number * pack.FAN_BYTES
        first, end, crc = pack.decode_fan(self._head, at)
        offset = self._tables.entries_offset + first * ENTRY_BYTES
        rows = self._read((end - first) * ENTRY_BYTES, offset)
        if zlib.crc32(rows) != crc:
            raise Damaged(f"pack {self.name} has damaged entries")
        return rows

    def entries(self, low: bytes = bytes(32), high: bytes = b"\xff" * 32) -> Iterator[Entry]:
        """The entries from id ``low`` to ``high``, sorted by id.

        Raises:
            Damaged: some of them are damaged; raised behind all that are not.
        """
        bits = self._tables.fan_bits
        damage: Damaged | None = None
        for number in range(pack.bucket_of(low, bits), pack.bucket_of(high, bits) + 1):
            try:
                rows = self._bucket(number)
            except Damaged as error:
                damage = error
                continue
            for at in range(0, len(rows), ENTRY_BYTES):
                if low <= rows[at : at + 32] <= high:
                    yield pack.decode_entry(rows[at : at + ENTRY_BYTES])
        if damage:
            raise damage

    def decode(self, number: int) -> Iterator[bytes]:
        """A block's content, in pieces, as far as it is asked for.

        Raises:
            Damaged: it is not one zstd frame of the length that the table says.
        """
        block = self.block(number)
        if block.raw > pack.MAX_BLOCK_BYTES:
            raise Damaged(f"pack {self.name} claims a block of {block.raw} bytes")
        decoder = zstandard.ZstdDecompressor(max_window_size=1 << pack.MAX_WINDOW_LOG)
        left = block.raw
        try:
            with decoder.stream_reader(self.stored_block(block), read_size=_READ_BYTES) as reader:
                while left:
                    piece = reader.read(min(left, _STEP))
                    if not piece:
                        raise Damaged(f"block {number} of pack {self.name} is cut short")
                    left -= len(piece)
                    yield piece
        except zstandard.ZstdError as error:
            raise Damaged(f"block {number} of pack {self.name} is damaged: {error}") from error

    def check(self) -> Iterator[str]:
        """What is wrong with the pack, but for the content of objects, in words."""
        try:
            last, count = b"", 0
            for entry in self.entries():
                if entry.id <= last or entry.offset + entry.length > self.block(entry.block).raw:
                    yield f"pack {self.name} has an entry that cannot be"
                    return
                last, count = entry.id, count + 1
            if count != len(self):
                yield f"pack {self.name} has lost entries"
        except AicasError as error:
            yield str(error)


class _Decoding:
    """A block as far as it has been decoded."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.content = bytearray()

    def upto(self, end: int) -> None:
        """Decode until ``end`` bytes are there, or all there are."""
        while len(self.content) < end:
            piece = next(self._pieces, None)
            if piece is None:
                return
            self.content += piece


class BlockCache:
    """The most recently used blocks, decoded as far as was needed. Safe for many threads."""

    def __init__(self, budget: int = CACHE_BYTES) -> None:
        """Keep up to ``budget`` bytes, beside the block that is being read."""
        self._budget = budget
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Pack, int], _Decoding] = OrderedDict()
        self._bytes = 0

    def read(self, place: InPack) -> bytes:
        """The frame at a place in a pack.

        Raises:
            Damaged: the block cannot be decoded so far.
        """
        name = (place.pack, place.block)
        end = place.offset + place.length
        with self._lock:
            block = self._held.pop(name, None) or _Decoding(place.pack.decode(place.block))
            self._bytes -= len(block.content)
            block.upto(end)
            self._bytes += len(block.content)
            self._held[name] = block
            while self._bytes > self._budget and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                self._bytes -= len(dropped.content)
            if len(block.content) < end:
                raise Damaged(f"pack {place.pack.name} places an object past its block")
            return bytes(block.content[place.offset : end])


def in_reading_order(places: Mapping[ObjectId, Place | InPack]) -> list[ObjectId]:
    """The ids in the order in which it is cheapest to read them: no block is decoded twice."""
    cold = [i for i, place in places.items() if isinstance(place, InPack)]
    if not cold:
        return list(places)
    hot = [i for i, place in places.items() if not isinstance(place, InPack)]
    return [*hot, *sorted(cold, key=lambda i: _order(places[i]))]


def _order(place: Place | InPack) -> tuple[str, int, int]:
    return (place.pack.name, place.block, place.offset) if isinstance(place, InPack) else ("", 0, 0)
