"""Run every benchmark, or those named, and print the rows of the results table as they come.

``python -m benchmarks [warm_hit] [bulk] … [--scale 0.01] [--repository PATH]… [--folder PATH]``
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.bench import Bench

# Those that need a quiet machine most come first, those that build large stores last.
NAMES = (
    "floor",
    "startup",
    "warm_hit",
    "verified_hit",
    "producer_hit",
    "durable_put",
    "putting_together",
    "judging",
    "cascade",
    "recovery",
    "large_file",
    "disk_bytes",
    "source_history",
    "cold_hit",
    "rebuilding",
    "putting_beside",
    "bulk",
    "collecting",
    "eviction",
)
LIBRARIES = (
    "blake3",
    "msgpack",
    "zstandard",
    "click",
    "diskcache",
    "disk-objectstore",
    "pygit2",
    "dulwich",
    "langgraph-checkpoint-sqlite",
    "joblib",
    "redun",
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes")
    parser.add_argument(
        "--repository",
        type=Path,
        action="append",
        default=[],
        help="a git repository for source_history; may be repeated",
    )
    parser.add_argument("--folder", type=Path, help="where to work; the disk that is measured")
    given = parser.parse_args()
    if unknown := set(given.names).difference(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return given


def installed(library: str) -> str:
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"{library} not installed"


def main() -> None:
    given = arguments()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    print(
        f"Machine: {os.cpu_count()} cores, {memory} GiB, {platform.platform()},"
        f" CPython {platform.python_version()}. Date: {time.strftime('%Y-%m-%d')}."
        f" Scale: {given.scale:g}."
    )
    print(f"Versions: {', '.join(map(installed, LIBRARIES))}.\n")
    print("| question | script | ours | against | ratio | bar |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="aicas-bench-", dir=given.folder) as folder:
        bench = Bench(Path(folder), given.scale, tuple(given.repository))
        for name in given.names or NAMES:
            began = time.perf_counter()
            for row in importlib.import_module(f"benchmarks.{name}").run(bench):
                question, rest = str(row).split(" | ", 1)
                print(f"| {question} | `{name}.py` | {rest} |", flush=True)
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


main()
