"""Sorted runs: where objects lie, in immutable files that are searched as they are mapped.

    run     = header | fan-out | entry*
    header  = "aicas-run" NUL NUL NUL, u16 version, u16 fan bits, store[16], name[16],
              u32 entries, u32 CRC-32 of these
    fan-out = row, for each bucket and one behind the last
    row     = u32 number of the bucket's first entry, u32 CRC-32 of its entries
    entry   = id[32] u8 what << 4 | kind, u64 file, u64 offset, u64 length, i64 time

All integers are little-endian; entries are sorted by id. A bucket holds the entries whose ids start
with its number, in as many bits as the header says. What an entry says: 0, a place; 1, deleted by
the operation whose number stands in place of the file; 2, not in the log any more.

Nothing of a run is flushed. What is torn or flipped is noticed when it is read: the size must be
right to the byte, and a bucket is checked the first time it is touched, against a CRC that starts
from the run's name, so that neither zeros nor pages of another run pass for a bucket.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from aicas.backends.local import files
from aicas.backends.local.overlay import Gone, Place
from aicas.backends.local.rows import IndexDamagedError
from aicas.errors import StorageFailed
from aicas.ids import ObjectId, id_of_kind

VERSION: Final = 1
PREFIXES: Final = 1 << 32
"""How many values the first four bytes of an id have, as a number."""
SUFFIX, DRAFT_SUFFIX = ".run", ".run.new"

_MAGIC = b"aicas-run\0\0\0"
_HEADER = struct.Struct("<12sHH16s16sII")
_ROW = struct.Struct("<II")
_TWO_ROWS = struct.Struct("<IIII")
_PREFIX = struct.Struct(">I")
_VALUE = struct.Struct("<BQQQq")
_PLACE = struct.Struct("<QQQq")
_ID_BYTES = 32
ENTRY_BYTES: Final = _ID_BYTES + _VALUE.size
_BUCKET = 16
_MOST_FAN_BITS = 24
# What an entry says, above the kind in one byte; below the first, it is a place.
_GONE, _PACKED = 1 << 4, 2 << 4


class Packed:
    """Of ``PACKED`` only: the object is not in the log any more, whatever older runs say."""


PACKED: Final = Packed()
Entry = Place | Gone | Packed


def encode_entry(object_id: ObjectId, said: Entry) -> bytes:
    """An entry's bytes; they sort by id."""
    kind = int(object_id.kind)
    if isinstance(said, Place):
        return object_id + _VALUE.pack(kind, *said)
    if isinstance(said, Gone):
        return object_id + _VALUE.pack(_GONE | kind, said.number, 0, 0, 0)
    return object_id + _VALUE.pack(_PACKED | kind, 0, 0, 0, 0)


def decode_entry(entry: bytes) -> tuple[ObjectId, Entry]:
    """Read what ``encode_entry`` wrote."""
    what = entry[_ID_BYTES]
    said = _said(what, _PLACE.unpack_from(entry, _ID_BYTES + 1))
    return id_of_kind(what & 15, entry[:_ID_BYTES]), said


def is_packed(entry: bytes) -> bool:
    """Whether the entry only hides what older runs say."""
    return entry[_ID_BYTES] >= _PACKED


def _said(what: int, place: tuple[int, ...]) -> Entry:
    if what < _GONE:
        return Place._make(place)
    return Gone(place[0]) if what < _PACKED else PACKED


class Run:
    """An open run. Safe for many threads; it stays readable after its file was deleted."""

    def __init__(self, path: Path, store: bytes) -> None:
        """Map the run at ``path``.

        Raises:
            IndexDamagedError: it is not there, torn, or not what its name says it is.
            StorageFailed: it cannot be opened.
        """
        self.name = bytes.fromhex(path.name.removesuffix(SUFFIX))
        self._map = _mapped(path)
        head = self._map[: _HEADER.size]
        if len(head) < _HEADER.size or head[-4:] != _crc(head[:-4]):
            raise IndexDamagedError(f"{path.name} does not start with the header of a run")
        magic, version, bits, stated_store, name, self.count, _ = _HEADER.unpack(head)
        if (magic, version, stated_store, name) != (_MAGIC, VERSION, store, self.name):
            raise IndexDamagedError(f"{path.name} is another run than its name says")
        self._bits: int = bits
        self._shift: int = 32 - bits
        self._base = _HEADER.size + ((1 << bits) + 1) * _ROW.size
        if len(self._map) != self._base + self.count * ENTRY_BYTES:
            raise IndexDamagedError(f"{path.name} is torn")
        self._seed = _seed(name)
        self._sound = bytearray(1 << bits)

    @property
    def fan_bits(self) -> int:
        """By how many bits of an id its buckets are told apart."""
        return self._bits

    def get(self, object_id: ObjectId) -> Entry | None:
        """What it says of an object; ``None`` if nothing."""
        bucket = _PREFIX.unpack_from(object_id)[0] >> self._shift
        row = _HEADER.size + bucket * 8
        first, crc, end, _ = _TWO_ROWS.unpack_from(self._map, row)
        found = self._map[self._base + first * ENTRY_BYTES : self._base + end * ENTRY_BYTES]
        if not self._sound[bucket]:
            self._check(bucket, crc, found)
        at = found.find(object_id)
        while at > 0 and at % ENTRY_BYTES:  # the bytes of an id across two entries
            at = found.find(object_id, at + 1)
        if at < 0:
            return None
        what = found[at + _ID_BYTES]
        if what & 15 != object_id.kind:
            return None
        return _said(what, _PLACE.unpack_from(found, at + _ID_BYTES + 1))

    def part(self, low: int, high: int) -> list[bytes]:
        """The entries whose ids start with four bytes from ``low`` to below ``high``, sorted."""
        first, last = low >> self._shift, high - 1 >> self._shift
        rows = self._map[_HEADER.size + first * 8 : _HEADER.size + (last + 2) * 8]
        start, end = _ROW.unpack_from(rows)[0], _ROW.unpack_from(rows, len(rows) - 8)[0]
        data = self._map[self._base + start * ENTRY_BYTES : self._base + end * ENTRY_BYTES]
        if self._sound.find(0, first, last + 1) >= 0:
            self._check_all(first, rows, data)
        found = [data[at : at + ENTRY_BYTES] for at in range(0, len(data), ENTRY_BYTES)]
        if high >> self._shift << self._shift != high:
            del found[bisect_left(found, _PREFIX.pack(high)) :]
        return found[bisect_left(found, _PREFIX.pack(low)) :]

    def _check_all(self, first: int, rows: bytes, data: bytes) -> None:
        view = memoryview(data)
        starts = [row[0] for row in _ROW.iter_unpack(rows)]
        for number, (start, crc) in enumerate(_ROW.iter_unpack(rows[:-8])):
            lies = slice(
                (start - starts[0]) * ENTRY_BYTES, (starts[number + 1] - starts[0]) * ENTRY_BYTES
            )
            self._check(first + number, crc, view[lies])

    def _check(self, bucket: int, crc: int, entries: bytes | memoryview) -> None:
        if zlib.crc32(entries, self._seed) != crc:
            raise IndexDamagedError(f"run {self.name.hex()} is damaged")
        self._sound[bucket] = 1


