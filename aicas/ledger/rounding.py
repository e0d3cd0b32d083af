"""Prices are per million tokens; amounts are whole nano-USD."""

from __future__ import annotations

from typing import Final

MILLION: Final = 1_000_000


def millionth(amount: int) -> int:
    """A millionth of an amount, rounded half to even."""
    whole, rest = divmod(amount, MILLION)
    if 2 * rest == MILLION:
        return whole + whole % 2
    return whole + (2 * rest > MILLION)
