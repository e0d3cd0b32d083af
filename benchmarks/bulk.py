"""How fast are many stages put, as an import does, each thousand durable at its end?

100,000 stages of five files of 4 KB, encoding included; rivals take turns of a thousand stages.
disk-objectstore puts them straight into packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import aicas
from benchmarks import payloads
from benchmarks.bench import AT_ONCE, Bench, key
from benchmarks.measure import Bar, Row, duration, timed
from benchmarks.peers import NAMES, BulkPeer, open_peers

STAGES = 100_000
PEERS = ("sqlite", "objectstore")
BARS = {
    NAMES["sqlite"][0]: Bar(2.5, at_least=True),
    NAMES["objectstore"][0]: Bar(1.2, at_least=True),
}
Stages = list[tuple[str, payloads.Stage]]


def ours(store: aicas.Store, stages: Stages) -> None:
    with store.batch() as batch:
        for name, files in stages:
            batch.put(name, files)


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("bulk")
    stages = bench.size(STAGES)
    peers = dict(open_peers(folder, PEERS))
    with aicas.open(folder / "store") as store:
        loaders: dict[str, Callable[[Stages], None]] = {"ours": partial(ours, store)}
        loaders |= {shown: cast(BulkPeer, peer).put_all for shown, peer in peers.items()}
        taken = dict.fromkeys(loaders, 0.0)
        for first in range(0, stages, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, stages))
            items = [(key(n), payloads.stage(n)) for n in numbers]
            for name, load in loaders.items():
                taken[name] += timed(partial(load, items))
    for peer in peers.values():
        peer.close()
    mine = taken.pop("ours")
    for name, seconds in taken.items():
        yield Row(
            f"{stages:,} stages put in bulk",
            duration(mine),
            f"{name}: {duration(seconds)}",
            seconds / mine,
            BARS[name],
        )
