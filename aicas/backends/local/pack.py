"""The format of a pack: an immutable file of the cold tier, readable with nothing but itself.

``header | blocks | table of blocks | fan-out | entries | footer``. A block is one zstd frame over
the frames of several objects, so what resembles each other is compressed together. Entries are
sorted by id; the fan-out says where those begin whose ids start with certain bits, and carries a
CRC of each such bucket, so a lookup checks what it reads and a flipped bit is never believed.
Byte by byte: docs/format.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from aicas.errors import Damaged, InvalidInput, UnsupportedFormat
from aicas.ids import ObjectId, id_of_kind

VERSION: Final = 1
MAX_BLOCK_BYTES: Final = 32 << 20
"""Decoded size above which no block is written, and none is read."""
MAX_WINDOW_LOG: Final = 23

_MAGIC, _END = b"aicas-pack\0\0", b"aicas-pack-end\0\0"
_HEADER = struct.Struct("<12sHxxQI")
_BLOCK = struct.Struct("<QII")
_FAN = struct.Struct("<II")
_ENTRY = struct.Struct("<32sIIII")
_FOOTER = struct.Struct("<QIIIII16s")
HEADER_BYTES: Final = _HEADER.size
BLOCK_BYTES: Final = _BLOCK.size
FAN_BYTES: Final = _FAN.size
ENTRY_BYTES: Final = _ENTRY.size
FOOTER_BYTES: Final = _FOOTER.size
_BUCKET = 16
_MAX_FAN_BITS = 24
_SECOND = 1_000_000
_BLOCK_BITS = 28


class Block(NamedTuple):
    """Where a block lies in the file, and how long it is decoded."""

    offset: int
    stored: int
    raw: int


class Entry(NamedTuple):
    """Where an object's frame lies in a decoded block, and when it was committed."""

    id: ObjectId
    block: int
    offset: int
    length: int
    at: int
    """In microseconds since 1970 UTC, rounded up to the second."""


class Tables(NamedTuple):
    """What the footer says of the parts before it."""

    offset: int
    """Where the table of blocks begins, behind the last block."""
    blocks: int
    entries: int
    fan_bits: int

    @property
    def fan_offset(self) -> int:
        """Where the fan-out begins."""
        return self.offset + self.blocks * _BLOCK.size

    @property
    def entries_offset(self) -> int:
        """Where the entries begin."""
        return self.fan_offset + ((1 << self.fan_bits) + 1) * _FAN.size

    @property
    def end(self) -> int:
        """Where the footer begins."""
        return self.entries_offset + self.entries * _ENTRY.size


def encode_header(number: int) -> bytes:
    """The first bytes of a pack that is sealed when ``number`` is the newest operation."""
    head = _HEADER.pack(_MAGIC, VERSION, number, 0)[:-4]
    return head + zlib.crc32(head).to_bytes(4, "little")


def decode_header(data: bytes, name: str) -> int:
    """The number of the operation that was the newest when the pack ``name`` was sealed.

    Raises:
        UnsupportedFormat: written in a newer version.
        Damaged: no pack, or a header that fails its CRC.
    """
    if len(data) < _HEADER.size or data[:12] != _MAGIC:
        raise Damaged(f"pack {name} does not start with a pack header")
    _, version, number, crc = _HEADER.unpack_from(data)
    if crc != zlib.crc32(data[: _HEADER.size - 4]):
        raise Damaged(f"pack {name} has a damaged header")
    if version != VERSION:
        raise UnsupportedFormat(f"pack {name} has format version {version}, not {VERSION}")
    return int(number)


def encode_tables(blocks: Sequence[Block], entries: Sequence[Entry], offset: int) -> bytes:
    """Everything behind the blocks, which end at ``offset``."""
    bits = fan_bits(len(entries))
    rows = sorted(map(_encode_entry, entries))
    starts = _starts(rows, bits)
    fan = b"".join(
        _FAN.pack(start, zlib.crc32(b"".join(rows[start:end])))
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True)
    )
    fan += _FAN.pack(len(rows), 0)
    head = b"".join(_BLOCK.pack(*block) for block in blocks) + fan
    footer = _FOOTER.pack(offset, len(blocks), len(rows), bits, zlib.crc32(head), 0, _END)
    crc = zlib.crc32(footer).to_bytes(4, "little")
    return b"".join([head, *rows, footer[:-20], crc, _END])


def _starts(rows: Sequence[bytes], bits: int) -> list[int]:
    """For each value of the leading bits, where the rows begin that have it."""
    starts = [0] * (1 << bits)
    for row in rows:
        starts[bucket_of(row, bits)] += 1
    at = 0
    for bucket, count in enumerate(starts):
        starts[bucket] = at
        at += count
    return starts


def decode_footer(data: bytes, name: str, size: int) -> tuple[Tables, int]:
    """The tables of the pack ``name`` of ``size`` bytes, and the CRC of blocks and fan-out.

    Raises:
        Damaged: no footer, one that fails its CRC, or one that does not fit the file.
    """
    if len(data) != _FOOTER.size or data[-16:] != _END:
        raise Damaged(f"pack {name} does not end with a pack footer")
    offset, blocks, entries, bits, crc, own, _ = _FOOTER.unpack(data)
    if own != zlib.crc32(data[:-20] + bytes(4) + data[-16:]):
        raise Damaged(f"pack {name} has a damaged footer")
    tables = Tables(offset, blocks, entries, min(bits, _MAX_FAN_BITS))
    if tables.end + _FOOTER.size != size or offset < _HEADER.size:
        raise Damaged(f"pack {name} has another size than its footer says")
    return tables, crc


def decode_block(data: memoryview, at: int) -> Block:
    """The row of the table of blocks at ``at``."""
    return Block(*_BLOCK.unpack_from(data, at))


def decode_fan(data: memoryview, at: int) -> tuple[int, int, int]:
    """Of the bucket at ``at``: its first entry, the one behind its last, and its CRC."""
    first, crc = _FAN.unpack_from(data, at)
    end, _ = _FAN.unpack_from(data, at + _FAN.size)
    return first, end, crc


def holds(at: int) -> bool:
    """Whether a time can be said in a pack, which it can from 1970 to 2106."""
    return 0 <= -(-at // _SECOND) < 1 << 32


def _encode_entry(entry: Entry) -> bytes:
    seconds = -(-entry.at // _SECOND)
    marked = entry.id.kind << _BLOCK_BITS | entry.block
    return _ENTRY.pack(entry.id, marked, entry.offset, entry.length, seconds)


def decode_entry(row: bytes | memoryview) -> Entry:
    """One row of the entries.

    Raises:
        Damaged: it is marked with no kind of object.
    """
    raw, marked, offset, length, seconds = _ENTRY.unpack(row)
    block = marked & (1 << _BLOCK_BITS) - 1
    try:
        object_id = id_of_kind(marked >> _BLOCK_BITS, raw)
    except InvalidInput as error:
        raise Damaged(f"a pack holds an object of no kind that there is: {error}") from error
    return Entry(object_id, block, offset, length, seconds * _SECOND)


def bucket_of(raw_id: bytes, bits: int) -> int:
    """The bucket an id, or the row that begins with it, belongs to."""
    return int.from_bytes(raw_id[:4], "big") >> 32 - bits


def fan_bits(entries: int) -> int:
    """How many leading bits to fan out by, so that a bucket holds some sixteen entries."""
    return min((entries // _BUCKET).bit_length(), _MAX_FAN_BITS)
