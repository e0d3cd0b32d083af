"""How two blobs differ: as text where both are, else by name and size alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aicas.history.textdiff import Hunk, diff_lines, line_counts
from aicas.ids import BlobId

MAX_TEXT_BYTES = 5 << 20
"""Content larger than this, on either side, is not read to be compared."""


@dataclass(frozen=True, slots=True)
class ContentDiff:
    """What differs between two blobs, ``old_bytes`` and ``new_bytes`` long.

    ``form`` is ``same`` (equal, or no content at all), ``text`` (see ``hunks``), ``binary``, or
    ``large``: over ``MAX_TEXT_BYTES`` and not looked into.
    """

    form: Literal["same", "text", "binary", "large"]
    old_bytes: int
    new_bytes: int
    hunks: tuple[Hunk, ...] = ()
    insertions: int = 0
    deletions: int = 0

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON; each line is a pair of its tag and its text."""
        return {
            "form": self.form,
            "old_bytes": self.old_bytes,
            "new_bytes": self.new_bytes,
            "insertions": self.insertions,
            "deletions": self.deletions,
            "hunks": [_hunk_json(hunk) for hunk in self.hunks],
        }


def _hunk_json(hunk: Hunk) -> dict[str, Any]:
    return {
        "old_start": hunk.old_start,
        "old_count": hunk.old_count,
        "new_start": hunk.new_start,
        "new_count": hunk.new_count,
        "lines": [list(line) for line in hunk.lines],
    }


def diff_content(
    old: tuple[BlobId, int] | None,
    new: tuple[BlobId, int] | None,
    read_blob: Callable[[BlobId], bytes],
    context: int = 3,
) -> ContentDiff:
    """Compare two blobs, each given as its id and size; ``None`` is an absent one.

    Text is valid UTF-8 without NUL. Equal and oversized blobs are not read.
    """
    sizes = old[1] if old else 0, new[1] if new else 0
    if (old and old[0]) == (new and new[0]):
        return ContentDiff("same", *sizes)
    if max(sizes) > MAX_TEXT_BYTES:
        return ContentDiff("large", *sizes)
    texts = [_text(read_blob(side[0])) if side else "" for side in (old, new)]
    if texts[0] is None or texts[1] is None:
        return ContentDiff("binary", *sizes)
    hunks = diff_lines(texts[0], texts[1], context)
    return ContentDiff("text", *sizes, tuple(hunks), *line_counts(hunks))


def _text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
