"""Every object of a store, packed: sorted rows that take 49 bytes each, found by id.

A million objects as Python ids and tuples would take half a gigabyte. Ids are spread evenly, so a
fan-out by their first two bytes leaves a few rows to look through.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

from aicas.backends.base import StoredObject
from aicas.ids import SIZE, ObjectId, id_of_kind

_ROW = struct.Struct("<32sBQq")
_FAN = 1 << 16


class Listing:
    """What a store held at one moment. Immutable; safe for many threads."""

    def __init__(self, objects: Iterable[StoredObject]) -> None:
        """Take in a ``Backend.scan``, in whatever order it comes."""
        self._rows = _sorted_rows(objects)
        self._starts = _fan_out(self._rows)

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    def find(self, object_id: bytes) -> int:
        """The number of an object's row, counted in the order of ids; -1 if it is not listed."""
        first = object_id[0] << 8 | object_id[1]
        at, end = self._starts[first], self._starts[first + 1]
        while (at := self._rows.find(object_id, at, end)) >= 0:
            row, rest = divmod(at, _ROW.size)
            if rest == 0:
                return row
            at += 1
        return -1

    def id(self, row: int) -> ObjectId:
        """The id in a row."""
        raw, kind, _, _ = _ROW.unpack_from(self._rows, row * _ROW.size)
        return id_of_kind(kind, raw)

    def kind(self, row: int) -> int:
        """The kind of the object in a row."""
        return self._rows[row * _ROW.size + SIZE]

    def stored_bytes(self, row: int) -> int:
        """What the object in a row takes."""
        size: int = _ROW.unpack_from(self._rows, row * _ROW.size)[2]
        return size

    def rows(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Raw id, kind, stored bytes and time of each object, sorted by id."""
        return _ROW.iter_unpack(self._rows)


def _sorted_rows(objects: Iterable[StoredObject]) -> bytearray:
    rows = bytearray()
    last, in_order = b"", True
    for object_id, stored_bytes, at in objects:
        in_order = in_order and last < object_id
        last = object_id
        rows += _ROW.pack(object_id, object_id.kind, stored_bytes, at)
    return rows if in_order else _put_in_order(rows)


def _put_in_order(rows: bytearray) -> bytearray:
    """Sort, a 256th of the rows at a time, so that only so many are Python objects."""
    parts = [bytearray() for _ in range(256)]
    view = memoryview(rows)
    for at in range(0, len(rows), _ROW.size):
        parts[rows[at]] += view[at : at + _ROW.size]
    at = 0
    for part in parts:
        each = (bytes(part[i : i + _ROW.size]) for i in range(0, len(part), _ROW.size))
        view[at : at + len(part)] = b"".join(sorted(each))
        at += len(part)
    return rows


def _fan_out(rows: bytearray) -> array[int]:
    """For each first two bytes of an id, where the rows begin that start so, or with more."""
    starts = array("Q", bytes(8 * (_FAN + 1)))
    for at in range(0, len(rows), _ROW.size):
        starts[(rows[at] << 8 | rows[at + 1]) + 1] += _ROW.size
    return array("Q", accumulate(starts))
