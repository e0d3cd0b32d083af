"""Tables, ages, sizes and money look the same whatever the text holds."""

from __future__ import annotations

import io

import pytest

from aicas.cli.forms import print_listing
from aicas.cli.render import units
from aicas.cli.render.table import display_width, fit, print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.clock import HOUR


def drawn(rows: list[list[object]], width: int = 80, **options: object) -> list[str]:
    stream = io.StringIO()
    screen = Screen(stream, terminal=True, colour=False, width=width)
    print_table(screen, rows, **options)  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


def test_columns_align_by_display_width_whatever_they_hold() -> None:
    lines = drawn([["日本", "x"], ["e\u0301", "x"], ["plain\x1b", "x"]])
    assert {display_width(line[: line.rindex("x")]) for line in lines} == {11}
    assert lines[2].startswith(r"plain\x1b")


def test_numbers_align_right_and_headings_only_come_with_rows() -> None:
    assert drawn([["a", "5"], ["b", "500"]], headings=("KEY", "N"), right=(1,)) == [
        "KEY    N",
        "a      5",
        "b    500",
    ]
    assert drawn([], headings=("KEY", "N")) == []


def test_the_flexible_column_gives_way_to_the_terminal() -> None:
    lines = drawn([["key", [Span("a very long reason indeed", "dim"), "!"], "end"]], 24, flexible=1)
    assert lines == ["key  a very long r…  end"]
    assert display_width(lines[0]) <= 24


def test_cutting_never_splits_a_wide_character() -> None:
    assert fit("日本語", 4) == "日…"
    assert display_width(fit("日本語", 4)) <= 4


@pytest.mark.parametrize(
    ("before", "text"),
    [(0, "just now"), (3 * HOUR, "3 hours ago"), (-2 * HOUR, "in 2 hours"), (-5, "in a moment")],
)
def test_ages_lie_before_or_ahead(before: int, text: str) -> None:
    assert units.age(10**15 - before, 10**15) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (15420, "15.1 KiB"), (2**31, "2.0 GiB"),
     (2**20 - 1, "1.0 MiB"), (2**70, "1,048,576.0 PiB")],
)  # fmt: skip
def test_size(number: int, text: str) -> None:
    assert units.size(number) == text


@pytest.mark.parametrize(
    ("nano", "text", "exact"),
    [
        (0, "$0.00", "0.000000000"),
        (1_250_000_000, "$1.25", "1.250000000"),
        (12_300_000, "$0.01", "0.012300000"),
        (1_230_000, "$0.00123", "0.001230000"),
        (1, "$0.000000001", "0.000000001"),
        (-2_500_000_000, "-$2.50", "-2.500000000"),
        (1_234_567_890_000_000, "$1,234,567.89", "1234567.890000000"),
    ],
)
def test_money_is_exact_in_decimal_and_rounded_for_people(nano: int, text: str, exact: str) -> None:
    assert units.money(nano) == text
    assert units.usd_decimal(nano) == exact


def test_a_listing_is_one_document_with_one_entry_a_line() -> None:
    stream = io.StringIO()
    screen = Screen(stream, terminal=False, colour=False, width=80)
    print_listing(screen, "facts", iter([{"raw": b"\x01\xff"}, {"text": "\x1b\u202e"}]))
    assert stream.getvalue().splitlines() == [
        '{"facts": [',
        '{"raw": "01ff"},',
        '{"text": "\\u001b\\u202e"}',
        "]}",
    ]
    with pytest.raises(TypeError):
        print_listing(screen, "facts", iter([{"set": {1}}]))


def test_an_unknown_price_is_never_zero() -> None:
    assert units.money(None) == "unpriced"


def test_counts_and_durations_read_as_words() -> None:
    assert units.count(1, "entry") == "1 entry"
    assert units.count(1200, "entry") == "1,200 entries"
    assert units.count(2, "key") == "2 keys"
    assert units.duration(340_000) == "340 ms"
    assert units.duration(12_500_000) == "12.5 s"
    assert units.duration(200_000_000) == "3 min 20 s"
