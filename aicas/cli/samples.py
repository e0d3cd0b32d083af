"""``aicas samples``: the outputs that are kept side by side for a stage."""

from __future__ import annotations

import click

from aicas.cli.forms import print_listing, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.snapshot import holds
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Span
from aicas.cli.render.units import age, money, size


@click.command()
@key_argument()
@json_option
@pass_invocation
def command(invocation: Invocation, *, key: str, as_json: bool) -> None:
    """List the outputs kept side by side for a stage.

    'aicas choose' makes one of them the current version.
    """
    with invocation.store() as store, invocation.page() as screen:
        samples = store.samples(key)
        if as_json:
            print_listing(
                screen,
                "samples",
                (
                    {
                        "sample": sample.number,
                        "is_current": sample.is_current,
                        "snapshot": snapshot_form(sample.snapshot),
                    }
                    for sample in samples
                ),
            )
            return
        now = invocation.clock()
        rows = [
            (
                str(sample.number),
                Span(sample.snapshot.id.short, "id"),
                holds(sample.snapshot),
                size(sample.snapshot.size_bytes),
                money(sample.snapshot.cost.usd_nano if sample.snapshot.cost else None),
                Span(age(sample.snapshot.created_at, now), "dim"),
                Span("current", "good") if sample.is_current else "",
            )
            for sample in samples
        ]
        headings = ("SAMPLE", "SNAPSHOT", "HOLDS", "SIZE", "COST", "CREATED", "")
        print_table(screen, rows, headings=headings, right=(0, 3, 4))
