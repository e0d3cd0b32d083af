"""How long may a put take while ``maintain`` packs the store in another process?

The 99th percentile of durable puts of a stage, against that of the same puts alone.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import aicas
from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, duration, plain_environment, timed

STAGES = 100_000
PUTS = 2_000
LEAST_BESIDE = 100
"""So many are measured beside it, however soon it is done."""
BAR = Bar(4)


def percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("putting_beside") / "store"
    shutil.copytree(bench.store_of(bench.size(STAGES, least=20)), folder)
    puts = bench.size(PUTS, least=LEAST_BESIDE)
    with aicas.open(folder) as store:
        numbers = count(STAGES)

        def put() -> None:
            number = next(numbers)
            store.put(f"phase-{number % 50}-generated_code", payloads.stage(number))

        alone = [timed(put) for _ in range(puts)]
        beside, rounds = puts_during_maintain(folder, put)
        alone += [timed(put) for _ in range(puts)]
    yield Row(
        f"99th percentile of a put beside maintain ({len(beside):,} puts in {rounds} of it)",
        duration(percentile(beside)),
        f"alone: {duration(percentile(alone))}",
        percentile(beside) / percentile(alone),
        BAR,
    )


def puts_during_maintain(folder: Path, put: Callable[[], None]) -> tuple[list[float], int]:
    """The times of puts while ``aicas maintain`` runs, again and again until there are enough."""
    command = [str(Path(sys.executable).with_name("aicas")), "--store", str(folder), "maintain"]
    times: list[float] = []
    rounds = 0
    while len(times) < LEAST_BESIDE:
        rounds += 1
        maintaining = subprocess.Popen(
            command, env=plain_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while maintaining.poll() is None:
            times.append(timed(put))
        if maintaining.returncode:
            raise RuntimeError(f"maintain failed with {maintaining.returncode}")
    return times, rounds
