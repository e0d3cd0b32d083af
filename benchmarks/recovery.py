"""What does it cost to go on at phase 8 of 10 after a failure, against starting over?

Money and time are those the demonstration agents' calls are recorded with; what the cache itself
adds is measured, as wall time over the stages it serves.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import aicas
from aicas.orchestrator.agent import Agent
from aicas.orchestrator.demo.agent import demonstration_team
from aicas.orchestrator.events import Event, StageCached, StageGenerated, Totals
from aicas.orchestrator.generation import Generation
from aicas.orchestrator.wrappers import failing_at
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, duration

REQUEST = "Build todo app"
FAILS_AT = "phase-8-generated_code"
ROUNDS = 11
MONEY, OVERHEAD = Bar(80, at_least=True), Bar(5)


class Watch:
    """Adds up what is told, and how long cached stages kept the run."""

    def __init__(self) -> None:
        self.latency_us = 0
        self.cached_seconds: list[float] = []
        self._last = time.perf_counter()

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        if isinstance(event, StageCached):
            self.cached_seconds.append(now - self._last)
        if isinstance(event, StageGenerated) and event.cost:
            self.latency_us += event.cost.latency_us
        self._last = now


def generate(folder: Path, team: Mapping[str, Agent]) -> tuple[Totals, Watch]:
    """A run to its end."""
    watch = Watch()
    with aicas.open(folder) as store:
        return asyncio.run(
            Generation(store, team, "sess_benchmark", watch).run(REQUEST, None)
        ), watch


def run(bench: Bench) -> Iterator[Row]:
    per_stage: list[float] = []
    for number in range(bench.rounds(ROUNDS)):
        folder = bench.place(f"recovery{number}")
        whole, over = generate(folder / "whole", demonstration_team())
        with suppress(aicas.StageFailed):
            generate(folder / "store", failing_at(demonstration_team(), FAILS_AT))
        resumed, again = generate(folder / "store", demonstration_team())
        per_stage += again.cached_seconds
    money = 1 - resumed.spent_nano / whole.spent_nano
    waiting = 1 - again.latency_us / over.latency_us
    yield Row(
        f"going on at {FAILS_AT} after a failure, in USD as recorded",
        aicas.format_usd(resumed.spent_nano),
        f"starting over: {aicas.format_usd(whole.spent_nano)}, {money:.0%} less",
        money * 100,
        MONEY,
        " % less",
    )
    yield Row(
        "… in recorded time of agents",
        f"{again.latency_us / 1e6:.0f} s",
        f"starting over: {over.latency_us / 1e6:.0f} s, {waiting:.0%} less",
    )
    yield Row(
        f"… added by the cache for each of {resumed.cached} stages it serves",
        f"{duration(statistics.median(per_stage))}, at most {duration(max(per_stage))}",
        "",
        statistics.median(per_stage) * 1e3,
        OVERHEAD,
        " ms",
    )
