"""How long does ``aicas log --oneline`` take on 1,000 snapshots, from a cold process?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import aicas
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, against_each, interleaved, wall

SNAPSHOTS = 1_000
ROUNDS = 21
IMPORTS = 'python -c "import click, sqlite3, blake3, msgpack, zstandard"'
BARS = {IMPORTS: Bar(2.5)}


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("startup") / "store"
    snapshots = bench.size(SNAPSHOTS)
    with aicas.open(folder) as store:
        for number in range(snapshots):
            key = f"phase-{number % 50}-generated_code"
            store.put(key, {"src/main.py": b"print(%d)\n" % number})
    log = [str(Path(sys.executable).with_name("aicas")), "--store", str(folder), "log", "--oneline"]
    imports = [sys.executable, "-c", IMPORTS.split('"')[1]]
    taken = interleaved({"ours": wall(log), IMPORTS: wall(imports)}, bench.rounds(ROUNDS))
    yield from against_each(
        f"`aicas log --oneline`, {snapshots:,} snapshots, cold process", taken, BARS
    )
