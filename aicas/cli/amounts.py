"""Sizes and spans of time, as people write them in options."""

from __future__ import annotations

import re
from decimal import Decimal

from aicas.clock import HOUR
from aicas.errors import InvalidInput
from aicas.history.when import parse_when

_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*(?:([kmgtp])(i?))?b?", re.IGNORECASE)
_POWERS = " kmgtp"
_LARGEST = 1 << 62


def parse_size(text: str) -> int:
    """The bytes of ``500MB``, ``1.5 GiB`` or ``1000``.

    kB, MB, GB and so on are powers of 1000; KiB, MiB, GiB and so on of 1024.

    Raises:
        InvalidInput: it is no such text.
    """
    found = _SIZE.fullmatch(text.strip())
    if found:
        number, unit, binary = found.groups()
        power = _POWERS.index(unit.lower()) if unit else 0
        size = int(Decimal(number) * (1024 if binary else 1000) ** power)
        if size <= _LARGEST:
            return size
    raise InvalidInput(f"{text!a} is not a size", hint="write one such as 500MB, 1.5GiB or 1000")


def parse_hours(text: str | None, now: int) -> float | None:
    """The hours of a span such as ``2h``, ``14d`` or ``0``; ``None`` for none.

    Raises:
        InvalidInput: it is no span, or lies ahead.
    """
    if text is None:
        return None
    span = 0 if text == "0" else now - parse_when(text, now)
    if span < 0:
        raise InvalidInput(f"{text!a} lies ahead", hint="write a span such as 2h or 14d")
    return span / HOUR
