"""How long does a hit take in a process that has read the value before?

15 KB of text under each of 200 keys. Every get of ours checks first whether another process moved
the ref.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import aicas
from benchmarks import payloads
from benchmarks.bench import Bench, key
from benchmarks.measure import Bar, Row, against_each, each, interleaved
from benchmarks.peers import NAMES, Peer, Value, open_peers

KEYS = 200
ROUNDS = 11
PEERS = ("diskcache", "files", "sqlite", "langgraph", "joblib", "redun")
BARS = {NAMES["diskcache"][0]: Bar(0.1)}


Get = Callable[[str], Value]


def reader(get: Get, keys: list[str]) -> Callable[[], None]:
    """A call that gets every key once."""

    def read() -> None:
        for name in keys:
            get(name)

    return read


def run(bench: Bench) -> Iterator[Row]:
    taken = hits(bench, "warm_hit", PEERS, lambda store: store.get)
    yield from against_each("a warm hit, 15 KB of text", taken, BARS)


def hits(
    bench: Bench, place: str, rivals: Sequence[str], asking: Callable[[aicas.Store], Get]
) -> dict[str, list[float]]:
    """How long a get takes, in every round, of ours and of each rival.

    Args:
        bench: sizes, and where to work.
        place: the folder's name.
        rivals: the peers.
        asking: how our store, once it is filled, is asked for a key.
    """
    folder = bench.place(place)
    values = {key(n): payloads.text(n) for n in range(bench.size(KEYS))}
    peers = dict(open_peers(folder, rivals))
    with aicas.open(folder / "store") as store:
        for name, value in values.items():
            store.put(name, value)
            for peer in peers.values():
                peer.put(name, value)
        get = asking(store)
        calls = {"ours": reader(get, list(values))}
        calls |= {shown: reader(peer.get, list(values)) for shown, peer in peers.items()}
        check(store, peers, values)
        taken = each(interleaved(calls, bench.rounds(ROUNDS)), len(values))
    for peer in peers.values():
        peer.close()
    return taken


def check(store: aicas.Store, peers: dict[str, Peer], values: dict[str, str]) -> None:
    """Everybody gives back what was put."""
    for name, value in values.items():
        assert store.get(name) == value
        for shown, peer in peers.items():
            assert peer.get(name) == value, shown
