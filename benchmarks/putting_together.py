"""How many stages do four processes put in all, each put durable when it returns?

Against the same number of processes on the plain SQLite reference. Each round is a new store.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aicas
from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, begin, result
from benchmarks.peers import NAMES
from benchmarks.peers.reference import Reference

PROCESSES = 4
PUTS = 500
ROUNDS = 5
BAR = Bar(3, at_least=True)


def put_ours(folder: str, worker: int, puts: int) -> list[float]:
    with aicas.open(folder) as store:
        store.get("warm")
        wait_for_the_others()
        began = time.time()
        for number in range(puts):
            store.put(f"worker-{worker}-{number % 50}", payloads.stage(worker * puts + number))
        return [began, time.time()]


def put_reference(folder: str, worker: int, puts: int) -> list[float]:
    reference = Reference(Path(folder))
    wait_for_the_others()
    began = time.time()
    for number in range(puts):
        reference.put(f"worker-{worker}-{number % 50}", payloads.stage(worker * puts + number))
    return [began, time.time()]


def wait_for_the_others() -> None:
    payloads.stage(0)  # the text it is cut from is read once
    print("ready", flush=True)
    sys.stdin.readline()


def puts_per_second(worker: Callable[..., object], folder: Path, puts: int) -> float:
    """Stages put by all, over the time from the first beginning to the last end."""
    processes = [begin(worker, str(folder), n, puts) for n in range(PROCESSES)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    spans: list[list[float]] = [result(process) for process in processes]
    return PROCESSES * puts / (max(end for _, end in spans) - min(start for start, _ in spans))


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("putting_together")
    puts = bench.size(PUTS, least=5)
    rates: dict[str, list[float]] = {"ours": [], "reference": []}
    for number in range(bench.rounds(ROUNDS)):
        ours, theirs = folder / f"store{number}", folder / f"reference{number}"
        with aicas.open(ours) as store:
            store.put("warm", "x")
        theirs.mkdir()
        Reference(theirs).close()
        rates["ours"].append(puts_per_second(put_ours, ours, puts))
        rates["reference"].append(puts_per_second(put_reference, theirs, puts))
    ours_rate, rate = (statistics.median(found) for found in rates.values())
    yield Row(
        "stages put each second by 4 processes in all",
        f"{ours_rate:,.0f}/s",
        f"{NAMES['sqlite'][0]}: {rate:,.0f}/s",
        ours_rate / rate,
        BAR,
    )
