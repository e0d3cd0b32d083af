"""``aicas promote``: make what is in quarantine current after all."""

from __future__ import annotations

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.snapshot import print_made
from aicas.cli.target import stage_of


@click.command()
@key_argument("name", metavar="KEY")
@click.option("--reason", required=True, help="Why it is good, for the record.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, name: str, reason: str, as_json: bool) -> None:
    """Make what is in quarantine the current version after all.

    It is served from then on, with the validation status 'overridden'. 'aicas log' keeps who
    promoted it, when and why.
    """
    with invocation.store() as opened:
        store, key = stage_of(opened, name)
        snapshot = store.promote(key, reason)
    screen = invocation.screen()
    if as_json:
        print_document(screen, snapshot_form(snapshot))
    else:
        print_made(screen, snapshot, "promoted")
