"""``ai-orchestrator invalidate-cache``: take a stage out of use, once its price is known."""

from __future__ import annotations

import click

import aicas
from aicas.orchestrator.cli.leaving import (
    NOT_CONFIRMED,
    Leaving,
    confirm_option,
    reason_option,
)
from aicas.orchestrator.cli.options import json_option, store_options
from aicas.orchestrator.lines import Lines


@click.command()
@click.argument("key")
@confirm_option
@reason_option
@json_option
@store_options
@click.pass_context
def invalidate_cache(
    context: click.Context,
    key: str,
    confirm: bool,
    reason: str | None,
    project: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Take the stage KEY, and everything made from it, out of use.

    Without --confirm nothing is changed: the stages are listed with what producing them again
    would cost, and the exit code is 1.
    """
    with aicas.open(store, create=False, project=project) as opened:
        plan = opened.plan_invalidate(key)
        if not plan.refs:
            raise aicas.NotFound(f"{key} has nothing current to invalidate")
        leaving = Leaving(opened, plan, Lines(store, project))
        done = opened.invalidate(key, reason) if confirm else None
    if as_json:
        leaving.print_json(done)
    elif done is None:
        leaving.say_plan("invalidate")
    else:
        leaving.say_done(done, "invalidated")
    if done is None:
        context.exit(NOT_CONFIRMED)
