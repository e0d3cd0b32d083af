"""How much of an input stayed as it was: the file of a tree, the leaf of a value, is a part."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

from aicas.errors import Damaged, NotFound
from aicas.ids import Kind, TreeId
from aicas.objects.media import VALUE
from aicas.objects.snapshot import Snapshot
from aicas.objects.tree import walk
from aicas.store import Store

_MAX_BYTES: Final = 8 << 20


def part_kept(store: Store, old: Snapshot, new: Snapshot) -> Fraction | None:
    """The part of two versions that is the same in both, of all parts either has.

    ``None`` if no selector could name a part: text, other bytes, or two different kinds of
    payload; or if it cannot be told, because one is too large or not held any more.
    """
    if old.payload.kind != new.payload.kind:
        return None
    with suppress(NotFound, Damaged):
        before, after = dict(_parts(store, old)), dict(_parts(store, new))
        places = before.keys() | after.keys()
        if len(places) > 1:
            kept = sum(
                place in before and place in after and before[place] == after[place]
                for place in places
            )
            return Fraction(kept, len(places))
    return None


def _parts(store: Store, snapshot: Snapshot) -> Iterator[tuple[Hashable, object]]:
    """Every part by its place; nothing for a payload that has none."""
    payload = snapshot.payload
    if payload.kind is Kind.TREE:
        for path, entry in walk(TreeId(payload.id), store.tree):
            yield path, (entry.id, entry.mode)
    elif payload.media_type == VALUE and payload.size_bytes <= _MAX_BYTES:
        yield from _leaves((), store.payload(snapshot))


def _leaves(place: tuple[str | int, ...], value: Any) -> Iterator[tuple[Hashable, object]]:
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    if not inner or not value:
        yield place, (type(value), value)
        return
    for step, child in inner:
        yield from _leaves((*place, step), child)
