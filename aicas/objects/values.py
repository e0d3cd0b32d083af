"""JSON-like values: what canonical encoding accepts, less what JSON does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aicas import canonical
from aicas.errors import InvalidInput

_BINARY = (bytes, bytearray, memoryview)
# What holds nothing, and is most of what there is to check.
_PLAIN = frozenset([str, int, float, bool, type(None)])


def check_json(what: str, value: object) -> None:
    """Refuse bytes anywhere inside ``value``; the other rules are ``canonical.pack``'s.

    Raises:
        InvalidInput: names the place as a JSON Pointer.
    """
    _check(what, value, "", canonical.MAX_DEPTH)


def _check(what: str, value: object, place: str, depth: int) -> None:
    if isinstance(value, _BINARY):
        raise InvalidInput(f"{what} holds bytes at {place!r}; JSON-like values cannot")
    if isinstance(value, str) or depth < 0:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if type(item) in _PLAIN:
                continue
            part = ascii(key).strip("'").replace("~", "~0").replace("/", "~1")
            _check(what, item, f"{place}/{part[:40]}", depth - 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if type(item) in _PLAIN:
                continue
            _check(what, item, f"{place}/{index}", depth - 1)


def pack_json(what: str, value: Any) -> bytes:
    """Canonical msgpack of a JSON-like value.

    Raises:
        InvalidInput: bytes, NaN or infinity, an integer beyond 64 bits, a lone surrogate, a key
            that is no string, another type, or nested too deeply.
    """
    check_json(what, value)
    return canonical.pack(value)
