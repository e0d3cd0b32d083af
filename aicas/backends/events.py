"""What may be recorded beside the log, and the day it is filed under, for every backend."""

from __future__ import annotations

from collections.abc import Sequence

from aicas.clock import to_datetime
from aicas.errors import InvalidInput

MAX_EVENT_BYTES = 64 << 10


def day_of(at: int) -> str:
    """The UTC day of an instant, e.g. ``2026-11-23``; text order is the order of days.

    Raises:
        InvalidInput: outside the years 1 to 9999.
    """
    return to_datetime(at).date().isoformat()


def check_events(events: Sequence[bytes]) -> None:
    """Refuse what could not be read back.

    Raises:
        InvalidInput: one is empty, holds a line break or is over ``MAX_EVENT_BYTES``.
    """
    for event in events:
        if not event or b"\n" in event or len(event) > MAX_EVENT_BYTES:
            raise InvalidInput(
                f"an event is one line of 1 to {MAX_EVENT_BYTES} bytes, not {event[:40]!a}"
            )
