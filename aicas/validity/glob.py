"""Globs over the files of a tree, matched folder by folder in bounded time.

``*`` and ``?`` stand for characters of one name, ``[abc]``, ``[a-z]`` and ``[!abc]`` for one of a
set, ``**`` for any folders, none included. Names that start with a dot are names like any other,
and case matters. A glob names files and links, never folders: ``src/**`` is all below ``src``.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from aicas.errors import InvalidInput
from aicas.names import MAX_NAME_BYTES

MAX_ANY_FOLDERS = 8
"""How many ``**`` one glob may hold."""
_ANY_FOLDERS = "**"
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
_REMEMBERED = 1_000

Places = frozenset[int]
"""How much of a glob the names so far may have matched: every place it may have got to."""


class Glob:
    """A pattern of relative paths, as a machine that is fed one name after another.

    However the ``**`` stand, a name is compared at most once with each part of the pattern.

    Raises:
        InvalidInput: absolute, an empty part, ``.`` or ``..``, a backslash, a control or
            invisible character, ``**`` beside other characters, or too much of anything.
    """

    __slots__ = ("_parts", "start")

    def __init__(self, text: str) -> None:
        _check(text)
        parts: list[re.Pattern[str] | None] = []
        names = text.split("/")
        if names[-1] == _ANY_FOLDERS:
            names.append("*")
        for part in names:
            if part != _ANY_FOLDERS:
                parts.append(re.compile(fnmatch.translate(part)))
            elif not parts or parts[-1] is not None:
                parts.append(None)
        self._parts = tuple(parts)
        self.start: Places = self._settled({0})
        """Where it stands at the root."""

    def enter(self, places: Places, folder: str) -> Places:
        """Where it stands inside a folder; empty if nothing below can match."""
        return self._settled(
            place if part is None else place + 1
            for place, part in self._at(places)
            if part is None or (place + 1 < len(self._parts) and part.match(folder))
        )

    def accepts(self, places: Places, file: str) -> bool:
        """Whether a file of this name, in the folder it stands in, is one that is meant."""
        last = len(self._parts) - 1
        part = self._parts[last]
        return last in places and part is not None and part.match(file) is not None

    def _at(self, places: Places) -> list[tuple[int, re.Pattern[str] | None]]:
        return [(place, self._parts[place]) for place in places]

    def _settled(self, places: Iterable[int]) -> Places:
        """The places, and those after a ``**``, which may stand for no folder."""
        settled = set(places)
        settled.update([place + 1 for place in settled if self._parts[place] is None])
        return frozenset(settled)


@lru_cache(maxsize=_REMEMBERED)
def parse_glob(text: str) -> Glob:
    """The glob of a text, parsed once.

    Raises:
        InvalidInput: see ``Glob``.
    """
    return Glob(text)


def _check(text: str) -> None:
    problem = _problem(text)
    if problem:
        raise InvalidInput(
            f"glob {text[:80]!a} {problem}",
            hint="a glob is a relative path such as 'src/**/*.py', with * ? [...] and **",
        )


def _problem(text: str) -> str | None:
    if text.startswith("/"):
        return "is absolute"
    for char in text:
        if unicodedata.category(char) in _HIDDEN_CATEGORIES and char not in _JOINERS:
            return f"holds the control or invisible character U+{ord(char):04X}"
    if "\\" in text:
        return "holds a backslash"
    parts = text.split("/")
    if parts.count(_ANY_FOLDERS) > MAX_ANY_FOLDERS:
        return f"holds more than {MAX_ANY_FOLDERS} '**'"
    return next(filter(None, map(_part_problem, parts)), None)


def _part_problem(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"has the part {part!r}" if part else "has an empty part"
    if _ANY_FOLDERS in part and part != _ANY_FOLDERS:
        return f"has the part {part[:80]!a}; '**' stands for whole folders, alone between slashes"
    if len(part.encode()) > MAX_NAME_BYTES:
        return f"has a part longer than {MAX_NAME_BYTES} bytes"
    return None
