"""``aicas unpin``: let go of what a pin holds."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.moves import print_moves


@click.command()
@click.argument("name")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, name: str, reason: str | None, as_json: bool) -> None:
    """Let go of what a pin holds.

    Nothing is deleted by that; 'aicas undo' pins it again.
    """
    with invocation.store() as store:
        done = store.unpin(name, reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} unpinned {name}:")
        print_moves(screen, done, store.project)
