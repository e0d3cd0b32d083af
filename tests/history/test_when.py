"""Times people type are understood or refused in one line; ages read well."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aicas.clock import DAY, EARLIEST, HOUR, LATEST, SECOND, format_time, parse_iso
from aicas.errors import InvalidInput
from aicas.history.when import format_age, parse_when

NOW = parse_iso("2026-11-23T03:47:00Z")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20T14:05", "2026-11-20T14:05:00Z"),
        ("2026-11-20 14:05:06.5", "2026-11-20T14:05:06.500000Z"),
        ("2026-11-20T14:05:00+02:00", "2026-11-20T12:05:00Z"),
        ("now", "2026-11-23T03:47:00Z"),
        ("today", "2026-11-23T00:00:00Z"),
        ("Yesterday", "2026-11-22T03:47:00Z"),
        ("3d", "2026-11-20T03:47:00Z"),
        ("3 days ago", "2026-11-20T03:47:00Z"),
        ("  3   Days  AGO ", "2026-11-20T03:47:00Z"),
        ("3.days.ago", "2026-11-20T03:47:00Z"),
        ("1 day", "2026-11-22T03:47:00Z"),
        ("2h", "2026-11-23T01:47:00Z"),
        ("an hour ago", "2026-11-23T02:47:00Z"),
        ("90 min ago", "2026-11-23T02:17:00Z"),
        ("5m", "2026-11-23T03:42:00Z"),
        ("10s", "2026-11-23T03:46:50Z"),
        ("last week", "2026-11-16T03:47:00Z"),
        ("2mo", "2026-09-24T03:47:00Z"),
        ("a year ago", "2025-11-23T03:47:00Z"),
    ],
)
def test_times_are_read_as_people_mean_them(text: str, wanted: str) -> None:
    assert format_time(parse_when(text, NOW)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "3",
        "3 parsecs ago",
        "-3d",
        "d",
        "2026-13-01",
        "2026-02-30",
        "ago",
        "999999999 years ago",
        "9" * 5000 + "d",
        "٣d",
        "0000-01-01",
        "3d\x1b[31m",
    ],
)
def test_what_is_no_time_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_when(text, NOW)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120


@given(st.text(max_size=20))
@example("0001-01-01T00:00:00+23:59")
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert EARLIEST <= parse_when(text, NOW) <= LATEST


@given(st.integers(EARLIEST, LATEST))
def test_a_shown_time_is_read_back_exactly(micros: int) -> None:
    assert parse_when(format_time(micros), NOW) == micros


@pytest.mark.parametrize(
    ("age", "wanted"),
    [
        (-DAY, "just now"),
        (0, "just now"),
        (SECOND, "1 second ago"),
        (119 * SECOND, "1 minute ago"),
        (HOUR, "1 hour ago"),
        (47 * HOUR, "1 day ago"),
        (3 * DAY, "3 days ago"),
        (13 * DAY, "13 days ago"),
        (14 * DAY, "2 weeks ago"),
        (59 * DAY, "8 weeks ago"),
        (60 * DAY, "2 months ago"),
        (700 * DAY, "23 months ago"),
        (730 * DAY, "2 years ago"),
    ],
)
def test_ages_count_the_largest_unit_that_fits(age: int, wanted: str) -> None:
    assert format_age(age) == wanted


@given(st.integers(1, 100_000), st.sampled_from("smhdw"))
def test_a_shown_age_is_read_back_to_within_its_unit(count: int, unit: str) -> None:
    then = parse_when(f"{count}{unit}", NOW)
    again = parse_when(format_age(NOW - then), NOW)
    assert NOW - again <= NOW - then <= 2 * (NOW - again)
