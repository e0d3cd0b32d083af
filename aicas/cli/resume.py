"""``aicas resume``: go on from a snapshot, with exactly the past it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, hex_or_none, operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import moved, name_of
from aicas.cli.render.price import price_text
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.ids import SnapshotId
    from aicas.store.runs import Pin, ResumePlan


@click.command()
@key_argument("revision")
@click.option("--into", metavar="NEW", help="Go on in a new project, leaving this one as it is.")
@click.option("--dry-run", is_flag=True, help="Print the plan, change nothing.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    revision: str,
    into: str | None,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Go on from a snapshot, with exactly the past it had.

    The snapshot and everything it was made from, directly or not, become current again, all in
    one operation. The plan is printed first: which versions those are, which stages have to be
    made again after them, and what is paid and not paid for that.
    """
    with invocation.store() as store:
        plan = store.plan_resume(revision, into)
        screen = invocation.screen()
        if not as_json:
            _print_plan(screen, plan)
        done = None if dry_run else store.resume(plan, reason=reason)
        if as_json:
            print_document(screen, _form(plan, done))
        else:
            _print_outcome(screen, done, dry_run=dry_run)


def _print_plan(screen: Screen, plan: ResumePlan) -> None:
    where = f" in the new project {plan.project}" if plan.is_new else ""
    screen.line(
        "to go on from ",
        Span(plan.snapshot.key, "key"),
        " ",
        Span(plan.snapshot.id.short, "id"),
        where,
        ", with all it was made from:",
    )
    print_table(screen, [("", Span(pin.key, "key"), *_move(pin)) for pin in plan.pins])
    screen.line(f"kept, and not paid again: {price_text(plan.kept)}")
    for other in plan.others:
        screen.line(
            Span(
                f"not pinned: {other.key} {other.id.short}, which only something above used", "dim"
            )
        )
    if plan.back:
        names = ", ".join(name_of(ref, plan.project) for ref in plan.back)
        screen.line("back as they were then, at no cost, when looked up: ", Span(names, "key"))
    if plan.again:
        screen.line("to be made again after it:")
        for ref in plan.again:
            screen.line("  ", Span(name_of(ref, plan.project), "key"))
        screen.line(f"to be paid for that: {price_text(plan.price)}")


def _move(pin: Pin) -> tuple[str | Span, ...]:
    if pin.old == pin.snapshot.id:
        return Span(pin.snapshot.id.short, "id"), Span("stays", "dim"), ""
    return tuple(moved(_Move(pin.old, pin.snapshot.id)))


class _Move:
    def __init__(self, old: SnapshotId | None, new: SnapshotId | None) -> None:
        self.old = old
        self.new = new


def _print_outcome(screen: Screen, done: Operation | None, *, dry_run: bool) -> None:
    if dry_run:
        screen.line("nothing was changed (dry run)")
    elif done is None:
        screen.line("nothing to change: all of them are current")
    else:
        screen.line(f"operation {done.number} pinned {count(len(done.changes), 'stage')}")


def _form(plan: ResumePlan, done: Operation | None) -> Form:
    return {
        "project": plan.project,
        "is_new": plan.is_new,
        "key": plan.snapshot.key,
        "snapshot": plan.snapshot.id.hex(),
        "pins": [
            {"key": pin.key, "old": hex_or_none(pin.old), "new": pin.snapshot.id.hex()}
            for pin in plan.pins
        ],
        "others": [{"key": other.key, "snapshot": other.id.hex()} for other in plan.others],
        "back": list(plan.back),
        "again": list(plan.again),
        "kept": plan.kept.to_json(),
        "price": plan.price.to_json(),
        "operation": None if done is None else operation_form(done),
    }
