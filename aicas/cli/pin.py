"""``aicas pin``: keep a version, whatever it is worth; or list what is kept so."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_document, print_listing
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import print_moves
from aicas.cli.render.snapshot import holds
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.cli.render.units import size
from aicas.errors import InvalidInput


@click.command()
@key_argument("revision", required=False)
@click.option("--name", help="The pin's name; by default the key of what it pins.")
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    revision: str | None,
    name: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Keep a version, whatever it is worth; or list the pins.

    Without REVISION, the pins of the project are listed.

    What is pinned is never evicted or collected, until 'aicas unpin' lets go of it. It can be named
    as pins/PROJECT/NAME.
    """
    if revision is None:
        if name is not None or reason is not None:
            raise InvalidInput("say what to pin", hint="'aicas pin REVISION --name NAME'")
        _list(invocation, as_json=as_json)
        return
    with invocation.store() as store:
        done = store.pin(revision, name, reason)
        screen = invocation.screen()
        if as_json:
            print_document(screen, operation_form(done))
            return
        screen.line(f"operation {done.number} pinned {revision}:")
        print_moves(screen, done, store.project)


def _list(invocation: Invocation, *, as_json: bool) -> None:
    with invocation.store() as store, invocation.page() as screen:
        pins = store.pins()
        if as_json:
            print_listing(
                screen,
                "pins",
                (
                    {
                        "name": pin.name,
                        "ref": pin.ref,
                        "snapshot": pin.snapshot.id.hex(),
                        "key": pin.snapshot.key,
                        "size_bytes": pin.snapshot.size_bytes,
                        "operation": pin.number,
                    }
                    for pin in pins
                ),
            )
            return
        rows = [
            (
                Span(pin.name, "key"),
                Span(pin.snapshot.id.short, "id"),
                pin.snapshot.key,
                holds(pin.snapshot),
                size(pin.snapshot.size_bytes),
            )
            for pin in pins
        ]
        print_table(screen, rows, headings=("PIN", "SNAPSHOT", "KEY", "HOLDS", "SIZE"), right=(4,))
