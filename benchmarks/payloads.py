"""What is stored: slices of real source text, each made unique, so that it compresses as code does.

The text is that of Python's own standard library, which every machine with Python has.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

Stage = dict[str, bytes]
FILES = 5
FILE_BYTES = 4096
TEXT_CHARACTERS = 15_000
_CORPUS_BYTES = 4 << 20
_STEP = 977  # prime, so that slices of successive stages hardly ever coincide


@cache
def _corpus() -> bytes:
    pieces = []
    size = 0
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        content = path.read_bytes()
        pieces.append(content)
        size += len(content)
        if size >= _CORPUS_BYTES:
            break
    return b"".join(pieces)


def _slice(number: int, size: int) -> bytes:
    corpus = _corpus()
    head = b"# version %d\n" % number
    start = number * _STEP % (len(corpus) - size)
    return head + corpus[start : start + size - len(head)]


def stage(number: int) -> Stage:
    """Five files of 4 KB; no two numbers share one."""
    first = number * FILES
    return {f"file{i}.py": _slice(first + i, FILE_BYTES) for i in range(FILES)}


def text(number: int) -> str:
    """A document of 15 KB."""
    return _slice(number, TEXT_CHARACTERS).decode("ascii", "replace").replace("\ufffd", "?")
