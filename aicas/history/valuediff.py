"""Structural differences of JSON-like values, each at a JSON Pointer (RFC 6901).

Subtrees are compared by their encoded bytes, so equal ones are never entered and ``1``, ``1.0``
and ``true`` stay three values. List items are aligned by content first; those left between are
paired with the most similar counterpart in order, so that an edited item reads as an edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgpack

from aicas.history.align import gaps, matching_blocks

MAX_PAIRS = 1024
"""Pairs of list items compared for similarity in one gap; larger gaps pair by position."""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One place where two values differ.

    A ``removed`` path counts list positions in the old value, an ``added`` or ``changed`` one
    in the new value. Taking out what was removed, last first, then putting in what was added
    and setting what changed, in order, turns the old value into the new one.
    """

    path: str
    change: Literal["added", "removed", "changed"]
    old: Any = None
    new: Any = None


class _Place(NamedTuple):
    """Where the walk stands in each value; they part when list items have moved."""

    old: str
    new: str

    def at(self, old: str | int, new: str | int) -> _Place:
        return _Place(f"{self.old}/{_escaped(old)}", f"{self.new}/{_escaped(new)}")


def diff_values(old: Any, new: Any) -> list[ValueChange]:
    """The changes between two values of the kind the store decodes; empty if they are equal.

    Time grows with the size of the values and, within lists, the number of edits.
    """
    if _encoded(old) == _encoded(new):
        return []
    return list(_changes(old, new, _Place("", "")))


def _encoded(value: Any) -> bytes:
    encoded: bytes = msgpack.packb(value, use_bin_type=True)
    return encoded


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _changes(old: Any, new: Any, place: _Place) -> Iterator[ValueChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _map_changes(old, new, place)
    elif _is_list(old) and _is_list(new):
        yield from _list_changes(old, new, place)
    else:
        yield ValueChange(place.new, "changed", old, new)


def _map_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], place: _Place
) -> Iterator[ValueChange]:
    for key in sorted(old.keys() | new.keys()):
        there = place.at(key, key)
        if key not in new:
            yield ValueChange(there.old, "removed", old=old[key])
        elif key not in old:
            yield ValueChange(there.new, "added", new=new[key])
        elif _encoded(old[key]) != _encoded(new[key]):
            yield from _changes(old[key], new[key], there)


def _list_changes(old: Sequence[Any], new: Sequence[Any], place: _Place) -> Iterator[ValueChange]:
    blocks = matching_blocks([_encoded(item) for item in old], [_encoded(item) for item in new])
    for gone, come in gaps(blocks, len(old), len(new)):
        i, j = gone.start, come.start
        for left, right in [*_pairs(old[gone], new[come]), (gone.stop - i, come.stop - j)]:
            x, y = gone.start + left, come.start + right
            for at in range(i, x):
                yield ValueChange(place.at(at, at).old, "removed", old=old[at])
            for at in range(j, y):
                yield ValueChange(place.at(at, at).new, "added", new=new[at])
            if x < gone.stop and y < come.stop:
                yield from _changes(old[x], new[y], place.at(x, y))
            i, j = x + 1, y + 1


def _pairs(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int, int]]:
    """Which of two runs of unequal items are versions of each other, rising on both sides."""
    if not 1 < len(old) * len(new) <= MAX_PAIRS:
        return [(at, at) for at in range(min(len(old), len(new)))]
    traits = [_Traits.of(item) for item in new]
    likeness = [[trait.likeness(other) for other in traits] for trait in map(_Traits.of, old)]
    best = _best_sums(likeness)
    pairs = []
    i = j = 0
    while i < len(old) and j < len(new):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _best_sums(likeness: list[list[int]]) -> list[list[int]]:
    """For each pair of starts, the most likeness any in-order pairing from there adds up to."""
    width = len(likeness[0])
    best = [[0] * (width + 1) for _ in range(len(likeness) + 1)]
    for i in range(len(likeness) - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            together = best[i + 1][j + 1] + likeness[i][j]
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    return best


class _Traits(NamedTuple):
    """What two items are compared by: their kind, their parts, and the names of their parts."""

    kind: type
    parts: frozenset[object]
    names: frozenset[str]

    @classmethod
    def of(cls, item: Any) -> _Traits:
        if isinstance(item, Mapping):
            parts = frozenset((key, _encoded(value)) for key, value in item.items())
            return cls(Mapping, parts, frozenset(item))
        if _is_list(item):
            return cls(Sequence, frozenset(map(_encoded, item)), frozenset())
        return cls(object, frozenset(), frozenset())

    def likeness(self, other: _Traits) -> int:
        if self.kind is not other.kind:
            return 0
        if self.kind is Mapping:
            return 3 * len(self.parts & other.parts) + len(self.names & other.names)
        return 3 * len(self.parts & other.parts) + 1
