"""``aicas diff``: what differs between two revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import print_document, print_listing
from aicas.cli.invocation import COUNT, Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.diff import names, stat, unified
from aicas.cli.render.moves import moved
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Line, Screen, Span
from aicas.cli.target import is_view

if TYPE_CHECKING:
    from aicas.history.diff import Diff, KeyChange


@click.command()
@key_argument("old", metavar="A")
@key_argument("new", metavar="[B]", required=False)
@click.option("--stat", "as_stat", is_flag=True, help="How much of each path changed.")
@click.option("--name-only", is_flag=True, help="Only the paths that changed.")
@click.option("--word", "words", is_flag=True, help="Show changes inside lines.")
@click.option("-U", "context", type=COUNT, default=3, help="Lines of context.")
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

    Two views of a project (PROJECT@{op:N}, PROJECT) are compared key by key.
    File trees are compared file by file, JSON-like values place by place, texts line by line;
    binary content is named as such.
    """
    with invocation.store() as store, invocation.page() as screen:
        if is_view(store, old):
            changes = store.diff_views(old, new or store.project)
            _print_views(screen, changes, name_only=name_only, as_json=as_json)
            return 1 if exit_code and changes else 0
        diff = store.diff(old, new, context=context)
        key = store.show(new or old).key
        if as_json:
            print_document(screen, diff.to_json())
        else:
            for line in _lines(diff, key, as_stat=as_stat, name_only=name_only, words=words):
                screen.line(*line)
    return 1 if exit_code and not diff.is_empty else 0


def _print_views(
    screen: Screen, changes: Sequence[KeyChange], *, name_only: bool, as_json: bool
) -> None:
    if as_json:
        print_listing(screen, "keys", (change.to_json() for change in changes))
    elif name_only:
        for change in changes:
            screen.line(change.key)
    else:
        rows = [(change.change, Span(change.key, "key"), *moved(change)) for change in changes]
        print_table(screen, rows)


def _lines(diff: Diff, key: str, *, as_stat: bool, name_only: bool, words: bool) -> Iterator[Line]:
    if name_only:
        return names(diff, key)
    return stat(diff, key) if as_stat else unified(diff, words=words)
