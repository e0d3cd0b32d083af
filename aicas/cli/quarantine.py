"""``aicas quarantine``: put the current version of a stage where no lookup finds it."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import print_moves


@click.command()
@key_argument()
@click.option("--reason", required=True, help="What is wrong with it, for the record.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, key: str, reason: str, as_json: bool) -> None:
    """Put the current version of a stage aside.

    It is kept, and shown by 'aicas log' and as quarantine/PROJECT/KEY, but never served, until
    'aicas promote' takes it out.
    """
    with invocation.store() as store:
        done = store.quarantine(key, reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} put {key} in quarantine:")
        print_moves(screen, done, store.project)
