"""Comma-separated values that a spreadsheet shows and does not obey."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(headings: Sequence[str], rows: Iterable[Sequence[str | int | Decimal | None]]) -> str:
    """The rows as CSV. Text that a spreadsheet would take for a formula begins with ``'``."""
    return _line(headings) + "".join(_line([_cell(value) for value in row]) for row in rows)


def _line(cells: Sequence[str | int | None]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: str | int | Decimal | None) -> str | int | None:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
