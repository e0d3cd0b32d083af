"""``aicas gc``: delete what nothing needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aicas.cli.amounts import parse_hours
from aicas.cli.forms import Form, object_form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.price import price_text
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen
from aicas.cli.render.units import count, size
from aicas.graph import Price

if TYPE_CHECKING:
    from aicas.retention.gc import GcPlan, GcResult

_REASON = "unreachable"


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the plan, delete nothing.")
@click.option("--grace", metavar="SPAN", help="Keep every object younger than this, e.g. 2h.")
@click.option("--retention", metavar="SPAN", help="Keep what undoing operations this young needs.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    dry_run: bool,
    grace: str | None,
    retention: str | None,
    as_json: bool,
) -> None:
    """Delete what nothing needs any more.

    Kept is what any ref reaches, what undoing a recent operation would need, and what is too
    young to judge. The defaults of both spans are settings: see 'aicas config'.
    """
    now = invocation.clock()
    with invocation.store() as store:
        plan = store.plan_gc(
            grace_hours=parse_hours(grace, now), retention_hours=parse_hours(retention, now)
        )
        result = None if dry_run else store.gc(plan)
        screen = invocation.screen()
        if as_json:
            print_document(screen, _form(plan, result))
        else:
            _print_plan(screen, plan)
            _print_result(screen, plan, result)


def _print_plan(screen: Screen, plan: GcPlan) -> None:
    rows = [("keep", "objects", f"{plan.kept_objects:,}", size(plan.kept_bytes), "needed or young")]
    for kind in sorted(plan.condemned.kinds, reverse=True):
        objects, stored_bytes = plan.condemned.kinds[kind]
        if objects:
            named = f"{kind.name.lower()}s"
            rows.append(("delete", named, f"{objects:,}", size(stored_bytes), _REASON))
    print_table(screen, rows, right=(2, 3))
    if plan.price != Price():
        screen.line(f"to produce it again: {price_text(plan.price)}")


def _print_result(screen: Screen, plan: GcPlan, result: GcResult | None) -> None:
    if not plan.condemned:
        screen.line("nothing to delete")
    elif result is None:
        freed = f"{count(len(plan.condemned), 'object')}, {size(plan.condemned_bytes)}"
        screen.line(f"would delete {freed} (dry run)")
    else:
        screen.line(f"deleted {count(result.objects, 'object')}, freed {size(result.freed_bytes)}")


def _form(plan: GcPlan, result: GcResult | None) -> Form:
    return {
        "kept_objects": plan.kept_objects,
        "kept_bytes": plan.kept_bytes,
        "condemned_bytes": plan.condemned_bytes,
        "price": plan.price.to_json(),
        "condemned": [
            {
                **object_form(found.id),
                "stored_bytes": found.stored_bytes,
                "reason": _REASON,
            }
            for found in plan.condemned
        ],
        "deleted": None
        if result is None
        else {
            "operation": result.number,
            "objects": result.objects,
            "freed_bytes": result.freed_bytes,
        },
    }
