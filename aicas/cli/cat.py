"""``aicas cat``: print an artifact."""

from __future__ import annotations

import codecs
import json
import sys
from typing import TYPE_CHECKING

import click

from aicas.cli.invocation import Invocation, key_argument, pass_invocation
from aicas.cli.render.terminal import Screen, escape_json, is_terminal
from aicas.cli.render.units import size
from aicas.cli.target import Content, Folder, is_binary, open_target, probed, split_target
from aicas.errors import InvalidInput
from aicas.objects.media import VALUE

if TYPE_CHECKING:
    from aicas.store import Store


@click.command()
@key_argument("target", metavar="KEY[:PATH]")
@pass_invocation
def command(invocation: Invocation, *, target: str) -> None:
    """Print an artifact or one file of it.

    A value is printed as JSON, text and bytes as they are. On a terminal control sequences are
    shown, not obeyed, and binary content is refused.
    """
    revision, path = split_target(target)
    with invocation.store() as store:
        snapshot = store.show(revision)
        content = open_target(store, snapshot, path)
        if isinstance(content, Folder):
            raise InvalidInput(
                f"{target} is a folder", hint=f"list it with 'aicas ls {target}', or get it with -o"
            )
        if path is None and is_value(content):
            with invocation.page() as screen:
                print_value(screen, store.get(revision))
        elif is_terminal(sys.stdout):
            _show_on_terminal(invocation, store, content)
        else:
            copy_to_stdout(store, content)


def is_value(content: Content) -> bool:
    """Whether a payload is a JSON-like value."""
    return content.media_type == VALUE


def print_value(screen: Screen, value: object) -> None:
    """Write a JSON-like value as indented JSON."""
    screen.block(escape_json(json.dumps(value, ensure_ascii=False, indent=2)))


def copy_to_stdout(store: Store, content: Content) -> None:
    """Write a blob to standard output as it is, piece by piece."""
    for piece in store.open_blob(content.id):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _show_on_terminal(invocation: Invocation, store: Store, content: Content) -> None:
    first, pieces = probed(iter(store.open_blob(content.id)))
    if is_binary(first):
        raise InvalidInput(
            f"content is binary ({content.media_type}, {size(content.size)})",
            hint="write it to a file with 'aicas get -o', or pipe it",
        )
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    with invocation.page() as screen:
        last = "\n"
        for piece in pieces:
            text = decoder.decode(piece)
            screen.piece(text)
            last = text[-1:] or last
        screen.piece(decoder.decode(b"", final=True))
        if last != "\n":
            screen.line()
