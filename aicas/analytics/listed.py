"""List prices by model and day, from ``genai-prices`` where the extra ``prices`` is installed.

Only the prices that come with the package are used; nothing is fetched.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from aicas.clock import to_datetime

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_NANO: Final = 10**9
_PARTS: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
}
# Charged for each call beside its tokens: a price by tokens alone would be too low.
_BY_CALL: Final = "requests_kcount"


def listed_prices(model: str, at: int, input_tokens: int) -> dict[str, int]:
    """Nano-USD per million tokens by kind of token; empty if the model is not listed.

    Args:
        model: as the provider calls it.
        at: when the call was made, in microseconds since 1970 UTC.
        input_tokens: all that was sent; some models cost more where that is much.
    """
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return {}
    try:
        found = calc_price(
            Usage(input_tokens=input_tokens), model, genai_request_timestamp=to_datetime(at)
        )
    except LookupError:
        return {}
    price = found.model_price
    if getattr(price, _BY_CALL) is not None:
        return {}
    units = {part: _unit(price, name, input_tokens) for part, name in _PARTS.items()}
    return {part: unit for part, unit in units.items() if unit is not None}


def _unit(price: ModelPrice, name: str, input_tokens: int) -> int | None:
    """USD per million tokens as nano-USD, of the tier that a call of this size falls in."""
    quoted = getattr(price, name)
    if quoted is None:
        return None
    if not isinstance(quoted, Decimal):
        reached = [tier.price for tier in quoted.tiers if input_tokens > tier.start]
        quoted = reached[-1] if reached else quoted.base
    return int((quoted * _NANO).to_integral_value())
