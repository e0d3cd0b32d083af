"""Paths of artifacts as git takes them.

Git refuses ``.git`` in a tree in every spelling some file system takes for it, and reads meaning
into a few other names. Such a name gets an underscore in front, and so does one that already
looks so escaped; hence two names never become one, and taking one underscore away gives the
name back.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aicas.names import TreePath
from aicas.objects.tree import Entry, EntryKind

# What is left of a name without joiners (which HFS+ ignores) and case. The short names of NTFS
# are all taken for one of git's; other disguises, such as trailing dots, no tree may hold.
_ALWAYS = re.compile(r"\.git|\.gitmodules|[^~]{0,7}~\d+")
# Harmless as plain files, refused as links or where git would have to parse too long a line.
_AS_PLAIN_FILES = re.compile(r"\.gitattributes|\.gitignore|\.mailmap")
_JOINERS = str.maketrans("", "", "\u200c\u200d")
_MAX_ATTRIBUTES = 1 << 20
_MAX_LINE = 2048


def git_path(path: TreePath, entry: Entry, read: Callable[[], bytes]) -> str:
    """The path an artifact's file has in a git tree.

    Args:
        path: in the artifact.
        entry: of the file or link.
        read: gives its content; asked only for a ``.gitattributes``.
    """
    *folders, name = path.split("/")
    parts = [_escaped(part, plain=True) for part in folders]
    parts.append(_escaped(name, plain=_is_plain(name, entry, read)))
    return "/".join(parts)


def _escaped(name: str, *, plain: bool) -> str:
    core = _folded(name.lstrip("_"))
    if _ALWAYS.fullmatch(core):
        return "_" + name
    if _AS_PLAIN_FILES.fullmatch(core) and (name.startswith("_") or not plain):
        return "_" + name
    return name


def _is_plain(name: str, entry: Entry, read: Callable[[], bytes]) -> bool:
    if entry.kind is EntryKind.SYMLINK:
        return False
    if _folded(name) != ".gitattributes":
        return True
    return entry.size <= _MAX_ATTRIBUTES and all(
        len(line) < _MAX_LINE for line in read().split(b"\n")
    )


def _folded(name: str) -> str:
    return name.translate(_JOINERS).casefold()
