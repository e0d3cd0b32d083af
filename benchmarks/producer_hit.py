"""What does a hit through ``get_or_create`` cost, against a bare ``Store.get`` of the same key?

The recipe has five components and there are three inputs; every hit is judged anew as soon as
anything was committed, and recorded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import aicas
from benchmarks.measure import interleaved, report

PAYLOAD = "def stage(number):\n    return number * 2\n" * 375
HITS = 2_000
ROUNDS = 21
INPUTS = ("brainstorming_features", "system_architecture_plan", "project_micro_phases#/phases/2")


def main() -> None:
    recipe = aicas.Recipe(
        prompt="Write the code of this phase.",
        agent_version="coder-1",
        model="gpt-4",
        parameters={"temperature": 0.2, "stop": ["END"]},
        code_version="1",
    )
    with tempfile.TemporaryDirectory() as name, aicas.open(Path(name) / "store") as store:
        for key in INPUTS[:2]:
            store.put(key, key)
        store.put("project_micro_phases", {"phases": [{"id": n} for n in range(10)]})
        cache = aicas.Cache(store)

        def produce() -> str:
            return PAYLOAD

        def hit() -> None:
            for _ in range(HITS):
                cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS)

        def get() -> None:
            for _ in range(HITS):
                store.get("code")

        assert not cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS).is_hit
        assert cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS).is_hit
        taken = interleaved({"get_or_create": hit, "Store.get": get}, ROUNDS)
    each = {key: [seconds / HITS for seconds in times] for key, times in taken.items()}
    report("a hit", each, "at most 3.00")


if __name__ == "__main__":
    main()
