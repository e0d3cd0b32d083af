"""The rows of what each policy saves."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.eviction.bound import upper_bound
from benchmarks.eviction.policies import OTHERS, Shipped
from benchmarks.eviction.replay import replay, unlimited
from benchmarks.eviction.traces import Trace, beginning, recorded
from benchmarks.measure import ROOT, Bar, Row

CAPS = (5, 10, 20, 40)
"""In percent of all bytes."""
BAR = Bar(1, at_least=True)
_OURS, _BOUND = "ours", "bound"


def folder() -> Path:
    """Where the recorded traces are: ``AICAS_TRACES``, or a folder beside the repository."""
    return Path(os.environ.get("AICAS_TRACES", ROOT.parent / "shared" / "data"))


def run(bench: Bench) -> Iterator[Row]:
    """A row for each trace and cap, and their means; the ratio is to the best of the others."""
    if not folder().is_dir():
        print(f"eviction: no traces in {folder()}; set AICAS_TRACES", file=sys.stderr)
        return
    rows = []
    for trace in recorded(folder()):
        some = beginning(trace, bench.size(len(trace.steps)))
        for percent in CAPS:
            rows.append(saved(some, some.bytes * percent // 100))
            yield _row(f"USD saved, {trace.name}, cap {percent} %", rows[-1], None)
    means = {name: statistics.mean(row[name] for row in rows) for name in rows[0]}
    yield _row("USD saved, mean of these", means, BAR)


def saved(trace: Trace, cap: int) -> dict[str, float]:
    """What each policy saves with a cap, and the bound, as shares of what can be saved at all."""
    most = unlimited(trace).saved or 1
    policies = {_OURS: Shipped, **OTHERS}
    row = {name: replay(trace, of(trace, cap), cap).saved / most for name, of in policies.items()}
    return {**row, _BOUND: upper_bound(trace, cap) / most}


def _row(question: str, shares: Mapping[str, float], bar: Bar | None) -> Row:
    shown = ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if name != _OURS)
    best = max(shares[name] for name in OTHERS)
    ratio = shares[_OURS] / best if best > 0 else None
    return Row(question, f"{shares[_OURS]:.1%}", shown, ratio, bar)
