"""Timing that survives a noisy machine: rivals take turns, medians and their ratio are quoted."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
Times = Mapping[str, Sequence[float]]


class Bar(NamedTuple):
    """What a ratio, or a figure, is held to."""

    limit: float
    at_least: bool = False
    share: bool = False
    """Whether it is an inverse said as a fraction: 1/12 of the rival's."""

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        words = f"1/{1 / self.limit:.0f}" if self.share else f"{self.limit:,.4g}"
        return f"at {'least' if self.at_least else 'most'} {words}"


class Row(NamedTuple):
    """One line of the results table."""

    question: str
    ours: str
    against: str = ""
    ratio: float | None = None
    bar: Bar | None = None
    unit: str = ""
    """What the ratio is counted in, where it is a figure held to a bar by itself."""

    def __str__(self) -> str:
        verdict = ""
        if self.bar is not None and self.ratio is not None:
            missed = "" if self.bar.met(self.ratio) else ", **missed**"
            verdict = f"{self.bar}{self.unit}{missed}"
        shown = "" if self.ratio is None or self.unit else _ratio(self.ratio)
        return " | ".join((self.question, self.ours, self.against, shown, verdict))


def interleaved(rivals: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call; every round calls each rival once, after one unmeasured round."""
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    for round_number in range(rounds + 1):
        for name, call in rivals.items():
            seconds = timed(call)
            if round_number:
                taken[name].append(seconds)
    return taken


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def against_each(question: str, taken: Times, bars: Mapping[str, Bar | None]) -> list[Row]:
    """A row for every rival of the first in ``taken``, by the medians of the seconds."""
    (_, ours), *rivals = ((name, statistics.median(times)) for name, times in taken.items())
    return [
        Row(question, duration(ours), f"{name}: {duration(theirs)}", ours / theirs, bars.get(name))
        for name, theirs in rivals
    ]


def each(taken: Times, calls: int) -> dict[str, list[float]]:
    """The seconds of one call, where so many were timed together."""
    return {name: [seconds / calls for seconds in times] for name, times in taken.items()}


def duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def wall(command: Sequence[str]) -> Callable[[], object]:
    """A call that runs a command to its end, as installed: no PYTHON... variable changes how."""
    return lambda: subprocess.run(command, check=True, capture_output=True, env=plain_environment())


def plain_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


_APART = """
import json, sys
from importlib import import_module
module, name, arguments = json.loads(sys.argv[1])
print(json.dumps(getattr(import_module(module), name)(*arguments)))
"""


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """What a module's function returns in a process of its own. Both ways go as JSON."""
    with begin(function, *arguments) as process:
        return result(process)


def begin(function: Callable[..., Any], *arguments: object) -> subprocess.Popen[str]:
    """As ``apart``, without waiting; ``result`` waits."""
    call = json.dumps([function.__module__, function.__name__, arguments])
    return subprocess.Popen(
        [sys.executable, "-c", _APART, call],
        cwd=ROOT,
        env=plain_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> Any:
    """What the function returned that ``begin`` called."""
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a benchmark's process failed with {process.returncode}")
    return json.loads(printed.splitlines()[-1])


def peak_mib() -> int:
    """The most memory this process has held so far. Not ``ru_maxrss``, which a child inherits."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


def disk_bytes(folder: Path) -> int:
    """What the files below a folder take on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
