"""Bars of block characters, as long as an amount is large beside the largest."""

from __future__ import annotations

from typing import Final

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FULL: Final = "█"


def bar(amount: int, largest: int, width: int = 24) -> str:
    """A bar to an eighth of a character; whatever is above zero shows at least that.

    Args:
        amount: what to draw; nothing is drawn of what is below zero.
        largest: the amount whose bar is ``width`` characters long.
        width: in characters.
    """
    if amount <= 0 or largest <= 0:
        return ""
    eighths = min(max(1, (amount * width * 8 + largest // 2) // largest), width * 8)
    full, rest = divmod(eighths, 8)
    return _FULL * full + (_EIGHTHS[rest] if rest else "")
