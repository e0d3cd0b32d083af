"""Does an invalidation cost what it affects: 1,000 dependents among 10,000 refs, and a million?

The other refs are stages of other projects. Each round invalidates in both stores and undoes it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import aicas
from aicas.backends.base import ABSENT
from aicas.backends.operation import Operation, RefChange
from aicas.names import RefName
from benchmarks.measure import interleaved, report

DEPENDENTS = 1_000
REFS = (10_000, 1_000_000)
ROUNDS = 15
AT_ONCE = 5_000


def build(folder: Path, refs: int) -> aicas.Store:
    """A store with one cascade, in which dependents also depend on one another, and other refs."""
    store = aicas.open(folder)
    root = store.put("plan", "the plan")
    for number in range(DEPENDENTS):
        above = f"stage-{number // 2}" if number else "plan"
        store.put(f"stage-{number}", f"{number}", inputs=dict.fromkeys(["plan", above]))
    others = refs - DEPENDENTS - 1
    for first in range(0, others, AT_ONCE):
        names = range(first, min(first + AT_ONCE, others))
        changes = [
            RefChange(RefName(f"live/other-{n // 100}/stage-{n % 100}"), None, root.id)
            for n in names
        ]
        operation = Operation("put", 1, "benchmark", tuple(changes))
        store._backend.publish({}, operation, {change.ref: ABSENT for change in changes})
    return store


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        stores = {refs: build(Path(name) / str(refs), refs) for refs in REFS}

        def invalidate(refs: int) -> None:
            done = stores[refs].invalidate("plan", "measured")
            assert len(done.changes) == DEPENDENTS + 1

        few, many = REFS
        rivals = {
            f"among {many:,} refs": lambda: invalidate(many),
            f"among {few:,} refs": lambda: invalidate(few),
            "undone (both)": lambda: [store.undo() for store in stores.values()],
        }
        taken = interleaved(rivals, ROUNDS)
        for store in stores.values():
            store.close()
    report(f"invalidating {DEPENDENTS:,} dependents", taken, "at most 1.50")


if __name__ == "__main__":
    main()
