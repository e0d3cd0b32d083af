"""How long does a new process take to open a store through the library and read one key?"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks.bench import FIRST_KEY, PROJECTS, Bench
from benchmarks.measure import Bar, Row, duration, interleaved, wall

STAGES = 100_000
FEW = 1_000
ROUNDS = 21
SCRIPT = "import aicas, sys; aicas.open(sys.argv[1], project=sys.argv[2]).get(sys.argv[3])"
AGAINST_PASS, AGAINST_FEW = Bar(2.6), Bar(1.3)


def run(bench: Bench) -> Iterator[Row]:
    many, few = (bench.store_of(bench.size(stages, least=20)) for stages in (STAGES, FEW))
    reading = [sys.executable, "-c", SCRIPT]
    taken = interleaved(
        {
            "many": wall([*reading, str(many), PROJECTS[0], FIRST_KEY]),
            "few": wall([*reading, str(few), PROJECTS[0], FIRST_KEY]),
            "pass": wall([sys.executable, "-c", "pass"]),
        },
        bench.rounds(ROUNDS),
    )
    median = {name: statistics.median(times) for name, times in taken.items()}
    question = f"first hit of a cold process, {bench.size(STAGES, least=20):,} snapshots"
    for name, shown, bar in (
        ("pass", "python -c pass", AGAINST_PASS),
        ("few", f"the same with {bench.size(FEW, least=20):,} snapshots", AGAINST_FEW),
    ):
        yield Row(
            question,
            duration(median["many"]),
            f"{shown}: {duration(median[name])}",
            median["many"] / median[name],
            bar,
        )
