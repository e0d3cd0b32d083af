"""What the commands that take stages out of use have in common: the plan, priced, and the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aicas import format_count, format_duration
from aicas.orchestrator.cli.rendering import (
    Form,
    amount,
    cost_form,
    price_text,
    print_document,
    say,
    say_table,
    stage_name,
)

if TYPE_CHECKING:
    from aicas import Cost, InvalidationPlan, Operation, Snapshot, Store
    from aicas.orchestrator.lines import Lines

NOT_CONFIRMED = 1
"""The exit code of a command that would have changed something, and was not told to."""

_HEADINGS = ("STAGE", "CALLS", "USD", "TOKENS IN", "OUT", "TIME")


def confirm_option(command: Any) -> Any:
    """The ``--confirm`` flag, without which nothing is changed."""
    return click.option("--confirm", is_flag=True, help="Do it; without, only the plan is shown.")(
        command
    )


def reason_option(command: Any) -> Any:
    """What is kept in the log about why."""
    return click.option("--reason", metavar="TEXT", help="Why, for the record.")(command)


class Leaving:
    """Tells of stages that would leave, or that left, and of the way back."""

    def __init__(self, store: Store, plan: InvalidationPlan, lines: Lines) -> None:
        """Read what the stages of a plan cost; they must not have left yet."""
        self._project = store.project
        self._price = plan.price
        self._lines = lines
        targets = {ref: store.refs(ref).get(ref) for ref in plan.refs}
        self._snapshots = {
            ref: store.snapshot(target) for ref, target in targets.items() if target is not None
        }

    def say_plan(self, verb: str) -> None:
        """Print what would leave and what it cost, and that nothing did."""
        say(f"would {verb} {format_count(len(self._snapshots), 'stage')}:")
        rows = [
            (stage_name(ref, self._project), *_cells(snapshot.cost))
            for ref, snapshot in self._snapshots.items()
        ]
        say_table(_HEADINGS, rows, right=(1, 2, 3, 4, 5))
        say(f"to produce them again: {price_text(self._price)}")
        say("nothing was changed; --confirm does it")

    def say_done(self, operation: Operation, verb: str) -> None:
        """Print what left."""
        say(f"operation {operation.number} {verb} {format_count(len(operation.changes), 'stage')}:")
        for change in operation.changes:
            say(f"  {stage_name(change.ref, self._project)}")
        say(f"to produce them again: {price_text(self._price)}")
        say(f"until a gc collects them, this brings them back: {self._undo(operation)}")

    def print_json(self, operation: Operation | None) -> None:
        """Print the plan, and what was done of it."""
        print_document(
            {
                "project": self._project,
                "confirmed": operation is not None,
                "stages": [_form(ref, snapshot) for ref, snapshot in self._snapshots.items()],
                "price": self._price.to_json(),
                "operation": None if operation is None else operation.number,
                "undo": None if operation is None else self._undo(operation),
            }
        )

    def _undo(self, operation: Operation) -> str:
        return self._lines.of_aicas("undo", str(operation.number))


def _cells(cost: Cost | None) -> tuple[str, str, str, str, str]:
    if cost is None:
        return "-", "unpriced", "-", "-", "-"
    return (
        f"{cost.calls:,}",
        "unpriced" if cost.usd_nano is None else amount(cost.usd_nano),
        f"{cost.input_tokens:,}",
        f"{cost.output_tokens:,}",
        format_duration(cost.latency_us),
    )


def _form(ref: str, snapshot: Snapshot) -> Form:
    return {
        "ref": ref,
        "key": snapshot.key,
        "snapshot": str(snapshot.id),
        "cost": cost_form(snapshot.cost),
    }
