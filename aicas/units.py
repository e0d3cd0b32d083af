"""Counts, sizes, durations and money as people read them."""

from __future__ import annotations

_SIZE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_NANO = 10**9
_SECOND = 1_000_000


def format_count(number: int, noun: str) -> str:
    """``1 object``, ``2 objects``, ``1,000 objects``; entries, histories."""
    if number == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeo" else noun + "s"
    return f"{number:,} {plural}"


def format_size(byte_count: int) -> str:
    """``812 B``, ``15.1 KiB``, ``2.0 GiB``."""
    if byte_count < 1024:
        return f"{byte_count} B"
    amount = float(byte_count)
    for unit in _SIZE_UNITS:
        amount /= 1024
        if amount < 1023.95 or unit == _SIZE_UNITS[-1]:
            return f"{amount:,.1f} {unit}"
    raise AssertionError("the last unit takes every size")


def format_duration(micros: int) -> str:
    """``340 ms``, ``12.5 s``, ``3 min 20 s``."""
    if micros < _SECOND:
        return f"{micros // 1000} ms"
    if micros < 60 * _SECOND:
        return f"{micros / _SECOND:.1f} s"
    minutes, seconds = divmod(micros // _SECOND, 60)
    return f"{minutes:,} min {seconds} s"


def format_usd(nano: int) -> str:
    """``$0.0123``: at least four decimals, and as many as it takes to show a small amount."""
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, rest = divmod(nano, _NANO)
    digits = f"{rest:09d}"
    shown = 4
    if whole == 0 and rest:
        shown = max(4, 9 - len(digits.lstrip("0")) + 2)
    cut = 10 ** max(0, 9 - shown)
    rounded = (nano + cut // 2) // cut * cut
    whole, rest = divmod(rounded, _NANO)
    return f"{sign}${whole:,}.{rest:09d}"[: -max(0, 9 - shown) or None]
