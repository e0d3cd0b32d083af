"""``aicas fork``: a new project that starts where another stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, operation_form, print_document
from aicas.cli.invocation import Invocation, complete_projects, json_option, pass_invocation
from aicas.cli.render.moves import print_moves
from aicas.cli.render.price import price_text
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.store.runs import ForkPlan


@click.command()
@click.argument("source", metavar="PROJECT", shell_complete=complete_projects)
@click.argument("target", metavar="NEW")
@click.option("--from", "start", metavar="KEY", help="Only this stage and what it was made from.")
@click.option("--dry-run", is_flag=True, help="List what it would start with, change nothing.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    source: str,
    target: str,
    start: str | None,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Start a new project from another's current state.

    Nothing is copied but the refs; from then on the two go their own ways.
    """
    with invocation.store() as store:
        plan = store.plan_fork(source, target, start)
        done = None if dry_run else store.fork(source, target, reason, start=start)
        screen = invocation.screen()
        if as_json:
            print_document(screen, _form(plan, done))
        elif done is None:
            _print_plan(screen, plan)
        else:
            screen.line(f"operation {done.number} forked {source} to {target}:")
            print_moves(screen, done, store.project)


def _print_plan(screen: Screen, plan: ForkPlan) -> None:
    stages = count(len(plan.pins), "stage")
    screen.line(f"{plan.target} would start with {stages} of {plan.source} (dry run):")
    rows = [("", Span(p.key, "key"), Span(p.snapshot.id.short, "id")) for p in plan.pins]
    print_table(screen, rows)
    screen.line(f"shared, and not paid again: {price_text(plan.price)}")


def _form(plan: ForkPlan, done: Operation | None) -> Form:
    return {
        "source": plan.source,
        "target": plan.target,
        "pins": [{"key": p.key, "snapshot": p.snapshot.id.hex()} for p in plan.pins],
        "price": plan.price.to_json(),
        "operation": None if done is None else operation_form(done),
    }
