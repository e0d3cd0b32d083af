"""How long does a hit take in a process that has read the value before?

15 KB of text under each of 200 keys. Every get of ours checks first whether another process moved
the ref.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import aicas
from benchmarks import payloads
from benchmarks.bench import Bench, key
from benchmarks.measure import Bar, Row, against_each, each, interleaved
from benchmarks.peers import NAMES, Peer, Value, open_peers

KEYS = 200
ROUNDS = 11
PEERS = ("diskcache", "files", "sqlite", "langgraph", "joblib", "redun")
BARS = {NAMES["diskcache"][0]: Bar(0.1)}


def reader(get: Callable[[str], Value], keys: list[str]) -> Callable[[], None]:
    """A call that gets every key once."""

    def read() -> None:
        for name in keys:
            get(name)

    return read


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("warm_hit")
    values = {key(n): payloads.text(n) for n in range(bench.size(KEYS))}
    peers = dict(open_peers(folder, PEERS))
    with aicas.open(folder / "store") as store:
        for name, value in values.items():
            store.put(name, value)
            for peer in peers.values():
                peer.put(name, value)
        calls = {"ours": reader(store.get, list(values))}
        calls |= {shown: reader(peer.get, list(values)) for shown, peer in peers.items()}
        check(store, peers, values)
        taken = each(interleaved(calls, bench.rounds(ROUNDS)), len(values))
    for peer in peers.values():
        peer.close()
    yield from against_each("a warm hit, 15 KB of text", taken, BARS)


def check(store: aicas.Store, peers: dict[str, Peer], values: dict[str, str]) -> None:
    """Everybody gives back what was put."""
    for name, value in values.items():
        assert store.get(name) == value
        for shown, peer in peers.items():
            assert peer.get(name) == value, shown
