"""How long does ``aicas log --oneline`` take on 1,000 snapshots, from a cold process?"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import aicas
from benchmarks.measure import interleaved, report, wall

SNAPSHOTS = 1_000
ROUNDS = 21
IMPORTS = "import click, sqlite3, blake3, msgpack, zstandard"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store_folder = Path(folder) / "store"
        with aicas.open(store_folder) as store:
            for number in range(SNAPSHOTS):
                key = f"phase-{number % 50}-generated_code"
                store.put(key, {"src/main.py": b"print(%d)\n" % number})
        aicas_command = str(Path(sys.executable).with_name("aicas"))
        log = [aicas_command, "--store", str(store_folder), "log", "--oneline"]
        taken = interleaved(
            {
                "aicas log --oneline": wall(log),
                f'python -c "{IMPORTS}"': wall([sys.executable, "-c", IMPORTS]),
            },
            ROUNDS,
        )
    report(f"log of {SNAPSHOTS} snapshots", taken, "at most 2.50")


if __name__ == "__main__":
    main()
