"""What does a hit through ``get_or_create`` cost, against a bare ``Store.get`` of the same key?

The recipe has five components and there are three inputs; every hit is judged anew as soon as
anything was committed, and recorded.
"""

from __future__ import annotations

from collections.abc import Iterator

import aicas
from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, against_each, each, interleaved

HITS = 2_000
ROUNDS = 21
INPUTS = ("brainstorming_features", "system_architecture_plan", "project_micro_phases#/phases/2")
BARS = {"Store.get of the same key": Bar(3)}


def run(bench: Bench) -> Iterator[Row]:
    hits = bench.size(HITS)
    recipe = aicas.Recipe(
        prompt="Write the code of this phase.",
        agent_version="coder-1",
        model="gpt-4",
        parameters={"temperature": 0.2, "stop": ["END"]},
        code_version="1",
    )
    with aicas.open(bench.place("producer_hit") / "store") as store:
        for key in INPUTS[:2]:
            store.put(key, key)
        store.put("project_micro_phases", {"phases": [{"id": n} for n in range(10)]})
        cache = aicas.Cache(store)

        def produce() -> str:
            return payloads.text(1)

        def hit() -> None:
            for _ in range(hits):
                cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS)

        def get() -> None:
            for _ in range(hits):
                store.get("code")

        assert not cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS).is_hit
        assert cache.get_or_create("code", produce, recipe=recipe, inputs=INPUTS).is_hit
        rivals = {"ours": hit, "Store.get of the same key": get}
        taken = each(interleaved(rivals, bench.rounds(ROUNDS)), hits)
    yield from against_each("a hit through `get_or_create`, judged and recorded", taken, BARS)
