"""What recommendations rest on: the runs of a period, and what each run again took the place of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from aicas.errors import Damaged, NotFound
from aicas.ids import SnapshotId
from aicas.ledger.causes import Cause
from aicas.ledger.spending import Spending
from aicas.ledger.totals import Totals
from aicas.objects.snapshot import Snapshot
from aicas.store import Store


class Rerun(NamedTuple):
    """A run of a stage that had been stored before."""

    spending: Spending
    new: Snapshot
    old: Snapshot
    """The version it took the place of."""

    @property
    def is_same_work(self) -> bool:
        """Whether it was made from the same recipe and inputs."""
        return self.new.fingerprint is not None and self.new.fingerprint == self.old.fingerprint

    @property
    def is_same_output(self) -> bool:
        """Whether the very same came of it."""
        return self.new.payload.id == self.old.payload.id

    @property
    def changed_components(self) -> set[str]:
        """The components of the recipe that are not what they were."""
        new, old = self.new.recipe, self.old.recipe
        names = new.keys() | old.keys()
        return {name for name in names if new.get(name) != old.get(name)}

    @property
    def has_same_inputs(self) -> bool:
        """Whether what it read is what the old one read."""
        return _read_by(self.new) == _read_by(self.old)


def _read_by(snapshot: Snapshot) -> set[tuple[str, str | None, bytes]]:
    return {(item.key, item.selector, item.digest) for item in snapshot.inputs}


class Evidence:
    """The books of a store's project in one period, with the snapshots behind them.

    Runs of which nobody said what they cost are no evidence: most were imported, and no one could
    have looked anything up before them.
    """

    def __init__(self, store: Store, since: int, until: int) -> None:
        """Read the books."""
        self.store = store
        self.totals: Totals = store.books(since, until, project=store.project).total
        told = store.spendings(since, until, project=store.project)
        self.spendings = tuple(spending for spending in told if spending.cost is not None)

    def of_cause(self, cause: Cause) -> list[Spending]:
        """The runs of one cause."""
        return [spending for spending in self.spendings if spending.cause == cause]

    def reruns(self, cause: Cause) -> Iterator[Rerun]:
        """The runs of one cause, each beside what it took the place of.

        Those of which either snapshot is not held any more are left out.
        """
        for spending in self.of_cause(cause):
            new = self.held(spending.snapshot)
            old = self.held(new.parent) if new else None
            if new and old:
                yield Rerun(spending, new, old)

    def held(self, snapshot_id: SnapshotId | None) -> Snapshot | None:
        """A snapshot, if there is one and it can be read."""
        with suppress(NotFound, Damaged):
            return self.store.snapshot(snapshot_id) if snapshot_id else None
        return None


class Waste(NamedTuple):
    """Money that need not have been spent, added up."""

    runs: int = 0
    nano: int = 0
    unpriced: int = 0
    """Those of the runs whose price is not known."""
    stage: str = ""
    """The stage most of it went to or, without any price, most of the runs."""


def waste(spent: Iterable[tuple[Spending, int | None]]) -> Waste:
    """Add up what could have been saved on each of some runs; ``None`` where that has no price."""
    amounts: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    unpriced = 0
    for spending, nano in spent:
        unpriced += nano is None
        runs[spending.key] += 1
        amounts[spending.key] += nano or 0
    if not runs:
        return Waste()
    stage = max(runs, key=lambda key: (amounts[key], runs[key]))
    return Waste(runs.total(), amounts.total(), unpriced, stage)


def price(spending: Spending) -> int | None:
    """What a run cost in nano-USD; ``None`` if that is not known."""
    return spending.cost.usd_nano if spending.cost else None
