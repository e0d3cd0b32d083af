"""``aicas fork``: a new project that starts where another stands."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document
from aicas.cli.invocation import Invocation, complete_projects, json_option, pass_invocation
from aicas.cli.render.moves import print_moves


@click.command()
@click.argument("source", metavar="PROJECT", shell_complete=complete_projects)
@click.argument("target", metavar="NEW")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation, *, source: str, target: str, reason: str | None, as_json: bool
) -> None:
    """Start a new project from another's current state.

    Nothing is copied but the refs; from then on the two go their own ways.
    """
    with invocation.store() as store:
        done = store.fork(source, target, reason=reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} forked {source} to {target}:")
        print_moves(screen, done, store.project)
