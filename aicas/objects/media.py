"""Media types: how a payload's bytes are to be read."""

from __future__ import annotations

from typing import Final

TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final = "application/octet-stream"
VALUE: Final = "application/msgpack"
TREE: Final = "application/vnd.aicas.tree"

USUAL: Final = frozenset([TEXT, BINARY, VALUE, TREE])
