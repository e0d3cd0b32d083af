"""JSON from outside, read strictly and within bounds.

The standard parser lets through what fails later or means two things: NaN, ``1e400``, duplicate
names, lone surrogates, integers no store can hold. It also allocates some twenty times its input
for ``[[],[],...``. This reader refuses all of that with one line.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from aicas.errors import InvalidInput

MAX_BYTES = 8 * 1024 * 1024
MAX_ITEMS = 400_000
"""Most strings, commas and brackets in one text; it bounds what decoding can allocate."""

# Possessive, and content to end unclosed: each byte is looked at once whatever the text.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def parse_json(data: bytes | str, *, what: str = "value") -> Any:
    """Decode one JSON text.

    Args:
        data: UTF-8 bytes, or text.
        what: how an error calls it, e.g. ``"line 12 of FILE"``.

    Raises:
        InvalidInput: over ``MAX_BYTES`` or ``MAX_ITEMS``, not UTF-8, not JSON, nested too
            deeply, or holding NaN, an infinity, an integer beyond 64 bits, a duplicate name or
            a lone surrogate.
    """
    try:
        raw = data.encode() if isinstance(data, str) else data
        if len(raw) > MAX_BYTES:
            raise InvalidInput(f"is longer than {MAX_BYTES >> 20} MiB")
        _count_items(raw)
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_int=_bounded,
            parse_constant=_constant,
        )
        _check_text(value)
    except RecursionError as error:
        raise InvalidInput(f"{what} is nested too deeply") from error
    except UnicodeError as error:
        raise InvalidInput(f"{what} is not UTF-8, or holds a lone surrogate") from error
    except InvalidInput as error:
        raise InvalidInput(f"{what} {error}") from error
    except ValueError as error:
        raise InvalidInput(f"{what} is not JSON: {error}") from error
    return value


def _count_items(raw: bytes) -> None:
    for count, _ in enumerate(_TOKEN.finditer(raw)):
        if count >= MAX_ITEMS:
            raise InvalidInput(f"holds more than {MAX_ITEMS} values")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
    raise InvalidInput(f"holds the name {twice[:60]!a} twice")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidInput(f"holds the number {digits[:40]}, beyond float64")
    return number


def _bounded(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else _INT_MAX + 1
    if not _INT_MIN <= number <= _INT_MAX:
        raise InvalidInput(f"holds the integer {digits[:40]}, beyond 64 bits")
    return number


def _constant(name: str) -> float:
    raise InvalidInput(f"holds {name}, which is not JSON")


def _check_text(value: Any) -> None:
    """Raise ``UnicodeEncodeError`` for a lone surrogate anywhere in ``value``."""
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
