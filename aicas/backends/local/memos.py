"""Small things worth remembering that may be lost at any time: one file each, beside the index."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path

from aicas.backends.local import files

FOLDER = "index"
SUFFIX = ".memo"
_CHECKSUM_BYTES = 4
_MOST_BYTES = 1 << 20


class Memos:
    """The memos of one store. Safe for many threads and processes; nothing stays open."""

    def __init__(self, store: Path) -> None:
        self._folder = store / FOLDER

    def read(self, name: str) -> bytes | None:
        """See ``Backend.memo``; a damaged one counts as none."""
        try:
            with (self._folder / (name + SUFFIX)).open("rb") as file:
                data = file.read(_MOST_BYTES)
        except OSError:
            return None
        content = data[_CHECKSUM_BYTES:]
        return content if data == _encoded(content) else None

    def write(self, name: str, content: bytes) -> None:
        """See ``Backend.remember``; where the disk refuses, nothing is remembered."""
        draft = self._folder / f"{name}.{os.urandom(8).hex()}{SUFFIX}.new"
        with suppress(OSError):
            try:
                fd = files.create_file(draft)
                try:
                    files.write_all(fd, _encoded(content), 0)
                finally:
                    os.close(fd)
                draft.rename(self._folder / (name + SUFFIX))
            finally:
                draft.unlink(missing_ok=True)


def _encoded(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") + content


def used_bytes(store: Path) -> int:
    """What the files of a store hold that hold objects; one that goes meanwhile counts nothing."""
    folders = [store / "log", store / "packs"]
    with suppress(FileNotFoundError):
        folders += (Path(entry.path) for entry in os.scandir(store / "large") if entry.is_dir())
    total = 0
    for folder in folders:
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total
