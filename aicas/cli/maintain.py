"""``aicas maintain``: the upkeep a store needs from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.eviction import eviction_form, outcome, print_plan
from aicas.cli.render.moves import name_of
from aicas.cli.render.price import price_text
from aicas.cli.render.progress import Progress
from aicas.cli.render.terminal import Screen, Span
from aicas.cli.render.units import count, size
from aicas.retention.maintenance import Pace

if TYPE_CHECKING:
    from aicas.names import Project
    from aicas.retention.expiry import ExpiryPlan
    from aicas.retention.maintenance import MaintenancePlan, MaintenanceResult, Packed


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the plan, change nothing.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, dry_run: bool, reason: str | None, as_json: bool) -> None:
    """Move away what has expired; evict down to the largest size; pack.

    'aicas evict --help' says what goes first. Only one process at a time does this. It can be
    interrupted at any moment: what was done by then stays done.
    """
    with invocation.store() as store:
        with Progress("upkeep") as progress:
            result = None if dry_run else store.maintain(reason, Pace(told=progress.tell))
            plan = store.plan_maintain() if result is None else result.plan
        screen = invocation.screen()
        if as_json:
            print_document(screen, _form(plan, result))
            return
        _print_expiry(screen, plan.expiry, store.project, dry_run=dry_run)
        print_plan(screen, plan.eviction, store.project)
        screen.line(outcome(plan.eviction, result.evicted if result else None))
        if result:
            screen.line(_packed(result.packed))


def _print_expiry(screen: Screen, plan: ExpiryPlan, project: Project, *, dry_run: bool) -> None:
    if not plan.refs:
        screen.line("nothing has expired")
        return
    verb = "would move" if dry_run else "moved"
    screen.line(f"{verb} {count(len(plan.refs), 'expired stage')} away:")
    for ref in plan.refs:
        screen.line("  ", Span(name_of(ref, project), "key"))
    screen.line(f"to produce them again: {price_text(plan.price)}")


def _packed(packed: Packed) -> str:
    if not packed.objects:
        return "nothing to pack"
    said = f"packed {count(packed.objects, 'object')}"
    if packed.freed_bytes > 0:
        said += f", freed {size(packed.freed_bytes)}"
    return said


def _form(plan: MaintenancePlan, result: MaintenanceResult | None) -> Form:
    return {
        "expired": list(plan.expiry.refs),
        "price": plan.expiry.price.to_json(),
        "eviction": eviction_form(plan.eviction, result.evicted if result else None),
        "packed": {
            "objects": result.packed.objects,
            "freed_bytes": result.packed.freed_bytes,
        }
        if result
        else None,
        "operation": operation_form(result.operation) if result else None,
    }
