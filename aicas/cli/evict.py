"""``aicas evict``: drop what artifacts hold, and keep the record of them."""

from __future__ import annotations

import click

from aicas.cli.amounts import parse_hours, parse_size
from aicas.cli.forms import print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.eviction import eviction_form, outcome, print_plan


@click.command()
@key_argument("keys", nargs=-1)
@click.option("--to", "goal", metavar="SIZE", help="Evict until the store is no larger than this.")
@click.option("--grace", metavar="SPAN", help="Keep what is younger than this, e.g. 2h.")
@click.option("--dry-run", is_flag=True, help="Print the plan, drop nothing.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    keys: tuple[str, ...],
    goal: str | None,
    grace: str | None,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Drop what artifacts hold, and keep the record of them.

    Without KEY, artifacts go in order of worth per byte until the store holds no more than --to,
    or the setting max_cache_size_gb: what no ref points at first, then what costs least to make
    again, with all that was made from it, for the room it takes. Snapshots stay, so that 'why' and
    'log' still tell of it; what is made again is held again. Pinned, leased and young artifacts
    never go.
    """
    with invocation.store() as store:
        plan = store.plan_evict(
            keys or None,
            to_bytes=None if goal is None else parse_size(goal),
            grace_hours=parse_hours(grace, invocation.clock()),
        )
        result = None if dry_run else store.evict(plan, reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, eviction_form(plan, result))
            return
        print_plan(screen, plan, store.project)
        screen.line(outcome(plan, result))
