"""``REVISION[:PATH]``: an artifact, or one file of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicas.errors import InvalidInput
from aicas.ids import BlobId, Kind, TreeId
from aicas.names import check_tree_path
from aicas.objects.tree import EntryKind, find

if TYPE_CHECKING:
    from aicas.objects.snapshot import Snapshot
    from aicas.store import Store

# A colon inside braces belongs to a time: KEY@{2026-11-20 10:30}.
_TARGET = re.compile(r"((?:[^:{]|\{[^}]*\})*)(?::(.*))?", re.DOTALL)
_BINARY_PROBE = 8000


def split_target(text: str) -> tuple[str, str | None]:
    """The revision and, after the first colon outside braces, the path."""
    match = _TARGET.fullmatch(text)
    if match is None:
        return text, None
    path = match[2].rstrip("/") if match[2] else None
    return match[1], path or None


def is_view(store: Store, text: str) -> bool:
    """Whether ``PROJECT@{op:N}`` is meant, all keys of a project at one moment."""
    base, _, suffix = text.partition("@{")
    return suffix.startswith("op:") and base in store.projects()


def stage_of(store: Store, name: str) -> tuple[Store, str]:
    """The key that ``KEY`` or ``PROJECT/KEY`` names, and the store seen from its project."""
    project, slash, key = name.rpartition("/")
    return (store.at_project(project) if slash else store), key


@dataclass(frozen=True, slots=True)
class Folder:
    """A tree named by a target."""

    id: TreeId
    prefix: str
    """Its path in the artifact with a slash, empty for the whole."""


@dataclass(frozen=True, slots=True)
class Content:
    """A blob named by a target."""

    id: BlobId
    media_type: str
    size: int


def open_target(store: Store, snapshot: Snapshot, path: str | None) -> Folder | Content:
    """What a snapshot's payload holds at ``path``; all of it for ``None``.

    Raises:
        NotFound: no such path, or what it held was evicted.
        InvalidInput: a path into a payload that is not a folder.
    """
    store.check_not_evicted(snapshot)
    payload = snapshot.payload
    if payload.kind is not Kind.TREE:
        if path is not None:
            raise InvalidInput(f"{snapshot.key} is one {payload.media_type}, it holds no files")
        return Content(BlobId(payload.id), payload.media_type, payload.size_bytes)
    if path is None:
        return Folder(TreeId(payload.id), "")
    entry = find(TreeId(payload.id), check_tree_path(path), store.tree)
    if entry.kind is EntryKind.TREE:
        return Folder(TreeId(entry.id), path + "/")
    return Content(BlobId(entry.id), "application/octet-stream", entry.size)


def is_binary(start: bytes) -> bool:
    """Whether content that begins so is not text, by the rule git uses."""
    return b"\0" in start[:_BINARY_PROBE]


def probed(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first piece, and an iterator that still yields all of them."""
    first = next(pieces, b"")

    def whole() -> Iterator[bytes]:
        yield first
        yield from pieces

    return first, whole()