def _mapped(path: Path) -> mmap.mmap:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
    except (FileNotFoundError, ValueError) as error:
        raise IndexDamagedError(f"{path.name} is gone or empty") from error
    except OSError as error:
        raise StorageFailed(f"cannot read the store's index: {error.strerror}") from error


def _seed(name: bytes) -> int:
    return zlib.crc32(name) or 1  # never what zeros are taken for


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


class _FanOut:
    """The rows of a run being written."""

    def __init__(self, most: int, seed: int) -> None:
        self.bits = min(max((most // _BUCKET).bit_length(), 1), _MOST_FAN_BITS)
        self.count = 0
        self._shift = 32 - self.bits
        self._seed = self._crc = seed
        self._first = 0
        self._rows = bytearray()

    @property
    def size(self) -> int:
        """Bytes it will take."""
        return ((1 << self.bits) + 1) * _ROW.size

    def add(self, entries: Sequence[bytes], data: bytes) -> None:
        """Count the next entries, whose bytes together are ``data``."""
        view, at = memoryview(data), 0
        last = _PREFIX.unpack_from(entries[-1])[0] >> self._shift
        for bucket in range(len(self._rows) // _ROW.size, last):
            end = bisect_left(entries, _PREFIX.pack(bucket + 1 << self._shift), at)
            self._crc = zlib.crc32(view[at * ENTRY_BYTES : end * ENTRY_BYTES], self._crc)
            self._close(self.count + end)
            at = end
        self._crc = zlib.crc32(view[at * ENTRY_BYTES :], self._crc)
        self.count += len(entries)

    def _close(self, end: int) -> None:
        self._rows += _ROW.pack(self._first, self._crc)
        self._first, self._crc = end, self._seed

    def encode(self) -> bytes:
        """Its bytes."""
        while len(self._rows) < self.size - _ROW.size:
            self._close(self.count)
        return bytes(self._rows + _ROW.pack(self.count, 0))


def write_run(folder: Path, store: bytes, parts: Iterable[Sequence[bytes]], most: int) -> Path:
    """Write a run, as a draft that counts only once ``adopt`` has given it its name.

    Args:
        folder: that of the index.
        store: the store's random identity.
        parts: its entries, sorted, no id twice.
        most: how many there are, at most.

    Raises:
        IndexDamagedError: raised by ``parts``.
        StorageFailed: the disk refused.
    """
    name = os.urandom(16)
    draft = folder / (name.hex() + DRAFT_SUFFIX)
    fan = _FanOut(most, _seed(name))
    try:
        fd = files.create_file(draft)
        try:
            for entries in filter(None, parts):
                data, offset = b"".join(entries), _HEADER.size + fan.size
                files.write_all(fd, data, offset + fan.count * ENTRY_BYTES)
                fan.add(entries, data)
            head = _HEADER.pack(_MAGIC, VERSION, fan.bits, store, name, fan.count, 0)[:-4]
            files.write_all(fd, head + _crc(head) + fan.encode(), 0)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise StorageFailed(f"cannot write the store's index: {error.strerror}") from error
    return draft


def adopt(draft: Path) -> bytes:
    """Give a draft the name under which it can be listed; returns that. Needs the index lock.

    Raises:
        StorageFailed: the disk refused, or another process deleted it.
    """
    name = draft.name.removesuffix(DRAFT_SUFFIX)
    try:
        draft.rename(draft.with_name(name + SUFFIX))
    except OSError as error:
        raise StorageFailed(f"cannot write the store's index: {error.strerror}") from error
    return bytes.fromhex(name)
