"""``aicas amend``: correct a result by hand."""

from __future__ import annotations

from pathlib import Path

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.snapshot import print_made
from aicas.cli.source import open_source
from aicas.objects.media import VALUE


@click.command()
@key_argument()
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@click.option(
    "--as",
    "form",
    type=click.Choice(["auto", "text", "json", "bytes"]),
    help="What one file is; by default what the current version is.",
)
@click.option("--reason", required=True, help="What was corrected, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    key: str,
    source: Path,
    form: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Correct the current version of a stage by hand.

    SOURCE takes its place. It counts as made with the same recipe from the same inputs, so whoever
    finds the old version finds the corrected one, and only what was made from what has changed
    becomes stale.
    """
    with invocation.store() as store:
        usual = "json" if store.show(key).payload.media_type == VALUE else "auto"
        with open_source(source, form or usual) as (payload, media_type):
            snapshot = store.amend(key, payload, reason, media_type=media_type)
    screen = invocation.screen()
    if as_json:
        print_document(screen, snapshot_form(snapshot))
    else:
        print_made(screen, snapshot, "amended")
