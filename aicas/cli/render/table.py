"""Columns aligned by the width text takes on screen, not by its number of characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from aicas.cli.render.terminal import Line, Screen, Span, Text, escape_line, text_of

Cell = Text | Sequence[Text]
_GAP = "  "


def display_width(text: str) -> int:
    """Columns a terminal gives to ``text``: wide East Asian two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int) -> str:
    """``text`` cut to at most ``width`` columns, ending in ``…`` if it was cut."""
    if display_width(text) <= width:
        return text
    used = 0
    for index, char in enumerate(text):
        used += _char_width(char)
        if used > width - 1:
            return text[:index] + "…"
    return text


def print_table(
    screen: Screen,
    rows: Sequence[Sequence[Cell]],
    *,
    headings: Sequence[str] = (),
    right: Sequence[int] = (),
    flexible: int | None = None,
) -> None:
    """Write rows as aligned columns.

    Args:
        screen: where to.
        rows: one cell per column; a cell may be several styled pieces.
        headings: column titles, left out when there are no rows.
        right: the columns aligned right.
        flexible: the column cut short where the row would not fit a terminal's width.
    """
    titles = [[Span(title, "dim") for title in headings]] if headings and rows else []
    width = screen.width if screen.terminal else None
    for line in aligned([*titles, *rows], right=right, flexible=flexible, width=width):
        screen.line(*line)


def aligned(
    rows: Sequence[Sequence[Cell]],
    *,
    right: Sequence[int] = (),
    flexible: int | None = None,
    width: int | None = None,
) -> list[Line]:
    """Rows as lines with aligned columns; see ``print_table``."""
    if not rows:
        return []
    cells = [[_measured(cell) for cell in row] for row in rows]
    widths = [max(cell.width for cell in column) for column in zip(*cells, strict=True)]
    if flexible is not None and width is not None:
        spare = width - sum(widths) - len(_GAP) * (len(widths) - 1)
        widths[flexible] = max(min(widths[flexible], 8), widths[flexible] + min(spare, 0))
    return [tuple(_laid_out(row, widths, right)) for row in cells]


class _Measured(NamedTuple):
    """A cell and the columns it takes."""

    parts: Line
    width: int


def _measured(cell: Cell) -> _Measured:
    parts = (cell,) if isinstance(cell, (str, Span)) else tuple(cell)
    text = text_of(parts)
    if text.isascii() and text.isprintable():
        return _Measured(parts, len(text))
    if "\t" in text:
        parts = tuple(map(_without_tabs, parts))
    return _Measured(parts, display_width(escape_line(text_of(parts))))


def _without_tabs(part: Text) -> Text:
    # How wide a tab is depends on where it stands.
    if isinstance(part, str):
        return part.replace("\t", " ")
    return Span(part.text.replace("\t", " "), part.style)


def _laid_out(row: list[_Measured], widths: list[int], right: Sequence[int]) -> list[Text]:
    line: list[Text] = []
    last = len(widths) - 1
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        parts, used = cell if cell.width <= width else _cut(cell.parts, width)
        padding = " " * (width - used)
        if index in right:
            line += [padding, *parts]
        elif index == last:
            line += parts
        else:
            line += [*parts, padding]
        if index != last:
            line.append(_GAP)
    while line and _is_blank(line[-1]):
        line.pop()
    return line


def _is_blank(part: Text) -> bool:
    text = part if isinstance(part, str) else part.text
    return not text or text.isspace()


def _cut(parts: Line, width: int) -> _Measured:
    kept: list[Text] = []
    left = width
    for part in parts:
        text = escape_line(part if isinstance(part, str) else part.text)
        shorter = fit(text, left)
        kept.append(shorter if isinstance(part, str) else Span(shorter, part.style))
        left -= display_width(shorter)
        if shorter != text or left <= 0:
            break
    return _Measured(tuple(kept), width - left)
