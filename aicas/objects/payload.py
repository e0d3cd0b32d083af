"""What a stage produced, and the objects it is stored as.

Text and bytes are blobs of their own content, so ``b3sum`` of a file is its id. JSON-like values
are blobs of canonical msgpack. Files are a tree. The media type says which of these a blob is.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aicas import canonical
from aicas.backends.base import Staged, Staging
from aicas.errors import Damaged, InvalidInput
from aicas.ids import BlobId, Kind, ObjectId, TreeId
from aicas.names import TreePath
from aicas.objects import fields
from aicas.objects.files import Files
from aicas.objects.gather import gather, gather_file
from aicas.objects.intake import Intake
from aicas.objects.media import BINARY, TEXT, TREE, VALUE
from aicas.objects.snapshot import PayloadRef
from aicas.objects.tree import (
    EMPTY_TREE,
    Entry,
    EntryKind,
    Tree,
    build_tree,
    check_link_target,
    walk_with_folders,
)
from aicas.objects.values import pack_json

_SYMLINK = EntryKind.SYMLINK.value


class FromFile(NamedTuple):
    """A payload that is a file's content, streamed; bytes unless the media type says text."""

    path: Path


class FromDirectory(NamedTuple):
    """A payload that is everything below a folder."""

    path: Path


Payload = Any
"""``str``, ``bytes``, a JSON-like value, ``Files`` or a non-empty mapping from paths to ``bytes``,
``FromFile`` or ``FromDirectory``."""


class Prepared(NamedTuple):
    """A payload as objects, ready to be published."""

    ref: PayloadRef
    raw: dict[ObjectId, bytes]
    """Canonical bytes of the small objects; only those the store lacks need encoding."""
    staged: dict[BlobId, Staged]
    """The large blobs, already durable in the backend."""


def prepare(
    payload: Payload,
    stage: Callable[[], Staging],
    *,
    compress: bool = True,
    media_type: str | None = None,
) -> Prepared:
    """Turn a payload into objects.

    Args:
        payload: see ``Payload``. A non-empty mapping whose values are all ``bytes`` is files.
        stage: begins a large object; content over ``LARGE`` goes there, in bounded memory.
        compress: whether large objects are compressed.
        media_type: in place of the usual one; ``text/...`` for text only.

    Raises:
        InvalidInput: a value, path or media type that cannot be stored.
    """
    intake = Intake(stage, compress=compress)
    if media_type is not None:
        fields.media_type(media_type)
    if isinstance(payload, (FromDirectory, Files)) or _is_files(payload):
        ref = _prepare_files(payload, intake)
        if media_type not in (None, TREE):
            raise InvalidInput(f"files have the media type {TREE}, not {media_type!a}")
    else:
        ref = _prepare_blob(payload, intake, media_type)
    return Prepared(ref, intake.raw, intake.staged)


def _is_files(payload: object) -> bool:
    return (
        isinstance(payload, Mapping)
        and len(payload) > 0
        and all(isinstance(value, bytes) for value in payload.values())
    )


def _prepare_blob(payload: Payload, intake: Intake, media_type: str | None) -> PayloadRef:
    if isinstance(payload, FromFile):
        return _prepare_file(payload.path, intake, media_type or BINARY)
    if isinstance(payload, str):
        usual, data = TEXT, _encode_text(payload)
    elif isinstance(payload, (bytes, bytearray, memoryview)):
        usual, data = BINARY, bytes(payload)
    else:
        usual, data = VALUE, pack_json("value", payload)
    chosen = media_type or usual
    if _decoding(chosen) != _decoding(usual):
        raise InvalidInput(f"a {type(payload).__name__} cannot have the media type {chosen!a}")
    return PayloadRef(Kind.BLOB, intake.add_blob(data), chosen, len(data), 1)


def _decoding(media_type: str) -> str:
    """How a blob of this type is decoded; the part of the type that a payload fixes."""
    if media_type.startswith("text/"):
        return TEXT
    return media_type if media_type in (VALUE, TREE) else BINARY


def _encode_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"text is not valid Unicode: {error.reason}") from error


def _prepare_file(path: Path, intake: Intake, media_type: str) -> PayloadRef:
    if media_type in (VALUE, TREE):
        raise InvalidInput(f"a file cannot have the media type {media_type}")
    pieces: Iterable[bytes] = gather_file(path)
    if _decoding(media_type) == TEXT:
        pieces = _checked_text(path, pieces)
    blob, size = intake.add_pieces(pieces)
    return PayloadRef(Kind.BLOB, blob, media_type, size, 1)


def _checked_text(path: Path, pieces: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
            yield piece
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{str(path)!a} is not UTF-8 text") from error


def _prepare_files(
    payload: FromDirectory | Files | Mapping[str, bytes], intake: Intake
) -> PayloadRef:
    if isinstance(payload, FromDirectory):
        entries = gather(payload.path, intake)
    else:
        files = payload if isinstance(payload, Files) else Files(payload)
        entries = {
            TreePath(path): _entry(files, path, mode, intake) for path, mode in files.modes()
        }
        for folder in files.empty_folders:
            entries[TreePath(folder)] = Entry(EntryKind.TREE.value, EMPTY_TREE, 0)
    built = build_tree(entries)
    for tree_id, data in built.trees.items():
        intake.add_object(tree_id, data)
    return PayloadRef(Kind.TREE, built.root, TREE, built.size_bytes, built.file_count)


def _entry(files: Files, path: str, mode: int, intake: Intake) -> Entry:
    content = files[path]
    if mode == _SYMLINK:
        check_link_target(content)
    return Entry(mode, intake.add_blob(content), len(content))


def decode_payload(
    ref: PayloadRef,
    read_blob: Callable[[BlobId], bytes],
    read_tree: Callable[[TreeId], Tree],
) -> Payload:
    """The payload as it was put: ``str``, ``bytes``, a JSON-like value, or lazy ``Files``.

    Args:
        ref: from the snapshot.
        read_blob: a blob's content, checked; kept by ``Files`` and called per file read.
        read_tree: a decoded tree; every tree of the payload is read at once.

    Raises:
        Damaged: the content is not what the reference says.
    """
    if ref.kind is Kind.TREE:
        return read_files(ref, read_blob, read_tree)
    data = read_blob(BlobId(ref.id))
    if len(data) != ref.size_bytes:
        raise Damaged(f"payload has {len(data)} bytes, not {ref.size_bytes}", object_id=ref.id)
    decoding = _decoding(ref.media_type)
    if decoding == VALUE:
        return canonical.unpack(data)
    if decoding == TEXT:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Damaged("text payload is not UTF-8", object_id=ref.id) from error
    return data


def read_files(
    ref: PayloadRef,
    read_blob: Callable[[BlobId], bytes],
    read_tree: Callable[[TreeId], Tree],
) -> Files:
    """The files of a tree payload; blobs are read when asked for."""
    entries: dict[str, Entry] = {}
    empty: list[str] = []
    for path, entry in walk_with_folders(TreeId(ref.id), read_tree):
        if entry.kind is not EntryKind.TREE:
            entries[path] = entry
        elif entry.id == EMPTY_TREE:
            empty.append(path)
    if (sum(e.size for e in entries.values()), len(entries)) != (ref.size_bytes, ref.file_count):
        raise Damaged("files are not as many or as large as recorded", object_id=ref.id)
    return Files.stored(entries, read_blob, empty_folders=empty)
