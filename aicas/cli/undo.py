"""``aicas undo``: revert an operation, by another operation."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document
from aicas.cli.invocation import OPERATION, Invocation, json_option, pass_invocation
from aicas.cli.render.moves import print_moves


@click.command()
@click.argument("operation", type=OPERATION, required=False)
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation, *, operation: int | None, reason: str | None, as_json: bool
) -> None:
    """Revert an operation.

    OPERATION is numbered as 'aicas ops' lists it; by default it is the newest. The undo is itself
    an operation and can be undone.
    """
    with invocation.store() as store:
        done = store.undo(operation, reason=reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} undid operation {done.undoes}:")
        print_moves(screen, done, store.project)
