"""What ``put`` was given: a folder, a file or standard input, read as text, value or bytes."""

from __future__ import annotations

import codecs
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from aicas.errors import InvalidInput
from aicas.objects.media import BINARY, TEXT
from aicas.objects.payload import FromDirectory, FromFile

_PIECE = 1024 * 1024
# A table of our own: neither this machine's settings nor the version of Python may decide what
# is recorded. Any other name is judged by its content alone.
_TYPES = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


@contextmanager
def open_source(source: Path, form: str) -> Iterator[tuple[Any, str | None]]:
    """The payload to put, and its media type where the payload does not say it.

    A single file is text if its name does not say otherwise and all of it is UTF-8 without NUL
    bytes. Content is never held in memory whole, except a value's.

    Raises:
        InvalidInput: no such file, not text though ``form`` says so, or not JSON.
    """
    if str(source) == "-":
        if sys.stdin.isatty():
            raise InvalidInput("no source", hint="name a file or folder, or pipe something in")
        with tempfile.NamedTemporaryFile(prefix="aicas-") as spooled:
            while piece := sys.stdin.buffer.read(_PIECE):
                spooled.write(piece)
            spooled.flush()
            yield _file(Path(spooled.name), "", form)
    elif source.is_dir():
        if form != "auto":
            raise InvalidInput(f"{str(source)!a} is a folder; --as is for one file")
        yield FromDirectory(source), None
    else:
        yield _file(source, source.name, form)


def _file(path: Path, name: str, form: str) -> tuple[Any, str | None]:
    if form == "json":
        return _value(path), None
    if form == "auto":
        return FromFile(path), _guessed(path, name)
    guess = _type_of(name)
    if form == "text":
        return FromFile(path), guess if guess and guess.startswith("text/") else TEXT
    return FromFile(path), guess if guess and not guess.startswith("text/") else BINARY


def _value(path: Path) -> Any:
    from aicas.transfer.strictjson import MAX_BYTES, parse_json

    with _readable(path) as stream:
        return parse_json(stream.read(MAX_BYTES + 1), what=str(path))


def _readable(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidInput(f"cannot read {str(path)!a}: {error.strerror}") from error


def _guessed(path: Path, name: str) -> str:
    guess = _type_of(name)
    if guess is not None and not guess.startswith("text/"):
        return guess
    return (guess or TEXT) if _is_text(path) else BINARY


def _type_of(name: str) -> str | None:
    return _TYPES.get(Path(name).suffix.lower())


def _is_text(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _readable(path) as stream:
            while piece := stream.read(_PIECE):
                if "\0" in decoder.decode(piece):
                    return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
