"""Processes that put into one store at the same time keep it within its size together."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import aicas
from aicas.retention.limit import batch_bytes

PROCESSES, PUTS, PUT_BYTES = 3, 150, 8_000
LIMIT = 1_000_000


def held_bytes(store: aicas.Store) -> int:
    return sum(found.stored_bytes for found in store._backend.scan())


def main(folder: str, name: str) -> None:
    """What each process does: put, and tell the size of the store after each put."""
    rng = random.Random(name)
    with aicas.open(folder, create=False) as store:
        for number in range(PUTS):
            store.put(f"{name}-{number % 7}", rng.randbytes(PUT_BYTES))
            print(held_bytes(store), flush=True)
        assert store.notice is None, store.notice


def test_three_processes_together_stay_within_one_batch_of_the_limit(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with aicas.init(folder):
        pass
    (folder / "config.toml").write_text(
        f"max_cache_size_gb = {LIMIT / 10**9:.6f}\ngc_grace_hours = 0\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder), f"w{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    sizes: list[int] = []
    for worker in workers:
        out, errors = worker.communicate(timeout=110)
        assert (worker.returncode, errors) == (0, "")
        sizes += map(int, out.split())
    assert len(sizes) == PROCESSES * PUTS
    # What the others have put and not yet returned from is over it too.
    assert max(sizes) <= LIMIT + batch_bytes(LIMIT) + (PROCESSES - 1) * (PUT_BYTES + 1_000)
    assert max(sizes) > LIMIT - 2 * batch_bytes(LIMIT)
    with aicas.open(folder) as store:
        assert held_bytes(store) <= LIMIT + batch_bytes(LIMIT)
        assert store.verify().damage == ()
        for name in range(PROCESSES):
            assert len(list(store.log(f"w{name}-0"))) > PUTS // 7, "snapshots stay"


if __name__ == "__main__":
    main(*sys.argv[1:])
