"""``aicas put``: store what a stage produced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import (
    Invocation,
    complete_keys,
    json_option,
    key_argument,
    pass_invocation,
)
from aicas.cli.render.snapshot import holds
from aicas.cli.render.terminal import Span
from aicas.cli.render.units import size
from aicas.cli.source import open_source
from aicas.errors import InvalidInput


@click.command()
@key_argument()
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@click.option(
    "--dep",
    "inputs",
    multiple=True,
    metavar="REVISION",
    shell_complete=complete_keys,
    help="What it was made from (repeatable).",
)
@click.option("--meta", multiple=True, metavar="NAME=VALUE", help="A note kept with it.")
@click.option("--tag", "tags", multiple=True, help="A tag (repeatable).")
@click.option("--session", help="The run it belongs to.")
@click.option("--project", help="The project to store it in.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["auto", "text", "json", "bytes"]),
    default="auto",
    help="What one file is; auto decides by name and content.",
)
@click.option("--reason", help="Why, for the record.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    key: str,
    source: Path,
    inputs: tuple[str, ...],
    meta: tuple[str, ...],
    tags: tuple[str, ...],
    session: str | None,
    project: str | None,
    form: str,
    reason: str | None,
    as_json: bool,
) -> None:
    """Store a file, a folder or standard input under a key.

    SOURCE is a file, a folder (stored with all in it) or - for standard input, the default.
    """
    notes = dict(_pairs(meta))
    with (
        open_source(source, form) as (payload, media_type),
        invocation.store(create=True, project=project) as store,
    ):
        snapshot = store.put(
            key,
            payload,
            inputs=inputs,
            session=session,
            tags=tags,
            meta=notes,
            media_type=media_type,
            reason=reason,
        )
    screen = invocation.screen()
    if as_json:
        print_document(screen, snapshot_form(snapshot))
        return
    what = f"  {holds(snapshot)}, {size(snapshot.size_bytes)}"
    screen.line(Span(snapshot.id.short, "id"), "  ", Span(key, "key"), Span(what, "dim"))


def _pairs(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--meta {option!a} is not NAME=VALUE")
        yield name, value
