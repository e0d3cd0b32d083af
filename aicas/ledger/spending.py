"""Money in the operation log: what each run cost, and why it had to be paid.

It stands in the facts of the very operation that published the run, so that no crash can part the
two, and it stays when the snapshot is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aicas.backends.base import Backend
from aicas.backends.operation import Operation
from aicas.errors import InvalidInput
from aicas.ids import SnapshotId
from aicas.ledger.causes import CAUSES, Cause
from aicas.names import Key, Project, check_key, check_project, split_ref
from aicas.objects import fields
from aicas.objects.snapshot import Cost, cost_from_map, cost_map

PUT: Final = "put"
SPEND: Final = "spend"
"""The verb of an operation that records money no snapshot came of."""
_MONEY: Final = frozenset({"cause", "cost"})


class Spending(NamedTuple):
    """One time that money was spent, or may have been."""

    number: int
    """The operation that says so."""
    at: int
    project: Project
    key: Key
    session: str | None
    model: str | None
    cause: Cause
    cost: Cost | None
    """``None``: nobody said what it cost."""
    snapshot: SnapshotId | None
    """What came of it."""


def put_facts(cause: Cause, cost: Cost | None, at: int | None = None) -> dict[str, Any]:
    """The money in the facts of a ``put``.

    Args:
        cause: why it was made.
        cost: what it cost, as its snapshot says; ``None`` if nobody said.
        at: when the money was spent, where that is not when the operation is committed.
    """
    facts: dict[str, Any] = {"cause": cause, "cost": None if cost is None else cost_map(cost)}
    return facts if at is None else {**facts, "at": at}


def spend_facts(
    project: Project, key: Key, cause: Cause, cost: Cost, at: int | None = None
) -> dict[str, Any]:
    """The facts of a ``spend``: money that was paid for a stage without a snapshot to show for it.

    Args:
        project: of the stage.
        key: the stage.
        cause: why it was run.
        cost: what it cost.
        at: as for ``put_facts``.
    """
    return {"project": project, "key": key, **put_facts(cause, cost, at)}


def spending_of(operation: Operation) -> Spending | None:
    """What an operation says was spent; ``None`` if it says nothing of money.

    Raises:
        InvalidInput: it says something that no one here would have written.
    """
    facts = operation.facts
    if operation.verb == PUT and _MONEY & facts.keys():
        made = next((change for change in operation.changes if change.new), None)
        if made is None:
            raise InvalidInput("a put moved no ref to what it cost")
        _, project, key = split_ref(made.ref)
        return _spending(operation, project, key, made.new)
    if operation.verb == SPEND:
        project = check_project(fields.text("project", facts.get("project")))
        key = check_key(fields.text("key", facts.get("key")))
        if facts.get("cost") is None:
            raise InvalidInput("a spend says nothing of what was spent")
        return _spending(operation, project, key, None)
    return None


def _spending(
    operation: Operation, project: Project, key: Key, snapshot: SnapshotId | None
) -> Spending:
    facts = operation.facts
    if not facts.keys() >= _MONEY:
        raise InvalidInput("money without its cause, or a cause without its money")
    cause, at = facts["cause"], facts.get("at", operation.at)
    if cause not in CAUSES:
        raise InvalidInput(f"cause {str(cause)[:40]!a} is not one of {', '.join(CAUSES)}")
    fields.time("at", at)
    cost = None if facts["cost"] is None else cost_from_map(facts["cost"])
    if operation.session is not None:
        fields.label("session", operation.session)
    return Spending(
        operation.number,
        at,
        project,
        key,
        operation.session,
        cost.model if cost else None,
        cause,
        cost,
        snapshot,
    )


def spendings(backend: Backend, since: int = 0, until: int | None = None) -> Iterator[Spending]:
    """Every time that money was spent in a period, in the order of the log.

    Operations that were damaged, or say something odd, are left out; verifying reports them.

    Args:
        backend: the store's.
        since: the first moment of the period, in microseconds since 1970 UTC.
        until: the first moment after it; ``None`` for no end.
    """
    for operation in backend.operations(newest_first=False):
        with suppress(InvalidInput):
            found = spending_of(operation)
            if found and since <= found.at and (until is None or found.at < until):
                yield found
