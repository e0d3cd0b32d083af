"""Lanes for ``log --graph``: each edge from a node to a parent, drawn beside the listing.

One lane waits for each node that is still to come, so edges to the same parent join as soon as
they can. A row holds its node, ``*`` (``o`` if it has no parents: nothing continues below it),
and where edges branch or join a second line connects them sideways. A vertical bar amid a
sideways line crosses it; every other glyph joins what it touches.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
# Indexed by the directions a glyph connects.
_GLYPHS = "  " + " │" + "─╯╮┤" + "─╰╭├" + "─┴┬┼"
_ASCII = str.maketrans("│─╯╮┤╰╭├┴┬┼", "|-'.+'.++++")


@dataclass(frozen=True, slots=True)
class GraphRow(Generic[Id]):
    """What to print beside one node.

    ``lines`` is the node's own line and, where edges branch or join, the line under it; ``pad``
    continues the lanes beside any further lines of text. All are equally wide.
    """

    node: Id
    lines: tuple[str, ...]
    pad: str


def draw_graph(nodes: Iterable[tuple[Id, Sequence[Id]]]) -> Iterator[GraphRow[Id]]:
    """Draw ``(id, parents)`` pairs as they come.

    Args:
        nodes: every node before its parents, each once. The first parent keeps the node's lane
            when it can. A lane to a parent that never comes runs to the last row.
    """
    lanes: list[Id | None] = []
    for node, parents in nodes:
        column = lanes.index(node) if node in lanes else _free_lane(lanes, 0)
        lanes[column] = node
        before = [lane is not None for lane in lanes]
        lanes[column] = None
        touched = _assign_lanes(lanes, column, list(dict.fromkeys(parents)))
        after = [lane is not None for lane in lanes]
        before += [False] * (len(after) - len(before))
        lines = [_node_line(before, column, "*" if touched else "o")]
        if touched - {column}:
            lines.append(_link_line(before, after, touched | {column}))
        yield GraphRow(node, tuple(lines), _node_line(after, column, "│" if after[column] else " "))
        while lanes and lanes[-1] is None:
            lanes.pop()


def to_ascii(text: str) -> str:
    """The same drawing for terminals without box-drawing characters."""
    return text.translate(_ASCII)


def _free_lane(lanes: list[Id | None], start: int) -> int:
    for at in range(start, len(lanes)):
        if lanes[at] is None:
            return at
    lanes.append(None)
    return len(lanes) - 1


def _assign_lanes(lanes: list[Id | None], column: int, parents: list[Id]) -> set[int]:
    """Give each parent a lane, its own if one waits for it already; the lanes so reached."""
    if len(parents) == 1 and parents[0] in lanes[column:]:
        # The lane that waits for it comes over instead, so that the drawing stays to the left.
        at = lanes.index(parents[0])
        lanes[column], lanes[at] = parents[0], None
        return {at}
    touched = set()
    for parent in parents:
        at = lanes.index(parent) if parent in lanes else _free_lane(lanes, column)
        lanes[at] = parent
        touched.add(at)
    return touched


def _node_line(active: list[bool], column: int, glyph: str) -> str:
    cells = ["│" if lane else " " for lane in active]
    cells[column] = glyph
    return " ".join(cells) + " "


def _link_line(before: list[bool], after: list[bool], touched: Collection[int]) -> str:
    first, last = min(touched), max(touched)
    line = ""
    for at, (above, below) in enumerate(zip(before, after, strict=True)):
        if at in touched:
            upright = _UP * above | _DOWN * below
            line += _GLYPHS[upright | _LEFT * (at > first) | _RIGHT * (at < last)]
        else:
            line += "│" if above else "─" if first < at < last else " "
        line += "─" if first <= at < last else " "
    return line
