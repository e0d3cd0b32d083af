"""``aicas show``: everything known about one snapshot."""

from __future__ import annotations

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.moves import name_of
from aicas.cli.render.snapshot import snapshot_rows
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span


@click.command()
@key_argument("revision")
@json_option
@pass_invocation
def command(invocation: Invocation, *, revision: str, as_json: bool) -> None:
    """Print everything known about one snapshot.

    Its content is printed by 'aicas cat' and listed by 'aicas ls'.
    """
    with invocation.store() as store, invocation.page() as screen:
        snapshot = store.show(revision)
        refs = [ref for ref, target in store.refs("").items() if target == snapshot.id]
        if as_json:
            print_document(screen, {**snapshot_form(snapshot), "refs": refs})
            return
        names = (Span(f"  {name_of(ref, store.project)}", "key") for ref in refs)
        screen.line("snapshot ", Span(str(snapshot.id), "id"), *names)
        print_table(screen, list(snapshot_rows(snapshot, invocation.clock())))
