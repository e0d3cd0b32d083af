"""Timing that survives a noisy machine: rivals take turns, medians and their ratio are quoted."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence


def interleaved(rivals: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call; every round calls each rival once, after one unmeasured round."""
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    for round_number in range(rounds + 1):
        for name, call in rivals.items():
            start = time.perf_counter()
            call()
            if round_number:
                taken[name].append(time.perf_counter() - start)
    return taken


def wall(command: Sequence[str]) -> Callable[[], object]:
    """A call that runs a command to its end, as installed: no PYTHON... variable changes how."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)


def report(question: str, taken: dict[str, list[float]], bar: str) -> None:
    """Print the medians, and the ratio of the first to the second."""
    medians = {name: statistics.median(times) for name, times in taken.items()}
    ours, theirs = list(medians.values())[:2]
    shown = ", ".join(f"{name} {_duration(seconds)}" for name, seconds in medians.items())
    print(f"{question}: {shown}; ratio {ours / theirs:.2f} (bar: {bar})")


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
