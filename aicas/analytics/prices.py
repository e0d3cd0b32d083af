"""What tokens cost: whole nano-USD per million, exact, and no price is never a price of zero.

A table is small and dated on purpose. Prices change; whoever pays others overrides the model in
``cost_models``, and with the extra ``prices`` installed every model that ``genai-prices`` lists
has the price it had on the day of the call. A stored cost carries the unit prices it was computed
with, so a later table never rewrites history.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final, NamedTuple

from aicas.clock import Clock, system_clock
from aicas.errors import InvalidInput
from aicas.ledger.rounding import MILLION, millionth

NANO: Final = 10**9
BUILT_IN_AS_OF: Final = "2025-07-02"
"""The day the built-in prices were list prices."""

# USD per 1,000 tokens, as vendors quoted them and as ``cost_models`` states them.
_BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "gpt-4": {"input": "0.03", "output": "0.06"},
    "gpt-4-turbo": {"input": "0.01", "output": "0.03"},
    "claude-3-opus": {"input": "0.015", "output": "0.075"},
    "claude-3-sonnet": {"input": "0.003", "output": "0.015"},
}
_LARGEST_USD = Decimal(10**6)
_PARTS = ("input", "output", "cached", "cache_write")


class UnitPrices(NamedTuple):
    """Nano-USD per million tokens of one model."""

    input: int
    output: int
    cached: int
    """Of an input token that the provider read from its own cache."""
    cache_write: int
    """Of an input token that the provider wrote to its own cache."""


class Priced(NamedTuple):
    """An amount and the unit prices behind it; both empty when the model has no price."""

    usd_nano: int | None
    unit_prices: Mapping[str, int]


class PriceTable:
    """Prices by exact model name: ``cost_models`` over the built-in table over ``genai-prices``.

    Safe for many threads.

    Args:
        cost_models: ``{model: {"input": usd, "output": usd}}`` in USD per 1,000 tokens, with an
            optional ``"cached"`` and ``"cache_write"`` (default: the input price, so what a cache
            saved is never overstated). Numbers are read as the decimals they are written as.
        clock: tells the day of a call whose time is not given.

    Raises:
        InvalidInput: a price is missing, negative, not a number, or finer than one nano-USD per
            million tokens.
    """

    def __init__(
        self,
        cost_models: Mapping[str, Mapping[str, int | float | str | Decimal]] | None = None,
        *,
        clock: Clock = system_clock,
    ) -> None:
        table = {model: _unit_prices(model, quoted) for model, quoted in _BUILT_IN.items()}
        for model, quoted in (cost_models or {}).items():
            table[model] = _unit_prices(model, quoted)
        self._table: Mapping[str, UnitPrices] = MappingProxyType(table)
        self._clock = clock

    @property
    def models(self) -> Mapping[str, UnitPrices]:
        """Every model of the built-in table and ``cost_models``."""
        return self._table

    def price(
        self,
        model: str | None,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int = 0,
        cache_write_tokens: int = 0,
        *,
        at: int | None = None,
    ) -> Priced:
        """What one call cost, or ``Priced(None, {})`` for a model without a price.

        Providers count differently: the input tokens that Anthropic reports leave out those read
        from and written to its cache, the ones that OpenAI reports include them. Here they are
        included.

        Args:
            model: exact name, as the provider calls it.
            input_tokens: everything sent, cached or not.
            output_tokens: everything returned.
            cached_tokens: how many of the input tokens the provider read from its own cache.
            cache_write_tokens: how many of them it wrote there, where it charges for that.
            at: when the call was made, in microseconds since 1970 UTC; ``None`` for now.

        Raises:
            InvalidInput: a negative count, or more cached tokens than input tokens.
        """
        fresh = input_tokens - cached_tokens - cache_write_tokens
        if min(fresh, output_tokens, cached_tokens, cache_write_tokens) < 0:
            raise InvalidInput(
                f"{input_tokens} input, {output_tokens} output, {cached_tokens} cached and"
                f" {cache_write_tokens} newly cached tokens are not the usage of one call"
            )
        unit = self._unit(model, input_tokens, output_tokens, at)
        if unit is None:
            return Priced(None, {})
        total = (
            fresh * unit.input
            + cached_tokens * unit.cached
            + cache_write_tokens * unit.cache_write
            + output_tokens * unit.output
        )
        applied = unit._asdict()
        if not cache_write_tokens:
            del applied["cache_write"]
        return Priced(millionth(total), applied)

    def _unit(
        self, model: str | None, input_tokens: int, output_tokens: int, at: int | None
    ) -> UnitPrices | None:
        if not model or model in self._table:
            return self._table.get(model or "")
        from aicas.analytics.listed import listed_prices

        parts = listed_prices(model, self._clock() if at is None else at, input_tokens)
        if "input" not in parts or ("output" not in parts and output_tokens):
            return None
        usual = parts["input"]
        return UnitPrices(
            usual,
            parts.get("output", 0),
            parts.get("cached", usual),
            parts.get("cache_write", usual),
        )


def usd_to_nano(usd: int | float | str | Decimal) -> int:
    """An amount in USD as nano-USD, rounded half to even beyond the ninth decimal.

    A float is read as the shortest decimal that prints it: ``0.1`` is ten cents exactly.

    Raises:
        InvalidInput: negative, not a finite number, or over a million USD.
    """
    return int((_decimal(usd, "amount") * NANO).to_integral_value())


def _unit_prices(model: str, quoted: Mapping[str, int | float | str | Decimal]) -> UnitPrices:
    if not isinstance(quoted, Mapping):
        raise InvalidInput(f"prices of {model!a} are not a table with input and output")
    unknown = sorted(set(quoted) - set(_PARTS))
    if unknown:
        allowed = ", ".join(_PARTS)
        raise InvalidInput(f"prices of {model!a} hold {unknown[0]!a}; use {allowed}")
    for part in ("input", "output"):
        if part not in quoted:
            raise InvalidInput(f"prices of {model!a} lack {part!a}")
    return _filled({part: _per_million(model, part, quoted[part]) for part in quoted})


def _filled(units: Mapping[str, int]) -> UnitPrices:
    """What a provider does not price apart costs what any input token costs."""
    usual = units["input"]
    return UnitPrices(
        usual, units["output"], units.get("cached", usual), units.get("cache_write", usual)
    )


def _per_million(model: str, part: str, per_thousand: int | float | str | Decimal) -> int:
    nano = _decimal(per_thousand, f"{part} price of {model!a}") * NANO * (MILLION // 1_000)
    if nano != nano.to_integral_value():
        raise InvalidInput(
            f"{part} price of {model!a} is finer than one nano-USD per million tokens:"
            f" {per_thousand}"
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
