"""How long do ``aicas status`` of 10,000 stages and ``aicas why`` take, from a cold process?"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import aicas
from benchmarks.measure import interleaved, wall

STAGES = 10_000
ROUNDS = 11
RECIPE = {
    "prompt": "Write the code of this phase.",
    "model": "gpt-4",
    "agent_version": "coder-1",
    "parameters": {"temperature": 0.2},
    "code_version": "1",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        with aicas.open(folder) as store:
            store.put("plan", {"phases": [{"id": n} for n in range(100)]})
            for number in range(STAGES - 1):
                above = [f"plan#/phases/{number % 100}"]
                above += [f"stage-{number - 100}"] if number >= 100 else []
                store.put(f"stage-{number}", f"{number}\n" * 100, recipe=RECIPE, inputs=above)
            plan = {"phases": [{"id": n, "more": n == 7} for n in range(100)]}
            store.amend("plan", plan, "so that something is stale")
        command = [str(Path(sys.executable).with_name("aicas")), "--store", str(folder)]
        taken = interleaved(
            {
                "status": wall([*command, "status"]),
                "why": wall([*command, "why", "stage-9907"]),
                "python -c pass": wall([sys.executable, "-c", "pass"]),
            },
            ROUNDS,
        )
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, bar in (("status", "under 1,000 ms"), ("why", "under 150 ms")):
        print(f"aicas {name}, {STAGES:,} stages: {medians[name] * 1e3:.0f} ms (bar: {bar})")


if __name__ == "__main__":
    main()
