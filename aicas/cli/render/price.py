"""What making something again would cost: in words, and as JSON; the same for every plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicas.cli.render.units import count, duration, money

if TYPE_CHECKING:
    from aicas.graph import Price


def price_text(price: Price) -> str:
    """``$1.25, 1,500 tokens in, 20 out, 12.5 s; 2 without a recorded price``."""
    parts = [money(price.usd_nano)] if price.priced else ["no price is recorded"]
    if price.input_tokens or price.output_tokens:
        parts.append(f"{count(price.input_tokens, 'token')} in, {price.output_tokens:,} out")
    if price.latency_us or price.priced:
        parts.append(duration(price.latency_us))
    apart = f"; {price.unpriced:,} without a recorded price"
    return ", ".join(parts) + (apart if price.priced and price.unpriced else "")


def price_form(price: Price) -> dict[str, Any]:
    """The JSON form; money is null when nothing has a price."""
    return {
        "usd": price.usd,
        **price._asdict(),
        "usd_nano": price.usd_nano if price.priced else None,
    }
