"""Stores with things to give up, and what must be true of them after."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aicas
from aicas.errors import NotFound
from aicas.ids import Kind, ObjectId, SnapshotId
from aicas.objects.snapshot import Snapshot

DOLLAR = 10**9


def usd(amount: float) -> aicas.Cost:
    return aicas.Cost(usd_nano=int(amount * DOLLAR), latency_us=1_000_000, model="m")


def pipeline(store: aicas.Store, size: int = 1000) -> None:
    """Four stages of one size each, every one made from the one before."""
    before: list[str] = []
    for number, price in enumerate((1, 2, 3, 4)):
        key = f"stage-{number}"
        text = f"{key} of {store.project} " + unpressed(size, key + store.project)
        store.put(key, text, inputs=before, cost=usd(price))
        before = [key]


def unpressed(size: int, seed: str) -> str:
    """Text of about so many bytes that no compression makes shorter than its half."""
    import random

    return random.Random(seed).randbytes(size // 2).hex()


def snapshots(store: aicas.Store) -> dict[SnapshotId, Snapshot]:
    """Every snapshot a store holds."""
    ids = [found.id for found in store._backend.scan() if found.id.kind == Kind.SNAPSHOT]
    return {SnapshotId(i): store.snapshot(SnapshotId(i)) for i in ids}


def contents(store: aicas.Store) -> dict[ObjectId, object]:
    """What every payload of a store reads back as; ``None`` for one that is gone."""
    fresh = aicas.Store(store._backend, clock=store._clock, actor="reader")
    found: dict[ObjectId, object] = {}
    for snapshot in snapshots(store).values():
        try:
            payload = fresh.payload(snapshot)
            held = {p: payload[p] for p in payload} if isinstance(payload, Mapping) else payload
        except NotFound:
            held = None
        found[snapshot.payload.id] = held
    return found


def held_bytes(store: aicas.Store) -> int:
    return sum(found.stored_bytes for found in store._backend.scan())


def codes(found: aicas.Hit | aicas.Miss) -> list[str]:
    return [reason.code for reason in found.reasons] if isinstance(found, aicas.Miss) else []


Act = Callable[[aicas.Store], object]
