"""``aicas init``: create a store."""

from __future__ import annotations

from pathlib import Path

import click

from aicas.cli.invocation import Invocation, pass_invocation


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@pass_invocation
def command(invocation: Invocation, *, folder: Path) -> None:
    """Create a store.

    It is FOLDER/.aicas (by default in the current folder), or the place --store names. A store
    that is there already is left as it is.
    """
    import aicas
    from aicas.names import STORE_FOLDER

    place = Path(invocation.location) if invocation.location else folder / STORE_FOLDER
    with aicas.init(place) as store:
        invocation.screen().line(f"store in {(store.location or place).absolute()}")
