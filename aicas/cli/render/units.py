"""Ages, sizes, money and counts as people read them."""

from __future__ import annotations

from aicas.history.when import format_age

_SIZE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_NANO = 1_000_000_000


def count(number: int, noun: str) -> str:
    """``1 object``, ``2 objects``, ``1,000 objects``; entries, histories."""
    if number == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeo" else noun + "s"
    return f"{number:,} {plural}"


def age(then: int, now: int) -> str:
    """How long before (or after) ``now`` a time in microseconds is: ``3 days ago``."""
    if then <= now:
        return format_age(now - then)
    return "in " + format_age(then - now).removesuffix(" ago").replace("just now", "a moment")


def size(byte_count: int) -> str:
    """``812 B``, ``15.1 KiB``, ``2.0 GiB``."""
    if byte_count < 1024:
        return f"{byte_count} B"
    amount = float(byte_count)
    for unit in _SIZE_UNITS:
        amount /= 1024
        if amount < 1023.95 or unit == _SIZE_UNITS[-1]:
            return f"{amount:.1f} {unit}"
    raise AssertionError("the last unit takes every size")


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


def duration(micros: int) -> str:
    """``340 ms``, ``12.5 s``, ``3 min 20 s``."""
    if micros < 1_000_000:
        return f"{micros // 1000} ms"
    if micros < 60 * 1_000_000:
        return f"{micros / 1_000_000:.1f} s"
    minutes, seconds = divmod(micros // 1_000_000, 60)
    return f"{minutes} min {seconds} s"
