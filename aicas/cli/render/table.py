"""Columns aligned by the width text takes on screen, not by its number of characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from aicas.cli.render.terminal import Screen, Span, Text, escape_line, text_of

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
    cells = [[_parts(cell) for cell in row] for row in rows]
    if headings and rows:
        cells.insert(0, [(Span(title, "dim"),) for title in headings])
    if not cells:
        return
    widths = [max(_width(row[i]) for row in cells) for i in range(len(cells[0]))]
    if flexible is not None and screen.terminal:
        spare = screen.width - sum(widths) - len(_GAP) * (len(widths) - 1)
        widths[flexible] = max(min(widths[flexible], 8), widths[flexible] + min(spare, 0))
    for row in cells:
        screen.line(*_laid_out(row, widths, right))


def _parts(cell: Cell) -> tuple[Text, ...]:
    return (cell,) if isinstance(cell, (str, Span)) else tuple(cell)


def _width(parts: Sequence[Text]) -> int:
    return display_width(escape_line(text_of(parts)))


def _laid_out(row: list[tuple[Text, ...]], widths: list[int], right: Sequence[int]) -> list[Text]:
    line: list[Text] = []
    for index, (whole, width) in enumerate(zip(row, widths, strict=True)):
        parts = _cut(whole, width)
        padding = " " * (width - _width(parts))
        last = index == len(widths) - 1
        if index in right:
            line += [padding, *parts]
        else:
            line += [*parts] if last else [*parts, padding]
        if not last:
            line.append(_GAP)
    return line


def _cut(parts: tuple[Text, ...], width: int) -> tuple[Text, ...]:
    if _width(parts) <= width:
        return parts
    kept: list[Text] = []
    for part in parts:
        text = escape_line(part if isinstance(part, str) else part.text)
        shorter = fit(text, width)
        kept.append(shorter if isinstance(part, str) else Span(shorter, part.style))
        width -= display_width(shorter)
        if shorter != text or width <= 0:
            break
    return tuple(kept)
