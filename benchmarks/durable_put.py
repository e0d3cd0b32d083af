"""How long does a durable put of one stage take, encoding and judging included?

A stage is a snapshot, a tree, five files of 4 KB, the move of a ref and its entry in the log. The
floor is an append of as many bytes as a put appends, and ``fdatasync``. Flushes are counted twice:
by the engine, and by the kernel (strace, where it is installed).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import aicas
from aicas.backends.local.backend import LocalBackend
from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.measure import ROOT, Bar, Row, against_each, interleaved
from benchmarks.peers import NAMES, Value, open_peers

PUTS = 200
KEYS = 50
FLOOR = "append + fdatasync of as many bytes"
PEERS = tuple(NAMES)
BARS = {
    FLOOR: Bar(1.8),
    NAMES["diskcache_full"][0]: Bar(0.6),
    NAMES["objectstore"][0]: Bar(1 / 9, share=True),
    NAMES["pygit2_fsync"][0]: Bar(1 / 10, share=True),
}


def putter(put: Callable[[str, Value], object]) -> Callable[[], None]:
    """A call that puts the next version of the next of some keys."""
    numbers = count()

    def put_next() -> None:
        number = next(numbers)
        put(f"phase-{number % KEYS}-generated_code", payloads.stage(number))

    return put_next


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("durable_put")
    puts = bench.size(PUTS, least=5)
    peers = dict(open_peers(folder, PEERS))
    with aicas.open(folder / "store") as store:
        put = putter(store.put)
        appended, flushed = appended_by(store, put, puts)
        with (folder / "floor").open("wb", buffering=0) as floor:
            piece = os.urandom(appended)

            def append_and_flush() -> None:
                floor.write(piece)
                os.fdatasync(floor.fileno())

            calls: dict[str, Callable[[], object]] = {"ours": put, FLOOR: append_and_flush}
            calls |= {shown: putter(peer.put) for shown, peer in peers.items()}
            taken = interleaved(calls, puts)
    for peer in peers.values():
        peer.close()
    yield from against_each("a durable put of a stage", taken, BARS)
    each_put = flushed / puts
    shown = f"{each_put:.2f} by the engine's count; {counted_by_kernel(folder, puts)}"
    yield Row("flushes for each put", shown, ratio=each_put, bar=Bar(1), unit=" flush")


def appended_by(store: aicas.Store, put: Callable[[], None], puts: int) -> tuple[int, int]:
    """The bytes a put appends to the log, in the mean, and the flushes so many made."""
    backend = store._backend
    assert isinstance(backend, LocalBackend)
    log = backend.folder / "log"
    for _ in range(KEYS):
        put()
    flushes = backend.flushes
    before = sum(path.stat().st_size for path in log.iterdir())
    for _ in range(puts):
        put()
    after = sum(path.stat().st_size for path in log.iterdir())
    return (after - before) // puts, backend.flushes - flushes


def put_many(folder: str, puts: int) -> None:
    """Make one store and put so many stages; run under strace."""
    with aicas.open(folder) as store:
        put = putter(store.put)
        for _ in range(puts):
            put()


def counted_by_kernel(folder: Path, puts: int) -> str:
    """The flushes strace saw for each put."""
    if not shutil.which("strace"):
        return "strace is not installed"
    trace = folder / "trace"
    call = f"put_many({str(folder / 'traced')!r}, {puts})"
    code = f"from benchmarks.durable_put import put_many; {call}"
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,sync,msync,sync_file_range"]
    command += ["-o", str(trace), sys.executable, "-c", code]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    calls = re.findall(r"\b(fsync|fdatasync|sync|msync|sync_file_range)\(", trace.read_text())
    flushes = calls.count("fdatasync")
    # A put's flush is an fdatasync; making the store and folding the index account for the rest.
    others = len(calls) - flushes
    return f"{flushes / puts:.2f} fdatasync and {others / puts:.2f} others by strace"
