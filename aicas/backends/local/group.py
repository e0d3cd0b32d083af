"""The bytes of a log segment: a header, then groups, each whole or not there at all.

    segment  = header group*
    header   = "aicas-segment" NUL, u16 version, u64 sequence, u32 generation, u32 seed,
               u32 CRC-32 of these
    group    = "GRUP", u32 body length, i64 time, u32 CRC-32 of these and of the group's u64
               offset in the file, from seed · body · commit
    commit   = "DONE", u32 body length, u32 CRC-32 of the body from seed
    body     = record*          (objects first, at most one operation, last)
    record   = 1 id[32] u32 length · frame            an object
             | 2 id[32] u64 length                    an object in a file of its own
             | 3 u64 number u32 length digest[32] · operation
             | 4 u32 count · count x (u8 kind, id[32]) objects deleted
             | 5                                      the segment ends here

All integers are little-endian. The CRCs start from a random seed that the segment's header holds,
and cover where the group lies, so neither artifact text that imitates a group nor an artifact that
is a copy of this very file can be taken for one when damage is stepped over. A group whose bytes
end before its length says so is an unfinished write, never acknowledged; one that is complete but
fails its CRC is damage.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from aicas.errors import Damaged, UnsupportedFormat
from aicas.ids import Kind

VERSION = 1
_SEGMENT = struct.Struct("<14sHQIII")
_SEGMENT_MAGIC = b"aicas-segment\0"
SEGMENT_HEADER_BYTES = _SEGMENT.size

_HEAD = struct.Struct("<4sIqI")
GROUP_HEAD_BYTES = _HEAD.size
_DONE = struct.Struct("<4sII")
GROUP_MAGIC, _DONE_MAGIC = b"GRUP", b"DONE"
OBJECT_HEAD = struct.Struct("<B32sI")
_LARGE = struct.Struct("<B32sQ")
_OPERATION = struct.Struct("<BQI32s")
_DELETED = struct.Struct("<BI")
_OBJECT, _LARGE_OBJECT, _OPERATION_RECORD, _DELETED_RECORD, _SEAL_RECORD = 1, 2, 3, 4, 5

_KINDS = frozenset(Kind)

MAX_BODY_BYTES = 2**31


class ObjectRecord(NamedTuple):
    """An object of a group; ``offset`` and ``length`` place its whole record in the file."""

    raw_id: bytes
    kind: int
    offset: int
    length: int
    large_bytes: int | None = None
    """Size of its own file, for an object that is not in the log."""


class OperationRecord(NamedTuple):
    """The operation of a group: its number, digest and canonical bytes."""

    number: int
    digest: bytes
    data: bytes
    offset: int
    length: int


class Group:
    """One whole group, as read: its place in the file, its time and its records."""

    def __init__(self, offset: int, end: int, at: int, body: bytes) -> None:
        self.offset = offset
        self.end = end
        self.at = at
        self.body = body
        self.objects: list[ObjectRecord] = []
        self.operation: OperationRecord | None = None
        self.deleted: Sequence[tuple[int, bytes]] = ()
        self.seals = False
        self.damaged = False
        """The body fails its CRC, but whole groups follow, so it was once complete."""


class DamagedRegion(NamedTuple):
    """Bytes between two whole groups (or before the end) that are not a whole group."""

    offset: int
    end: int
    is_last: bool = False
    """Whether nothing followed it in the file, as long as that was when it was read."""


class SegmentHeader(NamedTuple):
    """What the first bytes of a segment file say."""

    sequence: int
    generation: int
    seed: int

    def encode(self) -> bytes:
        """The header's bytes."""
        head = _SEGMENT.pack(_SEGMENT_MAGIC, VERSION, self.sequence, self.generation, self.seed, 0)[
            :-4
        ]
        return head + zlib.crc32(head).to_bytes(4, "little")


def decode_segment_header(data: bytes, name: str) -> SegmentHeader:
    """Read the header of the segment file ``name``.

    Raises:
        UnsupportedFormat: written in a newer version.
        Damaged: no segment header, or one that fails its CRC.
    """
    if len(data) < SEGMENT_HEADER_BYTES or data[:14] != _SEGMENT_MAGIC:
        raise Damaged(f"log segment {name} does not start with a segment header")
    _, version, sequence, generation, seed, crc = _SEGMENT.unpack_from(data)
    if crc != zlib.crc32(data[: SEGMENT_HEADER_BYTES - 4]):
        raise Damaged(f"log segment {name} has a damaged header")
    if version != VERSION:
        raise UnsupportedFormat(f"log segment {name} has format version {version}, not {VERSION}")
    return SegmentHeader(sequence, generation, seed)


def object_record(raw_id: bytes, frame: bytes) -> bytes:
    """An object's record head; the frame follows it."""
    return OBJECT_HEAD.pack(_OBJECT, raw_id, len(frame))


def is_object_record(record: bytes, raw_id: bytes) -> bool:
    """Whether the bytes are the whole record of this object."""
    head = record[: OBJECT_HEAD.size]
    return head == OBJECT_HEAD.pack(_OBJECT, raw_id, max(len(record) - OBJECT_HEAD.size, 0))


def large_record(raw_id: bytes, stored_bytes: int) -> bytes:
    """The record of an object that lies in a file of its own."""
    return _LARGE.pack(_LARGE_OBJECT, raw_id, stored_bytes)


