"""Line and word differences of two texts, as hunks that can be applied, counted and shown.

Lines end at ``\\n`` alone and keep it, so a carriage return, a form feed or a missing newline at
the end of a file is content like any other, and a difference like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from aicas.history.align import Block, gaps, matching_blocks

Tag: TypeAlias = Literal[" ", "-", "+"]
Segment: TypeAlias = tuple[Tag, str]

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Hunk:
    """One changed place with its context, numbered as in a unified diff.

    ``old_start`` and ``new_start`` count lines from 1; where the count is 0 they name the line
    before. Each text in ``lines`` keeps its line end, which only the last line of a file lacks.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[Segment, ...]

    @property
    def header(self) -> str:
        """The line that introduces the hunk in a unified diff, without a line end."""
        old = _range(self.old_start, self.old_count)
        return f"@@ -{old} +{_range(self.new_start, self.new_count)} @@"


class LineCounts(NamedTuple):
    """How many lines came and went; a changed line counts as one of each."""

    insertions: int
    deletions: int


def split_lines(text: str) -> list[str]:
    """The lines of ``text``, each with its ``\\n``; joined they are the text again."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def diff_lines(old: str, new: str, context: int = 3) -> list[Hunk]:
    """The hunks that turn ``old`` into ``new``, in order, none for equal texts.

    Args:
        old: the text before.
        new: the text after.
        context: unchanged lines shown around each change; changes whose context would touch
            share a hunk.
    """
    if old == new:
        return []
    a, b = split_lines(old), split_lines(new)
    changes = list(gaps(matching_blocks(a, b), len(a), len(b)))
    return [_hunk(a, b, group, context) for group in _grouped(changes, context)]


def line_counts(hunks: Iterable[Hunk]) -> LineCounts:
    """Lines inserted and deleted by ``hunks``."""
    tags = [tag for hunk in hunks for tag, _ in hunk.lines]
    return LineCounts(tags.count("+"), tags.count("-"))


def diff_words(old: str, new: str) -> list[Segment]:
    """What stayed, went and came inside a changed line (or several), word by word.

    The ``' '`` and ``'-'`` segments joined are ``old``, the ``' '`` and ``'+'`` ones ``new``.
    Space between two changed words counts as changed, so a rewritten phrase stays in one piece.
    """
    a, b = _WORD.findall(old), _WORD.findall(new)
    blocks = [
        block for block in matching_blocks(a, b) if _separates(a, block) or _at_edge(a, b, block)
    ]
    segments: list[Segment] = []
    at = 0
    for gone, come in gaps(blocks, len(a), len(b)):
        pieces: tuple[Segment, ...] = (
            (" ", "".join(a[at : gone.start])),
            ("-", "".join(a[gone])),
            ("+", "".join(b[come])),
        )
        segments += [piece for piece in pieces if piece[1]]
        at = gone.stop
    rest = "".join(a[at:])
    return [*segments, (" ", rest)] if rest else segments


def _separates(words: list[str], block: Block) -> bool:
    return any(not word.isspace() for word in words[block.old_at : block.old_at + block.size])


def _at_edge(a: list[str], b: list[str], block: Block) -> bool:
    starts = block.old_at == 0 == block.new_at
    return starts or (block.old_at + block.size, block.new_at + block.size) == (len(a), len(b))


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _grouped(
    changes: list[tuple[slice, slice]], context: int
) -> Iterator[list[tuple[slice, slice]]]:
    group: list[tuple[slice, slice]] = []
    for change in changes:
        if group and change[0].start - group[-1][0].stop > 2 * context:
            yield group
            group = []
        group.append(change)
    yield group


def _hunk(a: list[str], b: list[str], group: list[tuple[slice, slice]], context: int) -> Hunk:
    first, last = group[0], group[-1]
    lead = min(context, first[0].start)
    start = first[0].start - lead
    stop = min(len(a), last[0].stop + context)
    lines: list[Segment] = []
    at = start
    for gone, come in group:
        lines += [(" ", line) for line in a[at : gone.start]]
        lines += [("-", line) for line in a[gone]]
        lines += [("+", line) for line in b[come]]
        at = gone.stop
    lines += [(" ", line) for line in a[at:stop]]
    new_start = first[1].start - lead
    new_count = last[1].stop + (stop - last[0].stop) - new_start
    return Hunk(
        old_start=start + 1 if stop > start else start,
        old_count=stop - start,
        new_start=new_start + 1 if new_count else new_start,
        new_count=new_count,
        lines=tuple(lines),
    )
