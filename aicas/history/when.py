"""Times as people write them, and ages as people read them."""

from __future__ import annotations

import re

from aicas.clock import DAY, HOUR, SECOND, check_time, parse_iso
from aicas.errors import InvalidInput

_MINUTE = 60 * SECOND
# Shortest last; months and years are the spans people mean, not calendar arithmetic.
_UNITS = {
    "year": 365 * DAY,
    "month": 30 * DAY,
    "week": 7 * DAY,
    "day": DAY,
    "hour": HOUR,
    "minute": _MINUTE,
    "second": SECOND,
}
_SHORT = {"y": "year", "mo": "month", "w": "week", "d": "day", "h": "hour", "m": "minute"} | {
    "min": "minute",
    "s": "second",
    "sec": "second",
}
_AGO = re.compile(r"([0-9]{1,9}|an?|last)[ .]*([a-z]+)([ .]+ago)?")


def parse_when(text: str, now: int) -> int:
    """The instant meant by ``text``, in microseconds since 1970 UTC.

    Args:
        text: an ISO 8601 date or time (UTC unless it names a zone), or a span back from now:
            ``3d``, ``2h``, ``3 days ago``, ``an hour ago``, ``last week``, ``now``,
            ``yesterday`` (a day back) or ``today`` (since midnight UTC). A bare ``m`` is
            minutes; months are ``mo`` and count 30 days.
        now: the instant spans count from.

    Raises:
        InvalidInput: none of these, or outside the years 1 to 9999.
    """
    try:
        back = _span_back(" ".join(text.split()).lower(), now)
        return parse_iso(text.strip()) if back is None else check_time(now - back)
    except InvalidInput as error:
        raise InvalidInput(
            f"{text[:60]!a} is not a time in the years 1 to 9999",
            hint="write 2026-11-20, 2026-11-20T14:05, '3 days ago', 2h or yesterday",
        ) from error


def _span_back(words: str, now: int) -> int | None:
    fixed = {"now": 0, "today": now % DAY, "yesterday": DAY}
    match = _AGO.fullmatch(words)
    if match is None:
        return fixed.get(words)
    count, name, _ = match.groups()
    span = _UNITS.get(_SHORT.get(name, name.removesuffix("s")))
    return span and span * (int(count) if count.isdigit() else 1)


def format_age(age: int) -> str:
    """How long ago something ``age`` microseconds old happened, e.g. ``3 days ago``.

    The largest unit that fits is counted, rounded down; weeks and months only from two on, so
    that the answer is never coarser than half. What is not yet a second old, or lies ahead of a
    clock that was set back, happened ``just now``.
    """
    for name, span in _UNITS.items():
        count = age // span
        if count >= (2 if name in ("year", "month", "week") else 1):
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
