"""``aicas diff``: what differs between two revisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import print_document
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.diff import names, stat, unified
from aicas.cli.render.terminal import Line

if TYPE_CHECKING:
    from aicas.history.diff import Diff


@click.command()
@key_argument("old", metavar="A")
@key_argument("new", metavar="[B]", required=False)
@click.option("--stat", "as_stat", is_flag=True, help="How much of each path changed.")
@click.option("--name-only", is_flag=True, help="Only the paths that changed.")
@click.option("--word", "words", is_flag=True, help="Show changes inside lines.")
@click.option("-U", "context", type=click.IntRange(min=0), default=3, help="Lines of context.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    old: str,
    new: str | None,
    as_stat: bool,
    name_only: bool,
    words: bool,
    context: int,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Compare two revisions, or one with its previous version.

    File trees are compared file by file, JSON-like values place by place, texts line by line;
    binary content is named as such.
    """
    with invocation.store() as store, invocation.page() as screen:
        diff = store.diff(old, new)
        key = store.show(new or old).key
        if as_json:
            print_document(screen, diff.to_json())
        else:
            for line in _lines(diff, key, as_stat=as_stat, name_only=name_only, words=words):
                screen.line(*line)
    return 1 if exit_code and not diff.is_empty else 0


def _lines(diff: Diff, key: str, *, as_stat: bool, name_only: bool, words: bool) -> Iterator[Line]:
    if name_only:
        return names(diff, key)
    return stat(diff, key) if as_stat else unified(diff, words=words)
