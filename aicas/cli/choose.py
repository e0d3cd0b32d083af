"""``aicas choose``: make one of several outputs of a stage the current version."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import print_moves
from aicas.cli.target import stage_of


@click.command()
@key_argument("name", metavar="KEY")
@click.argument("choice", metavar="SAMPLE|REVISION")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation, *, name: str, choice: str, reason: str | None, as_json: bool
) -> None:
    """Make one of several outputs of a stage the current version.

    It is named by its number in 'aicas samples', or as any revision of the same key.
    """
    with invocation.store() as opened:
        store, key = stage_of(opened, name)
        done = store.choose(key, choice, reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} chose {choice}:")
        print_moves(screen, done, store.project)
