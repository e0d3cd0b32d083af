"""``aicas ops``: the operations that moved refs."""

from __future__ import annotations

import click

from aicas.cli.forms import operation_form, print_listing
from aicas.cli.invocation import COUNT, Invocation, json_option, pass_invocation
from aicas.cli.render.moves import summary
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.cli.render.units import age


@click.command()
@click.option("-n", "limit", type=COUNT, help="At most this many.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, limit: int | None, as_json: bool) -> None:
    """List the operations that moved refs, newest first."""
    with invocation.store() as store, invocation.page() as screen:
        operations = store.ops(limit=limit)
        if as_json:
            print_listing(screen, "operations", map(operation_form, operations))
            return
        now = invocation.clock()
        rows = [
            (
                Span(str(operation.number), "id"),
                Span(age(operation.at, now), "dim"),
                operation.verb,
                Span(summary(operation, store.project), "key"),
                operation.reason or "",
            )
            for operation in operations
        ]
        print_table(screen, rows, right=(0,), flexible=4)
