"""Prices of ``genai-prices``: by day, cached tokens included, offline, and only when needed."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot

from aicas.analytics.prices import Priced, PriceTable
from aicas.clock import from_datetime

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
USD = 10**9


def at(year: int, month: int) -> int:
    return from_datetime(datetime(year, month, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-4", "0.09"),
        ("gpt-4-turbo", "0.04"),
        ("claude-3-opus", "0.090"),
        ("claude-3-sonnet", "0.018"),
    ],
)
def test_the_built_in_table_agrees_with_what_is_listed(model: str, usd: str) -> None:
    listed = calc_price(Usage(input_tokens=1_000, output_tokens=1_000), model)
    assert listed.total_price == Decimal(usd)
    assert PriceTable().price(model, 1_000, 1_000).usd_nano == Decimal(usd) * USD


def test_every_listed_model_costs_what_the_list_says() -> None:
    table, moment = PriceTable(), from_datetime(NOVEMBER)
    priced = 0
    for model in {model.id for provider in get_snapshot().providers for model in provider.models}:
        for usage in ((1_000, 1_000, 0, 0), (10_007, 333, 8_001, 17), (250_000, 10, 100_000, 0)):
            ours = table.price(model, *usage, at=moment)
            if ours.usd_nano is None or model in table.models:
                continue
            names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
            counts = {name: count for name, count in zip(names, usage, strict=True) if count}
            theirs = calc_price(Usage(**counts), model, genai_request_timestamp=NOVEMBER)
            assert abs(ours.usd_nano - theirs.total_price * USD) <= Decimal("0.5"), model
            priced += 1
    assert priced > 1_000


def test_the_day_of_the_call_decides() -> None:
    table = PriceTable(clock=lambda: at(2024, 6))
    before = table.price("o3", 1_000, 1_000, at=at(2025, 5))
    after = table.price("o3", 1_000, 1_000, at=at(2025, 7))
    assert (before.usd_nano, after.usd_nano) == (50_000_000, 10_000_000)
    assert table.price("o3", 1_000, 1_000) == before
    assert before.unit_prices["input"] == 10 * USD


def test_cached_tokens_have_their_own_price_which_is_recorded() -> None:
    priced = PriceTable().price("claude-sonnet-4-5", 10_000, 1_000, 8_000, at=at(2026, 11))
    assert priced.usd_nano == 2_000 * 3_000 + 8_000 * 300 + 1_000 * 15_000
    assert priced.unit_prices == {"input": 3 * USD, "output": 15 * USD, "cached": 3 * USD // 10}


def test_a_long_call_is_priced_by_its_tier() -> None:
    table = PriceTable(clock=lambda: at(2026, 11))
    assert table.price("claude-sonnet-4-5", 200_000, 0).usd_nano == 600_000_000
    long = table.price("claude-sonnet-4-5", 200_001, 0)
    assert long.usd_nano == 200_001 * 6_000
    assert long.unit_prices["input"] == 6 * USD


def test_a_price_that_tokens_alone_do_not_make_is_no_price() -> None:
    assert PriceTable().price("sonar", 1_000, 1_000, at=at(2026, 11)) == Priced(None, {})
    assert PriceTable().price("voyage-01", 1_000, 0, at=at(2026, 11)).usd_nano
    assert PriceTable().price("voyage-01", 1_000, 1, at=at(2026, 11)).usd_nano is None


def test_the_settings_come_before_what_is_listed() -> None:
    table = PriceTable({"o3": {"input": 1, "output": 1}})
    assert table.price("o3", 1_000, 0).usd_nano == USD


def test_without_the_extra_other_models_are_unpriced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert PriceTable().price("o3", 1_000, 1_000) == Priced(None, {})
    assert PriceTable().price("gpt-4", 1_000, 1_000).usd_nano == 90_000_000


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a price was looked for in the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert PriceTable().price("gpt-5.1", 1_000, 1_000, at=at(2026, 11)).usd_nano == 11_250_000
    assert PriceTable().price("nobody-knows", 1, 1, at=at(2026, 11)).usd_nano is None


def test_the_list_is_read_only_for_models_that_need_it() -> None:
    code = (
        "import sys; from aicas.analytics.prices import PriceTable as T; t = T();"
        "t.price('gpt-4', 1, 1); t.price(None, 1, 1); assert 'genai_prices' not in sys.modules;"
        "t.price('o3', 1, 1); assert 'genai_prices' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