def operation_record(number: int, digest: bytes, data: bytes) -> bytes:
    """An operation's record."""
    return _OPERATION.pack(_OPERATION_RECORD, number, len(data), digest) + data


def deleted_record(ids: Sequence[tuple[int, bytes]]) -> bytes:
    """The record of a deletion, as (kind, id) pairs."""
    return _DELETED.pack(_DELETED_RECORD, len(ids)) + b"".join(
        bytes([kind]) + raw_id for kind, raw_id in ids
    )


SEAL = bytes([_SEAL_RECORD])


def encode_group(at: int, records: Sequence[bytes], seed: int, offset: int) -> bytes:
    """A whole group of records, with its head and commit, to be written at ``offset``."""
    body = b"".join(records)
    if len(body) > MAX_BODY_BYTES:
        raise Damaged(f"a group of {len(body)} bytes is more than one commit can hold")
    head = struct.pack("<4sIq", GROUP_MAGIC, len(body), at)
    crc = _head_crc(head, seed, offset).to_bytes(4, "little")
    commit = _DONE.pack(_DONE_MAGIC, len(body), zlib.crc32(body, seed))
    return b"".join([head, crc, body, commit])


def _head_crc(head: bytes, seed: int, offset: int) -> int:
    return zlib.crc32(offset.to_bytes(8, "little"), zlib.crc32(head, seed))


def group_bytes(window: bytes, at: int, offset: int, seed: int) -> int:
    """How long the group at ``at``, ``offset`` in the file, says it is; 0 if none starts there."""
    if at + _HEAD.size > len(window):
        return 0
    magic, length, _, crc = _HEAD.unpack_from(window, at)
    if magic != GROUP_MAGIC or crc != _head_crc(window[at : at + 16], seed, offset):
        return 0
    whole: int = _HEAD.size + length + _DONE.size
    return whole


def parse_group(window: bytes, at: int, offset: int, seed: int) -> Group | None:
    """The whole and sound group at ``at``, which is ``offset`` in the file, if there is one."""
    need = group_bytes(window, at, offset, seed)
    if not need or at + need > len(window):
        return None
    magic, length, crc = _DONE.unpack_from(window, at + need - _DONE.size)
    body = memoryview(window)[at + _HEAD.size : at + need - _DONE.size]
    if magic != _DONE_MAGIC or length != len(body) or crc != zlib.crc32(body, seed):
        return None
    return parse_body(window, at, offset)


def parse_body(window: bytes, at: int, offset: int) -> Group | None:
    """The group at ``at`` read without its checksums; ``None`` if its records make no sense."""
    _, length, time, _ = _HEAD.unpack_from(window, at)
    body = window[at + _HEAD.size : at + _HEAD.size + length]
    group = Group(offset, offset + _HEAD.size + length + _DONE.size, time, body)
    try:
        _parse_records(group, offset + _HEAD.size)
    except (struct.error, IndexError):
        return None
    return group


def _parse_records(group: Group, base: int) -> None:
    body, at = group.body, 0
    while at < len(body):
        kind = body[at]
        if kind == _OBJECT:
            _, raw_id, length = OBJECT_HEAD.unpack_from(body, at)
            whole = OBJECT_HEAD.size + length
            frame_kind = body[at + OBJECT_HEAD.size + 1] >> 4
            if frame_kind in _KINDS:  # in a damaged group it may be anything
                group.objects.append(ObjectRecord(raw_id, frame_kind, base + at, whole))
        elif kind == _LARGE_OBJECT:
            _, raw_id, stored = _LARGE.unpack_from(body, at)
            whole = _LARGE.size
            group.objects.append(ObjectRecord(raw_id, 1, base + at, whole, stored))
        elif kind == _OPERATION_RECORD:
            _, number, length, digest = _OPERATION.unpack_from(body, at)
            whole = _OPERATION.size + length
            data = body[at + _OPERATION.size : at + whole]
            group.operation = OperationRecord(number, digest, data, base + at, whole)
        elif kind == _DELETED_RECORD:
            whole = _parse_deleted(group, at)
        elif kind == _SEAL_RECORD:
            group.seals, whole = True, 1
        else:
            raise IndexError(f"record type {kind}")
        at += whole
    if at != len(body):
        raise IndexError("a record runs past its group")


def _parse_deleted(group: Group, at: int) -> int:
    _, count = _DELETED.unpack_from(group.body, at)
    start = at + _DELETED.size
    ids = group.body[start : start + 33 * count]
    pairs = ((ids[i], ids[i + 1 : i + 33]) for i in range(0, len(ids), 33))
    group.deleted = [(kind, raw) for kind, raw in pairs if kind in _KINDS and len(raw) == 32]
    return int(_DELETED.size + 33 * count)


def parse_operation(record: bytes) -> OperationRecord:
    """Read one operation's record on its own.

    Raises:
        Damaged: it is no operation record.
    """
    try:
        kind, number, length, digest = _OPERATION.unpack_from(record)
    except struct.error as error:
        raise Damaged("an operation record is cut short") from error
    data = record[_OPERATION.size :]
    if kind != _OPERATION_RECORD or len(data) != length:
        raise Damaged("there is no operation record where the index places one")
    return OperationRecord(number, digest, data, 0, len(record))
