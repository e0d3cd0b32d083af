"""How long does a hit take that is not served from memory, its hash verified?

As ``warm_hit``, but ours keeps no decoded object: refs, snapshot and text come from the store's
files each time (which the system has cached, for everybody) and are hashed.
"""

from __future__ import annotations

from collections.abc import Iterator

import aicas
from aicas.objects.reader import BoundedCache, ObjectReader
from benchmarks import payloads
from benchmarks.bench import Bench, key
from benchmarks.measure import Bar, Row, against_each, each, interleaved
from benchmarks.peers import NAMES, open_peers
from benchmarks.warm_hit import check, reader

KEYS = 200
ROUNDS = 11
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


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("verified_hit")
    values = {key(n): payloads.text(n) for n in range(bench.size(KEYS))}
    peers = dict(open_peers(folder, PEERS))
    with aicas.open(folder / "store") as store:
        for name, value in values.items():
            store.put(name, value)
            for peer in peers.values():
                peer.put(name, value)
        store._reader = forgetful(store)

        def get(name: str) -> str:
            store._resolved.clear()
            found: str = store.get(name)
            return found

        check(store, peers, values)
        calls = {"ours": reader(get, list(values))}
        calls |= {shown: reader(peer.get, list(values)) for shown, peer in peers.items()}
        taken = each(interleaved(calls, bench.rounds(ROUNDS)), len(values))
    for peer in peers.values():
        peer.close()
    yield from against_each("a hit without the object cache, hash verified", taken, BARS)
