"""What does it cost to go on at phase 8 of 10 after a failure, against starting over?

Money and time are those the demonstration agents' calls are recorded with; what the cache itself
adds is measured, as wall time over the stages it serves.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import aicas
from aicas.orchestrator.agent import Agent
from aicas.orchestrator.demo.agent import demonstration_team
from aicas.orchestrator.events import Event, StageCached, StageGenerated, Totals
from aicas.orchestrator.generation import Generation
from aicas.orchestrator.wrappers import failing_at

REQUEST = "Build todo app"
FAILS_AT = "phase-8-generated_code"
ROUNDS = 11


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


def generate(folder: Path, team: Mapping[str, Agent]) -> tuple[Totals | None, Watch]:
    watch = Watch()
    with aicas.open(folder) as store:
        run = Generation(store, team, "sess_benchmark", watch)
        try:
            return asyncio.run(run.run(REQUEST, None)), watch
        except aicas.StageFailed:
            return None, watch


def main() -> None:
    per_stage: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            whole, over = generate(Path(name) / "whole", demonstration_team())
            failing = failing_at(demonstration_team(), FAILS_AT)
            generate(Path(name) / "store", failing)
            resumed, again = generate(Path(name) / "store", demonstration_team())
        assert whole is not None
        assert resumed is not None
        per_stage += again.cached_seconds
    money = 1 - resumed.spent_nano / whole.spent_nano
    waiting = 1 - again.latency_us / over.latency_us
    print(
        f"going on at {FAILS_AT}: {aicas.format_usd(resumed.spent_nano)} in place of"
        f" {aicas.format_usd(whole.spent_nano)}, {money:.0%} less (bar: at least 80%);"
        f" {again.latency_us / 1e6:.0f} s of agents in place of {over.latency_us / 1e6:.0f} s,"
        f" {waiting:.0%} less"
    )
    print(
        f"added for each of {resumed.cached} cached stages:"
        f" {statistics.median(per_stage) * 1e3:.2f} ms, at most {max(per_stage) * 1e3:.1f} ms"
        " (bar: under 5 ms)"
    )


if __name__ == "__main__":
    main()
