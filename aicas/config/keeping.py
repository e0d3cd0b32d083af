"""The setting ``retention``: which versions of which keys are kept, by a pattern of keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aicas.clock import DAY, HOUR
from aicas.errors import InvalidInput
from aicas.names import MAX_NAME_BYTES

MAX_LAST = 1_000_000
MAX_YEARS = 100
_UNITS = {"h": HOUR, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY, "y": 365 * DAY}
# As text: re compiles and keeps them at first use, which a store without rules has none of.
_SPAN = r"([0-9]{1,6}) ?(h|d|w|mo|y)"
# A key's form, its project's before a slash, and what stands for other characters in a glob.
_PATTERN = r"[\w.+=,()/*?!\[\]-]+"
_FORM = 'e.g. {keep_last = 3} or {keep_within = "30d"}'


class KeepRule(NamedTuple):
    """Which versions of the keys that fit a pattern are kept."""

    pattern: str
    keep_last: int | None
    """So many of the newest."""
    keep_within: str | None
    """Those made current within this span before the newest was."""

    @property
    def span_us(self) -> int | None:
        """The span in microseconds."""
        return None if self.keep_within is None else _span(self.keep_within)


def check_rules(name: str, value: Any) -> dict[str, dict[str, Any]]:
    """The rules by their patterns.

    Raises:
        InvalidInput: a pattern that no key fits, no rule, or one out of range.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} must map a pattern of keys to what is kept, {_FORM}")
    for pattern, rule in value.items():
        if not re.fullmatch(_PATTERN, pattern) or len(pattern.encode()) > 2 * MAX_NAME_BYTES:
            raise InvalidInput(
                f"{name} has {pattern[:80]!a}, which no key fits",
                hint="write a key or PROJECT/KEY, with * ? [...] for other characters",
            )
        _check_rule(f"{name}.{pattern}", rule)
    return {pattern: dict(rule) for pattern, rule in value.items()}


def rules_of(value: Mapping[str, Mapping[str, Any]] | None) -> tuple[KeepRule, ...]:
    """The rules that the checked setting holds, in its order."""
    return tuple(
        KeepRule(pattern, rule.get("keep_last"), rule.get("keep_within"))
        for pattern, rule in (value or {}).items()
    )


def _check_rule(name: str, rule: Any) -> None:
    if not isinstance(rule, Mapping) or not rule or not {*rule} <= {"keep_last", "keep_within"}:
        raise InvalidInput(f"{name} must say keep_last, keep_within or both, {_FORM}; not {rule!r}")
    last, within = rule.get("keep_last", 1), rule.get("keep_within", "1h")
    if type(last) is not int or not 1 <= last <= MAX_LAST:
        raise InvalidInput(
            f"{name}: keep_last must be a whole number from 1 to {MAX_LAST}, not {last!r}"
        )
    span = _span(within) if isinstance(within, str) else None
    if span is None or not 0 < span <= MAX_YEARS * _UNITS["y"]:
        raise InvalidInput(
            f"{name}: keep_within must be a span from 1h to {MAX_YEARS}y, not {within!r}",
            hint="write a number and h, d, w, mo (30 days) or y (365 days), such as 30d",
        )


def _span(text: str) -> int | None:
    found = re.fullmatch(_SPAN, text)
    return int(found[1]) * _UNITS[found[2]] if found else None
