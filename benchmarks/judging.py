"""How long do ``aicas status`` of 10,000 stages and ``aicas why`` take, from a cold process?"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import aicas
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, duration, interleaved, wall

STAGES = 10_000
ROUNDS = 11
STATUS, WHY = Bar(1), Bar(0.15)
RECIPE = {
    "prompt": "Write the code of this phase.",
    "model": "gpt-4",
    "agent_version": "coder-1",
    "parameters": {"temperature": 0.2},
    "code_version": "1",
}


def build(folder: Path, stages: int) -> None:
    """A project of so many stages, a hundred side by side, some of them stale."""
    with aicas.open(folder) as store:
        store.put("plan", {"phases": [{"id": n} for n in range(100)]})
        for number in range(stages - 1):
            above = [f"plan#/phases/{number % 100}"]
            above += [f"stage-{number - 100}"] if number >= 100 else []
            store.put(f"stage-{number}", f"{number}\n" * 100, recipe=RECIPE, inputs=above)
        plan = {"phases": [{"id": n, "more": n == 7} for n in range(100)]}
        store.amend("plan", plan, "so that something is stale")


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("judging") / "store"
    stages = bench.size(STAGES, least=120)
    build(folder, stages)
    command = [str(Path(sys.executable).with_name("aicas")), "--store", str(folder)]
    stale = f"stage-{(stages - 8) // 100 * 100 + 7 - 100}"
    taken = interleaved(
        {
            "status": wall([*command, "status"]),
            "why": wall([*command, "why", stale]),
            "pass": wall([sys.executable, "-c", "pass"]),
        },
        bench.rounds(ROUNDS),
    )
    median = {name: statistics.median(times) for name, times in taken.items()}
    against = f"python -c pass: {duration(median['pass'])}"
    for name, question, bar in (
        ("status", f"`aicas status` of {stages:,} stages, cold process", STATUS),
        ("why", "`aicas why` of one of them, cold process", WHY),
    ):
        yield Row(question, duration(median[name]), against, median[name], bar, " s")
