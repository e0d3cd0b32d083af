"""How long does a hit take that is not served from memory, its hash verified?

As ``warm_hit``, but ours keeps no decoded object: refs, snapshot and text come from the store's
files each time (which the system has cached, for everybody) and are hashed.
"""

from __future__ import annotations

from collections.abc import Iterator

import aicas
from aicas.objects.reader import BoundedCache, ObjectReader
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, against_each
from benchmarks.peers import NAMES
from benchmarks.warm_hit import Get, hits

PEERS = ("diskcache", "objectstore", "files", "sqlite", "pygit2", "dulwich", "langgraph", "redun")
BARS = {
    NAMES["diskcache"][0]: Bar(1.2),
    NAMES["objectstore"][0]: Bar(1 / 12, share=True),
}


def forgetful(store: aicas.Store) -> ObjectReader:
    """A reader of a store's objects whose caches hold nothing."""
    reading = ObjectReader(store._backend)
    reading._snapshots = BoundedCache(0)
    reading._trees = BoundedCache(0)
    reading._blobs = BoundedCache(0)
    reading.payloads = BoundedCache(0)
    return reading


def from_files(store: aicas.Store) -> Get:
    """Asks a store that has to read, decode and check everything anew."""
    store._reader = forgetful(store)

    def get(name: str) -> str:
        store._resolved.clear()
        found: str = store.get(name)
        return found

    return get


def run(bench: Bench) -> Iterator[Row]:
    taken = hits(bench, "verified_hit", PEERS, from_files)
    yield from against_each("a hit without the object cache, hash verified", taken, BARS)
