"""What the leases of all backends have in common."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple

from aicas.errors import InvalidInput

MAX_OUTCOME_BYTES = 64 << 10
_NAME = re.compile("[A-Za-z0-9_-]{1,128}")
_WATCHED_LIMIT = 10_000
_LONGEST_LIFE = 1e9


def check_lease(name: str, lifetime: float) -> str:
    """Return the name of a lease that any backend can grant.

    Raises:
        InvalidInput: a name or lifetime that none can.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"a lease is named by 1 to 128 letters, digits, '-' and '_', not {name[:40]!a}"
        )
    if not 0 <= lifetime <= _LONGEST_LIFE:
        raise InvalidInput(f"a lease cannot live for {lifetime} seconds")
    return name


def check_outcome(outcome: bytes | None) -> None:
    """Refuse an outcome that is too long to be left.

    Raises:
        InvalidInput: it is over ``MAX_OUTCOME_BYTES``.
    """
    if outcome is not None and len(outcome) > MAX_OUTCOME_BYTES:
        raise InvalidInput(f"an outcome is up to {MAX_OUTCOME_BYTES} bytes, not {len(outcome)}")


class Word(NamedTuple):
    """What a holder left for those who waited."""

    epoch: int
    outcome: bytes

    def is_for(self, waited_on: int | None) -> bool:
        """Whether one who has waited since that epoch is to hear it."""
        return waited_on is not None and waited_on <= self.epoch


class Watch:
    """How long the holders of leases have been silent, as seen from this process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[object, float]] = {}

    def sees_silent(self, name: str, sign: object, lifetime: float) -> bool:
        """Look at a lease that is held: has its holder been silent for its lifetime?

        Args:
            name: the lease's.
            sign: differs with every sign of life and every holder. A first look begins the watch.
            lifetime: in seconds.
        """
        now = self._monotonic()
        known = self._seen.get(name)
        if known is not None and known[0] == sign:
            return now - known[1] >= lifetime
        if len(self._seen) >= _WATCHED_LIMIT:
            self._seen.clear()
        self._seen[name] = sign, now
        return False

    def forget(self, name: str) -> None:
        """It has another holder, or none."""
        self._seen.pop(name, None)
