"""Time as aicas stores it: whole microseconds since 1970 in UTC, and passed in, never fetched.

Whoever needs the time takes a ``Clock``; only the outermost callers choose ``system_clock``, so
tests and imports of recorded history control it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aicas.errors import InvalidInput

Clock = Callable[[], int]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Years 1 to 9999, what an ISO 8601 calendar date can say; anything else is refused.
EARLIEST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LATEST = (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) - _EPOCH) // timedelta(
    microseconds=1
)


def system_clock() -> int:
    """The machine's time now, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def check_time(micros: int) -> int:
    """Return ``micros`` if it lies in the years 1 to 9999.

    Raises:
        InvalidInput: it does not.
    """
    if not EARLIEST <= micros <= LATEST:
        raise InvalidInput(f"time {micros} us is outside the years 1 to 9999")
    return micros


def to_datetime(micros: int) -> datetime:
    """The same instant as an aware UTC ``datetime``."""
    return _EPOCH + timedelta(microseconds=check_time(micros))


def from_datetime(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware ``datetime``; a naive one is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_time(micros: int) -> str:
    """ISO 8601 in UTC, e.g. ``2026-11-23T03:47:00Z``; fractions only when there are any."""
    moment = to_datetime(micros).replace(tzinfo=None)
    return moment.isoformat() + "Z"


def parse_iso(text: str) -> int:
    """Read an ISO 8601 date or date-time; one without a zone is taken as UTC.

    Raises:
        InvalidInput: not ISO 8601, or outside the years 1 to 9999.
    """
    try:
        return check_time(from_datetime(datetime.fromisoformat(text)))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{text[:60]!a} is not an ISO 8601 date or time") from error
