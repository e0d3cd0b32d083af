"""How long does a warm ``Store.get`` of a 15 KB payload take, against ``diskcache.Cache.get``?

Every get of ours checks first whether another process moved the ref.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import diskcache

import aicas
from benchmarks.measure import interleaved, report

PAYLOAD = "def stage(number):\n    return number * 2\n" * 375
GETS = 2_000
ROUNDS = 21


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = diskcache.Cache(folder / "diskcache")
        cache["system_architecture_plan"] = PAYLOAD
        with aicas.open(folder / "store") as store:
            store.put("system_architecture_plan", PAYLOAD)

            def ours() -> None:
                for _ in range(GETS):
                    store.get("system_architecture_plan")

            def theirs() -> None:
                for _ in range(GETS):
                    cache.get("system_architecture_plan")

            assert store.get("system_architecture_plan") == cache.get("system_architecture_plan")
            taken = interleaved({"Store.get": ours, "diskcache.Cache.get": theirs}, ROUNDS)
        cache.close()
    each = {key: [seconds / GETS for seconds in times] for key, times in taken.items()}
    report(f"warm get of {len(PAYLOAD)} bytes", each, "below 1.00")


if __name__ == "__main__":
    main()
