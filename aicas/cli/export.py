"""``aicas export``: a project for those who do not use aicas."""

from __future__ import annotations

from pathlib import Path

import click

from aicas.cli.forms import Form, print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.units import count


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--git", "as_git", is_flag=True, help="A git repository, one commit a snapshot.")
@click.option("--layout", type=click.Choice(["seed"]), help="A cache folder of JSON files.")
@json_option
@pass_invocation
def command(
    invocation: Invocation, *, folder: Path, as_git: bool, layout: str | None, as_json: bool
) -> None:
    """Write history as a git repository or a cache folder.

    FOLDER must be new or empty; it appears whole or not at all.
    """
    if as_git == (layout is not None):
        raise click.UsageError("say either --git or --layout seed")
    with invocation.store() as store:
        if as_git:
            from aicas.transfer.git.exporting import export_git

            commits = export_git(store, folder).commits
            what, form = count(commits, "commit"), _form(store.project, folder, commits=commits)
        else:
            from aicas.transfer.seed.writing import export_seed

            keys = len(export_seed(store, folder).keys)
            what, form = count(keys, "key"), _form(store.project, folder, keys=keys)
    screen = invocation.screen()
    if as_json:
        print_document(screen, form)
    else:
        screen.line(f"exported {what} of {store.project} to {folder}")


def _form(
    project: str, folder: Path, *, commits: int | None = None, keys: int | None = None
) -> Form:
    return {"project": project, "folder": str(folder), "commits": commits, "keys": keys}
