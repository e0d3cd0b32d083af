"""Ages, sizes, money and counts as people read them."""

from __future__ import annotations

from aicas.history.when import format_age
from aicas.units import format_count as count
from aicas.units import format_duration as duration
from aicas.units import format_size as size

__all__ = ["age", "count", "duration", "money", "size", "usd_decimal"]

_NANO = 1_000_000_000


def age(then: int, now: int) -> str:
    """How long before (or after) ``now`` a time in microseconds is: ``3 days ago``."""
    if then <= now:
        return format_age(now - then)
    return "in " + format_age(then - now).removesuffix(" ago").replace("just now", "a moment")


def usd_decimal(nano: int) -> str:
    """The exact decimal USD of an amount in nano-USD: ``0.012300000``."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), _NANO)
    return f"{sign}{whole}.{rest:09d}"


def money(nano: int | None) -> str:
    """``$1.25``; below a cent as many digits as it takes; ``unpriced`` for ``None``."""
    if nano is None:
        return "unpriced"
    sign = "-" if nano < 0 else ""
    value = abs(nano)
    if value == 0 or value >= _NANO // 100:
        cents = (value + _NANO // 200) // (_NANO // 100)
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    return f"{sign}${value / _NANO:.9f}".rstrip("0")
