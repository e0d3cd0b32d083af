from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas.analytics.prices import Priced, PriceTable, usd_to_nano
from aicas.errors import InvalidInput
from aicas.units import format_usd


def test_the_four_models_of_the_cost_model_have_their_list_prices() -> None:
    models = PriceTable().models
    usd_per_million = {
        name: (unit.input // 10**9, unit.output // 10**9) for name, unit in models.items()
    }
    assert usd_per_million == {
        "gpt-4": (30, 60),
        "gpt-4-turbo": (10, 30),
        "claude-3-opus": (15, 75),
        "claude-3-sonnet": (3, 15),
    }


def test_a_price_is_exact_and_names_its_unit_prices() -> None:
    priced = PriceTable().price("gpt-4", 1000, 500)
    assert priced.usd_nano == 60_000_000
    usd = 10**9
    assert priced.unit_prices == {"input": 30 * usd, "output": 60 * usd, "cached": 30 * usd}


@pytest.mark.parametrize("model", ["own-model", "", None, "\x00", "gpt-4\n", "x" * 5_000])
def test_a_model_without_a_price_is_unpriced_never_free(model: str | None) -> None:
    assert PriceTable().price(model, 1000, 500) == Priced(None, {})


def test_overrides_replace_and_add_models() -> None:
    table = PriceTable({"gpt-4": {"input": 0.1, "output": "0.2"}, "own": {"input": 0, "output": 0}})
    assert table.price("gpt-4", 1000, 1000).usd_nano == 300_000_000
    assert table.price("own", 1000, 1000).usd_nano == 0
    assert table.price("claude-3-opus", 1, 0).usd_nano == 15_000


def test_cached_tokens_cost_the_input_price_unless_a_price_is_given() -> None:
    assert PriceTable().price("gpt-4", 10, 0, 10).usd_nano == 300_000
    table = PriceTable({"m": {"input": 0.01, "output": 0.01, "cached": 0.001}})
    assert table.price("m", 10, 0, 4).usd_nano == 6 * 10_000 + 4 * 1_000


def test_tokens_written_to_a_cache_cost_the_input_price_unless_a_price_is_given() -> None:
    assert PriceTable().price("gpt-4", 10, 0, 0, 10).usd_nano == 300_000
    quoted = {"input": 0.01, "output": 0.01, "cached": 0.001, "cache_write": 0.02}
    priced = PriceTable({"m": quoted}).price("m", 10, 0, 4, 5)
    assert priced.usd_nano == 1 * 10_000 + 4 * 1_000 + 5 * 20_000
    assert priced.unit_prices["cache_write"] == 20 * 10**9


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_the_amount_of_a_call_is_rounded_half_to_even(tokens: int, nano: int) -> None:
    table = PriceTable({"m": {"input": "0.0000005", "output": 0}})  # half a nano a token
    assert table.price("m", tokens, 0).usd_nano == nano


@pytest.mark.parametrize(
    "price",
    [-0.1, float("nan"), float("inf"), "abc", "", True, None, [], "NaN", "-1", 10**9, "0x1"],
)
def test_what_is_not_a_price_is_refused(price: object) -> None:
    with pytest.raises(InvalidInput):
        PriceTable({"m": {"input": price, "output": 0.1}})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput):
        usd_to_nano(price)  # type: ignore[arg-type]


@pytest.mark.parametrize("quoted", [{"input": 1}, {"output": 1}, {}, 3, {"input": 1, "out": 1}])
def test_an_incomplete_or_misspelt_table_is_refused(quoted: object) -> None:
    with pytest.raises(InvalidInput):
        PriceTable({"m": quoted})  # type: ignore[dict-item]


def test_a_price_finer_than_a_nano_per_million_is_refused_not_rounded() -> None:
    assert PriceTable({"m": {"input": "0.000000000001", "output": 0}}).models["m"].input == 1
    with pytest.raises(InvalidInput, match="finer"):
        PriceTable({"m": {"input": "0.0000000000001", "output": 0}})


@pytest.mark.parametrize(
    "usage", [(-1, 0), (0, -1), (1, 0, -1), (1, 0, 2), (1, 0, 0, 2), (3, 0, 2, 2), (3, 0, 2, -1)]
)
def test_impossible_usage_is_refused(usage: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        PriceTable().price("gpt-4", *usage)


@given(st.integers(0, 10**6), st.integers(0, 999_999_999))
def test_amounts_survive_being_written_as_decimals(whole: int, nano: int) -> None:
    total = min(whole * 10**9 + nano, 10**15)
    assert usd_to_nano(Decimal(total).scaleb(-9)) == total
    assert usd_to_nano(str(Decimal(total).scaleb(-9))) == total


def test_floats_are_read_as_printed() -> None:
    assert usd_to_nano(0.1) == 100_000_000
    assert usd_to_nano(0.1 + 0.2) == 300_000_000
    assert usd_to_nano(12) == 12 * 10**9


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.0000"),
        (12_300_000, "$0.0123"),
        (1, "$0.000000001"),
        (15_000, "$0.000015"),
        (15_600, "$0.000016"),
        (1_234_567_891_234, "$1,234.5679"),
        (999_999_999_999, "$1,000.0000"),
        (-12_300_000, "-$0.0123"),
    ],
)
def test_money_reads_as_people_write_it(nano: int, shown: str) -> None:
    assert format_usd(nano) == shown
