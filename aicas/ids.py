"""Object ids: the only module that calls BLAKE3.

A blob's id is the plain BLAKE3-256 of its content, so ``b3sum FILE`` prints it. Trees and
snapshots are hashed under their own derive-key contexts (BLAKE3 specification, section 2.3), so
no blob can pass for one; every other digest names its purpose the same way.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import ClassVar

from blake3 import blake3

from aicas.errors import InvalidInput

SIZE = 32


class Kind(IntEnum):
    """What an object is; part of what is hashed, and written in every frame."""

    BLOB = 1
    TREE = 2
    SNAPSHOT = 3


class ObjectId(bytes):
    """The 32 bytes that name an object. ``str(id)`` is its 64 hexadecimal digits.

    Ids of different kinds are different types; compare and hash as bytes.
    """

    __slots__ = ()
    kind: ClassVar[Kind]

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hex()})"

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, as listings show them."""
        return self[:6].hex()


class BlobId(ObjectId):
    """Id of a blob: plain BLAKE3-256 of its content."""

    __slots__ = ()
    kind = Kind.BLOB


class TreeId(ObjectId):
    """Id of a tree's canonical bytes."""

    __slots__ = ()
    kind = Kind.TREE


class SnapshotId(ObjectId):
    """Id of a snapshot's canonical bytes."""

    __slots__ = ()
    kind = Kind.SNAPSHOT


_TYPES: dict[int, type[ObjectId]] = {t.kind: t for t in (BlobId, TreeId, SnapshotId)}
_TREE_CONTEXT = "aicas 2026-11-23 tree v1"
_SNAPSHOT_CONTEXT = "aicas 2026-11-23 snapshot v1"


def hash_object(kind: Kind, data: bytes) -> ObjectId:
    """The id of an object of ``kind`` whose canonical bytes are ``data``."""
    if kind == Kind.BLOB:
        return blob_id(data)
    if kind == Kind.TREE:
        return TreeId(blake3(data, derive_key_context=_TREE_CONTEXT).digest())
    return SnapshotId(blake3(data, derive_key_context=_SNAPSHOT_CONTEXT).digest())


def blob_id(data: bytes) -> BlobId:
    """The id of a blob, whose canonical bytes are its content."""
    return BlobId(blake3(data).digest())


def id_of_kind(kind: int, raw: bytes) -> ObjectId:
    """Type 32 raw bytes as the id of an object of ``kind``.

    Raises:
        InvalidInput: an unknown kind, or not exactly 32 bytes (a prefix is not an id).
    """
    if kind not in _TYPES or len(raw) != SIZE:
        raise InvalidInput(f"kind {kind} with {len(raw)} bytes is not an object id")
    return _TYPES[kind](raw)


class BlobHasher:
    """Hashes a blob that arrives in pieces. One owner; not safe to share between threads."""

    def __init__(self) -> None:
        self._hasher = blake3()

    def update(self, piece: bytes) -> None:
        """Add the next piece of content."""
        self._hasher.update(piece)

    def id(self) -> BlobId:
        """The id of everything added so far."""
        return BlobId(self._hasher.digest())


def digest(purpose: str, *parts: bytes) -> bytes:
    """32 bytes that bind ``parts``, in order and each with its length, to ``purpose``.

    Args:
        purpose: a fixed phrase of the calling code, never data; it separates domains.
        parts: any byte strings. ``digest(p, b"ab", b"c") != digest(p, b"a", b"bc")``.
    """
    hasher = _purpose_hasher(purpose).copy()
    hasher.update(b"".join([len(part).to_bytes(8, "little") + part for part in parts]))
    return hasher.digest()


@cache
def _purpose_hasher(purpose: str) -> blake3:
    """Deriving the key costs as much as hashing; purposes are few and fixed."""
    return blake3(derive_key_context=f"aicas 2026-11-23 {purpose}")
