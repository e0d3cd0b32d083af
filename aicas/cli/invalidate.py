"""``aicas invalidate``: take a stage and everything made from it out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import name_of, print_moves
from aicas.cli.render.price import price_text
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count

if TYPE_CHECKING:
    from aicas.names import Project
    from aicas.store import InvalidationPlan


@click.command()
@key_argument()
@click.option("--only", is_flag=True, help="Spare what was made from it.")
@click.option("--dry-run", is_flag=True, help="List what would go, change nothing.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    key: str,
    only: bool,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Take a stage and everything made from it out of use.

    All of it is one operation, and nothing is deleted: 'aicas undo' brings it back.
    """
    with invocation.store() as store:
        plan = store.plan_invalidate(key, only=only)
        done = None if dry_run else store.invalidate(key, reason=reason, only=only)
        screen = invocation.screen()
        if as_json:
            form = None if done is None else operation_form(done)
            print_document(screen, {**_plan_form(plan), "operation": form})
        elif done is None:
            _print_plan(screen, plan, store.project)
        else:
            moved = count(len(done.changes), "stage")
            screen.line(f"operation {done.number} invalidated {moved}:")
            print_moves(screen, done, store.project)


def _print_plan(screen: Screen, plan: InvalidationPlan, project: Project) -> None:
    screen.line(f"would invalidate {count(len(plan.refs), 'stage')} (dry run):")
    for ref in plan.refs:
        screen.line("  ", Span(name_of(ref, project), "key"))
    screen.line(f"to produce them again: {price_text(plan.price)}")


def _plan_form(plan: InvalidationPlan) -> Form:
    return {"refs": list(plan.refs), "price": plan.price.to_json()}
