"""``aicas get``: write an artifact to disk, byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aicas.cli.cat import copy_to_stdout, is_value, print_value
from aicas.cli.invocation import Invocation, key_argument, pass_invocation
from aicas.cli.render.terminal import is_terminal
from aicas.cli.render.units import count
from aicas.cli.target import Folder, open_target, split_target
from aicas.errors import InvalidInput


@click.command()
@key_argument("target", metavar="KEY[:PATH]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file or folder to write."
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@pass_invocation
def command(invocation: Invocation, *, target: str, output: Path | None, force: bool) -> None:
    """Write an artifact to a file or folder, byte for byte.

    Modes, empty files and symbolic links come back as they were stored; a link is never
    followed. Without -o a single file goes to standard output.
    """
    revision, path = split_target(target)
    with invocation.store() as store:
        if output is not None:
            written = store.restore(revision, output, path=path, overwrite=force)
            invocation.screen().line(f"wrote {count(written, 'file')} to {output}")
            return
        content = open_target(store, store.show(revision), path)
        if isinstance(content, Folder):
            raise InvalidInput(f"{target} is a folder", hint="name a folder to write with -o PATH")
        if is_terminal(sys.stdout):
            raise InvalidInput(
                "raw content is not written to a terminal",
                hint=f"use 'aicas cat {target}', -o PATH, or a pipe",
            )
        if path is None and is_value(content):
            print_value(invocation.screen(), store.get(revision))
        else:
            copy_to_stdout(store, content)
