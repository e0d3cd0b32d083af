"""How much memory does it take to put a file of 2 GiB and to get it back, and how long?"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import aicas
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, apart, duration, peak_mib

MEBIBYTES = 2_048
MIB = 1 << 20
BAR = Bar(200)


def make_file(path: Path, mebibytes: int) -> None:
    """A file that is quickly made: much of it repeats, but no two MiB are equal."""
    piece = random.Random(5).randbytes(MIB)
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(number.to_bytes(8, "little") + piece[8:])


def put_and_get(folder: str, source: str, destination: str) -> dict[str, float]:
    with aicas.open(folder) as store:
        began = time.perf_counter()
        store.put("model", aicas.FromFile(Path(source)))
        put = time.perf_counter()
        store.restore("model", Path(destination))
        got = time.perf_counter()
    return {"put": put - began, "get": got - put, "peak_mib": peak_mib()}


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("large_file")
    mebibytes = bench.size(MEBIBYTES)
    make_file(folder / "file", mebibytes)
    done = apart(put_and_get, str(folder / "store"), str(folder / "file"), str(folder / "again"))
    yield Row(
        f"memory at its peak: a file of {mebibytes:,} MiB put and written back",
        f"{done['peak_mib']} MiB; put in {duration(done['put'])}, got in {duration(done['get'])}",
        "",
        done["peak_mib"],
        BAR,
        " MiB",
    )
    for path in (folder / "file", folder / "again"):
        path.unlink()
