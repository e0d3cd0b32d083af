"""What tokens cost: integer nano-USD per token, exact, and no price is never a price of zero.

A table is small and dated on purpose. Prices change; whoever pays others overrides the model in
``cost_models``. A stored cost carries the unit prices it was computed with, so a later table
never rewrites history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import NamedTuple

from aicas.errors import InvalidInput

NANO = 10**9
BUILT_IN_AS_OF = "2025-07-02"
"""The day the built-in prices were list prices."""

# USD per 1,000 tokens, as vendors quote them and as ``cost_models`` states them.
_BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "gpt-4": {"input": "0.03", "output": "0.06"},
    "gpt-4-turbo": {"input": "0.01", "output": "0.03"},
    "claude-3-opus": {"input": "0.015", "output": "0.075"},
    "claude-3-sonnet": {"input": "0.003", "output": "0.015"},
}
_PER_THOUSAND_TO_NANO = Decimal(NANO // 1000)
_LARGEST_USD = Decimal(10**6)
_PARTS = ("input", "output", "cached")


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Nano-USD per token of one model. ``cached`` is what a token read from its cache costs."""

    input: int
    output: int
    cached: int


class Priced(NamedTuple):
    """An amount and the unit prices behind it; both empty when the model has no price."""

    usd_nano: int | None
    unit_prices: Mapping[str, int]


class PriceTable:
    """Prices by exact model name: the built-in table, changed by ``cost_models``. Immutable.

    Args:
        cost_models: ``{model: {"input": usd, "output": usd}}`` in USD per 1,000 tokens, with an
            optional ``"cached"`` (default: the input price, so a cost is never understated).
            Numbers are read as the decimals they are written as.

    Raises:
        InvalidInput: a price is missing, negative, not a number, or finer than one nano-USD per
            token.
    """

    def __init__(
        self, cost_models: Mapping[str, Mapping[str, int | float | str | Decimal]] | None = None
    ) -> None:
        table = {model: _unit_prices(model, quoted) for model, quoted in _BUILT_IN.items()}
        for model, quoted in (cost_models or {}).items():
            table[model] = _unit_prices(model, quoted)
        self._table: Mapping[str, UnitPrices] = MappingProxyType(table)

    @property
    def models(self) -> Mapping[str, UnitPrices]:
        """Every model with a price."""
        return self._table

    def price(
        self, model: str | None, input_tokens: int, output_tokens: int, cached_tokens: int = 0
    ) -> Priced:
        """What one call cost, or ``Priced(None, {})`` for a model without a price.

        Args:
            model: exact name, as the provider calls it.
            input_tokens: everything sent, the ``cached_tokens`` among it included.
            output_tokens: everything returned.
            cached_tokens: how many of the input tokens the provider read from its own cache.

        Raises:
            InvalidInput: a negative count, or more cached tokens than input tokens.
        """
        if min(input_tokens, output_tokens, cached_tokens) < 0 or cached_tokens > input_tokens:
            raise InvalidInput(
                f"{input_tokens} input, {output_tokens} output and {cached_tokens} cached tokens"
                " are not the usage of one call"
            )
        unit = self._table.get(model) if model is not None else None
        if unit is None:
            return Priced(None, {})
        fresh = input_tokens - cached_tokens
        total = fresh * unit.input + cached_tokens * unit.cached + output_tokens * unit.output
        return Priced(total, {"input": unit.input, "output": unit.output, "cached": unit.cached})


def usd_to_nano(usd: int | float | str | Decimal) -> int:
    """An amount in USD as nano-USD, rounded half to even beyond the ninth decimal.

    A float is read as the shortest decimal that prints it: ``0.1`` is ten cents exactly.

    Raises:
        InvalidInput: negative, not a finite number, or over a million USD.
    """
    return int((_decimal(usd, "amount") * NANO).to_integral_value())


def format_usd(nano: int) -> str:
    """``$0.0123``: at least four decimals, and as many as it takes to show a small amount."""
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, rest = divmod(nano, NANO)
    digits = f"{rest:09d}"
    shown = 4
    if whole == 0 and rest:
        shown = max(4, 9 - len(digits.lstrip("0")) + 2)
    cut = 10 ** max(0, 9 - shown)
    rounded = (nano + cut // 2) // cut * cut
    whole, rest = divmod(rounded, NANO)
    return f"{sign}${whole:,}.{rest:09d}"[: -max(0, 9 - shown) or None]


def _unit_prices(model: str, quoted: Mapping[str, int | float | str | Decimal]) -> UnitPrices:
    if not isinstance(quoted, Mapping):
        raise InvalidInput(f"prices of {model!a} are not a table with input and output")
    unknown = sorted(set(quoted) - set(_PARTS))
    if unknown:
        raise InvalidInput(f"prices of {model!a} hold {unknown[0]!a}; use input, output, cached")
    for part in ("input", "output"):
        if part not in quoted:
            raise InvalidInput(f"prices of {model!a} lack {part!a}")
    per_token = {part: _per_token(model, part, quoted[part]) for part in quoted}
    return UnitPrices(
        input=per_token["input"],
        output=per_token["output"],
        cached=per_token.get("cached", per_token["input"]),
    )


def _per_token(model: str, part: str, per_thousand: int | float | str | Decimal) -> int:
    nano = _decimal(per_thousand, f"{part} price of {model!a}") * _PER_THOUSAND_TO_NANO
    if nano != nano.to_integral_value():
        raise InvalidInput(
            f"{part} price of {model!a} is finer than one nano-USD per token: {per_thousand}"
        )
    return int(nano)


def _decimal(value: object, what: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise InvalidInput(f"{what} is not a number")
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError) as error:
        raise InvalidInput(f"{what} is not a number: {str(value)[:40]!a}") from error
    if not number.is_finite() or number < 0:
        raise InvalidInput(f"{what} is not a finite number of at least 0: {value}")
    if number > _LARGEST_USD:
        raise InvalidInput(f"{what} is over a million USD")
    return number
