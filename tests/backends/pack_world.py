"""Packs seen from outside: read with nothing but themselves, made byte by byte, spoiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard
from backends_world import AT
from local_world import Folder

from aicas.backends.local import pack
from aicas.backends.local.pack import Block, Entry
from aicas.ids import ObjectId

PAGE = Path(__file__).parents[2] / "docs" / "format.md"


def packs(folder: Folder) -> list[Path]:
    return sorted((folder.path / "packs").glob("*.pack"))


def read_alone(path: Path) -> dict[bytes, tuple[int, int, bytes]]:
    """Of each object in a pack its kind, time and content, as the reader of the page finds them."""
    code = re.search(r"## Packs.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code
    made: dict[str, Any] = {}
    exec(code[1], made)
    found: Iterator[tuple[int, bytes, int, bytes]] = made["read_pack"](path.read_bytes())
    return {name: (kind, time, content) for kind, name, time, content in found}


def forge(
    frames: dict[ObjectId, bytes],
    *,
    number: int = 1_000,
    block: bytes | None = None,
    raw: int | None = None,
    entries: Sequence[Entry] | None = None,
) -> bytes:
    """A pack of one block as any program might write it; its checksums are right.

    Args:
        frames: what it holds.
        number: the operation it says it was sealed at.
        block: what to store in place of the compressed frames.
        raw: how long to say that the block is.
        entries: what to say in place of the truth.
    """
    content = b"".join(frames.values())
    stored = zstandard.ZstdCompressor().compress(content) if block is None else block
    told, at = [], 0
    for object_id, frame in frames.items():
        told.append(Entry(object_id, 0, at, len(frame), AT))
        at += len(frame)
    head = pack.encode_header(number)
    row = Block(len(head), len(stored), len(content) if raw is None else raw)
    tables = pack.encode_tables(
        [row], told if entries is None else entries, len(head) + len(stored)
    )
    return head + stored + tables
