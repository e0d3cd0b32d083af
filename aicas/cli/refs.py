"""``aicas refs``: all refs and what they point at."""

from __future__ import annotations

import click

from aicas.cli.forms import print_listing
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.names import sample_of, split_ref


@click.command()
@click.argument("prefix", default="")
@json_option
@pass_invocation
def command(invocation: Invocation, *, prefix: str, as_json: bool) -> None:
    """List all refs and what they point at.

    PREFIX limits the list, e.g. live/ or pins/shop.
    """
    with invocation.store() as store, invocation.page() as screen:
        refs = store.refs(prefix)
        if not as_json:
            print_table(screen, [(Span(i.short, "id"), ref) for ref, i in refs.items()])
            return
        parts = [(ref, split_ref(ref), target) for ref, target in refs.items()]
        print_listing(
            screen,
            "refs",
            (
                {
                    "ref": ref,
                    "space": space,
                    "project": project,
                    "key": key,
                    "sample": sample_of(ref) if space == "samples" else None,
                    "snapshot": target.hex(),
                }
                for ref, (space, project, key), target in parts
            ),
        )
