"""Does an invalidation cost what it affects: 1,000 dependents among 10,000 refs, and a million?

The other refs are stages of other projects. Each round invalidates in both stores and undoes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aicas
from aicas.backends.base import ABSENT
from aicas.backends.operation import Operation, RefChange
from aicas.names import RefName
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, against_each, interleaved

DEPENDENTS = 1_000
REFS = (10_000, 1_000_000)
ROUNDS = 15
AT_ONCE = 5_000
BAR = Bar(1.5)


def build(folder: Path, refs: int, dependents: int) -> aicas.Store:
    """A store with one cascade, in which dependents also depend on one another, and other refs."""
    store = aicas.open(folder)
    root = store.put("plan", "the plan")
    for number in range(dependents):
        above = f"stage-{number // 2}" if number else "plan"
        store.put(f"stage-{number}", f"{number}", inputs=["plan", above] if number else ["plan"])
    others = refs - dependents - 1
    for first in range(0, others, AT_ONCE):
        names = range(first, min(first + AT_ONCE, others))
        changes = [
            RefChange(RefName(f"live/other-{n // 100}/stage-{n % 100}"), None, root.id)
            for n in names
        ]
        operation = Operation("put", 1, "benchmark", tuple(changes))
        store._backend.publish({}, operation, {change.ref: ABSENT for change in changes})
    return store


def run(bench: Bench) -> Iterator[Row]:
    dependents = bench.size(DEPENDENTS, least=5)
    few, many = (bench.size(refs, least=20) for refs in REFS)
    folder = bench.place("cascade")
    stores = {refs: build(folder / f"{refs}", refs, dependents) for refs in {few, many}}

    def invalidate(refs: int) -> None:
        done = stores[refs].invalidate("plan", "measured")
        assert len(done.changes) == dependents + 1

    against = f"among {few:,} refs"
    taken = interleaved(
        {
            "ours": lambda: invalidate(many),
            against: lambda: invalidate(few),
            "undone (both)": lambda: [store.undo() for store in stores.values()],
        },
        bench.rounds(ROUNDS),
    )
    for store in stores.values():
        store.close()
    taken.pop("undone (both)")
    question = f"invalidating {dependents:,} dependents among {many:,} refs"
    yield from against_each(question, taken, {against: BAR})
