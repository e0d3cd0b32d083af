"""Finding the store: the nearest ``.aicas`` upward, then ``AICAS_STORE``, then the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aicas.names import STORE_FOLDER

VARIABLE = "AICAS_STORE"


def find_store(start: Path, environment: Mapping[str, str], home: Path) -> Path:
    """The store to use when none is named.

    Args:
        start: folder from which to look upward for ``.aicas``.
        environment: where ``AICAS_STORE`` and ``XDG_DATA_HOME`` may be set.
        home: the user's home folder.

    Never a predictable path in a folder that users share.
    """
    for folder in (start, *start.parents):
        candidate = folder / STORE_FOLDER
        if candidate.is_dir():
            return candidate
    named = environment.get(VARIABLE)
    if named:
        return Path(named)
    data = environment.get("XDG_DATA_HOME")
    return (Path(data) if data else home / ".local" / "share") / "aicas" / "store"
