"""A clock for tests."""

from __future__ import annotations

from aicas.clock import HOUR, SECOND


class HandClock:
    """Time that passes only when the test says so, forward or back."""

    def __init__(self, now: int = 1_800_000_000 * SECOND) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_time(self, *, hours: float = 0, seconds: float = 0) -> int:
        self.now += int(hours * HOUR + seconds * SECOND)
        return self.now
