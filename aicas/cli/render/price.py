"""What making something again would cost, in words; the same for every plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicas.cli.render.units import money

if TYPE_CHECKING:
    from aicas.graph import Price


def price_text(price: Price) -> str:
    """``$1.25, 1,500 tokens in, 20 out, 12.5 s; 2 without a recorded price``."""
    return price.in_words(money)
