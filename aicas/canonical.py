"""One byte string for each value: canonical msgpack, and a bounded, strict reader of it.

Maps are sorted by key (as UTF-8), integers take their shortest form, floats are float64, there
are no extension types. The reader accepts exactly what the writer produces: it decodes within
limits, encodes again and compares, so duplicate keys, unsorted maps, long integers and trailing
bytes are all refused by one rule.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from aicas.errors import Damaged, InvalidInput

MAX_DEPTH = 100
# An item costs at least one byte and, decoded, about 64 bytes: this bounds what a hostile value
# can make a reader allocate to some 64 MiB.
MAX_ITEMS = 1_000_000
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_ATOMS = frozenset([str, bytes, bool, type(None)])


class _Packers(threading.local):
    """One packer per thread: making one costs as much as encoding a snapshot."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Let go of what was needed for a large value."""
        self.packer = msgpack.Packer(use_bin_type=True)


_packers = _Packers()


def pack(value: object) -> bytes:
    """Encode None, bool, int, float, str, bytes, list or tuple, and map with ``str`` keys.

    Raises:
        InvalidInput: another type, a NaN or infinity, an integer beyond 64 bits, a string that
            is not UTF-8 encodable, a key that is not ``str``, nesting deeper than
            ``MAX_DEPTH``, or more items than ``MAX_ITEMS``: what is written can be read.
    """
    return pack_ordered(_ordered(value, MAX_DEPTH))


def pack_ordered(value: object) -> bytes:
    """Encode what is in order: of plain types, its maps sorted, every float finite.

    Raises:
        InvalidInput: as ``pack``, but for what the caller answers for.
    """
    packed = _encode(value)
    if len(packed) > MAX_ITEMS:
        _packers.renew()
        _decode(packed)
    return packed


def ordered(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a map with everything in it in order, as ``pack_ordered`` takes it.

    Raises:
        InvalidInput: as ``pack``.
    """
    return _ordered_map(value, MAX_DEPTH)


def _encode(value: object) -> bytes:
    try:
        packed: bytes = _packers.packer.pack(value)
    except (UnicodeEncodeError, ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"value cannot be stored: {error}") from error
    return packed


def _ordered(value: object, depth: int) -> object:
    """A copy with sorted maps and plain lists, checked as it is made."""
    if type(value) in _ATOMS or isinstance(value, (str, bytes, bool)):
        return value
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise InvalidInput(f"integer of {value.bit_length()} bits does not fit 64 bits")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{value} is not a JSON number")
        return float(value)
    if depth == 0:
        raise InvalidInput(f"value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return _ordered_map(value, depth)
    if isinstance(value, Sequence):
        return [_ordered(item, depth - 1) for item in value]
    raise InvalidInput(f"a {type(value).__name__} cannot be stored as a value")


def _ordered_map(value: Mapping[Any, object], depth: int) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise InvalidInput(f"map key {ascii(key)[:60]} is not a string")
    # Code point order is UTF-8 byte order, so no key needs encoding to be compared.
    return {str(key): _ordered(value[key], depth - 1) for key in sorted(value)}


def unpack(data: bytes) -> Any:
    """Decode canonical bytes.

    Raises:
        Damaged: not msgpack, not canonical, nested deeper than ``MAX_DEPTH``, or holding more
            than ``MAX_ITEMS`` items; memory stays bounded whatever the bytes claim.
    """
    try:
        if _is_plain(data):
            value = msgpack.unpackb(
                data, raw=False, object_pairs_hook=_sorted_map, ext_hook=_no_extension
            )
            again = _packers.packer.pack(value)
        else:
            value = _decode(data)
            again = _encode(_ordered(value, MAX_DEPTH))
    except RecursionError as error:
        raise Damaged("encoded value is nested too deeply") from error
    except _DECODE_ERRORS as error:
        raise Damaged(f"not a canonical value: {str(error) or type(error).__name__}") from error
    if again != data:
        raise Damaged("encoded value is not in canonical form")
    return value


_DECODE_ERRORS = (InvalidInput, ValueError, TypeError, msgpack.exceptions.UnpackException)
_CONTAINERS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
_NOT_CONTAINERS = bytes(set(range(256)) - set(_CONTAINERS))


def _is_plain(data: bytes) -> bool:
    """Whether the bytes cannot nest too deep, hold too much, or hold a NaN or infinity.

    Then msgpack's own encoder, in C, can make the comparison; it keeps maps in their order, and
    that order is checked as they are decoded.
    """
    if len(data) > MAX_ITEMS or b"\xcb\x7f" in data or b"\xcb\xff" in data:
        return False
    return len(data.translate(None, _NOT_CONTAINERS)) < MAX_DEPTH


def _sorted_map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    decoded = dict(pairs)  # of a repeated key one is left, which encodes differently
    names = list(decoded)
    "".join(names)  # raises TypeError for a name that is not text
    if names != sorted(names):
        raise ValueError("a map is unsorted")
    return decoded


def _no_extension(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")


def _decode(data: bytes) -> Any:
    budget = _ItemBudget()
    return msgpack.unpackb(
        data,
        raw=False,
        strict_map_key=True,
        max_array_len=MAX_ITEMS,
        max_map_len=MAX_ITEMS,
        list_hook=budget.spend,
        object_hook=budget.spend,
    )


class _ItemBudget:
    """Counts items as containers complete, inner ones first, and stops past the limit."""

    def __init__(self) -> None:
        self._left = MAX_ITEMS

    def spend(self, container: Any) -> Any:
        self._left -= 1 + len(container)
        if self._left < 0:
            raise InvalidInput(f"more than {MAX_ITEMS} items")
        return container
