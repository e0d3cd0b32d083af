"""``aicas accept``: declare a stale artifact good as it is."""

from __future__ import annotations

from pathlib import Path

import click

from aicas.cli.forms import print_document, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.recipe import dependency_option, read_recipe, recipe_option
from aicas.cli.render.snapshot import print_made
from aicas.cli.target import stage_of


@click.command()
@key_argument("name", metavar="KEY")
@click.option("--reason", required=True, help="Why it is good, for the record.")
@recipe_option
@dependency_option
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    *,
    name: str,
    reason: str,
    recipe: Path | None,
    inputs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Declare a stale artifact good as it is, without a re-run.

    It becomes valid for the recipe of --recipe and the inputs of --dep; by default for the recipe
    it was made with and the current versions of what it was made from. 'aicas log' keeps who
    accepted it, when and why.
    """
    components = read_recipe(recipe)
    with invocation.store() as opened:
        store, key = stage_of(opened, name)
        snapshot = store.accept(key, reason, components, inputs or None)
    screen = invocation.screen()
    if as_json:
        print_document(screen, snapshot_form(snapshot))
    else:
        print_made(screen, snapshot, "accepted")
