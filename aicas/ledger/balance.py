"""Do the books add up? What operations say was spent, held against what snapshots say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from aicas.backends.base import Backend
from aicas.errors import InvalidInput
from aicas.ledger.spending import Spending, spending_of
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Cost, Snapshot

_BATCH: Final = 1_000


def check_books(backend: Backend, reader: ObjectReader) -> Iterator[str]:
    """Everything that is wrong with the books, each in one line.

    Every operation's money must be such as can be counted, and be what the snapshot it came with
    says, if that is held and can be read. Money is spent for the first time only on a ref that
    nothing had moved before. An operation that says nothing of money is not in the books.
    """
    batch: list[Spending] = []
    for operation in backend.operations(newest_first=False):
        try:
            spending = spending_of(operation)
        except InvalidInput as error:
            yield f"operation {operation.number} is not in the books: {error}"
            continue
        if spending is None or spending.snapshot is None:
            continue
        ref = next(change.ref for change in operation.changes if change.new)
        moves = backend.reflog(ref) if spending.cause == "first" else []
        if any(move.number < spending.number for move in moves):
            yield (
                f"operation {spending.number} says it was the first of {ref},"
                " which had been moved before"
            )
        batch.append(spending)
        if len(batch) == _BATCH:
            yield from _against_snapshots(reader, batch)
            batch.clear()
    yield from _against_snapshots(reader, batch)


def _against_snapshots(reader: ObjectReader, batch: Sequence[Spending]) -> Iterator[str]:
    held = reader.snapshots({s.snapshot for s in batch if s.snapshot})
    for spending in batch:
        snapshot = held.get(spending.snapshot) if spending.snapshot else None
        if snapshot is not None and snapshot.cost != spending.cost:
            yield (
                f"operation {spending.number} and its snapshot {snapshot.id.short} do not agree on"
                f" what {spending.project}/{spending.key} cost: {_difference(snapshot, spending)}"
            )


def _difference(snapshot: Snapshot, spending: Spending) -> str:
    if snapshot.cost is None or spending.cost is None:
        return "only one of them says"
    pairs = zip(Cost._fields, spending.cost, snapshot.cost, strict=True)
    return ", ".join(f"{name} {said} and {held}" for name, said, held in pairs if said != held)
