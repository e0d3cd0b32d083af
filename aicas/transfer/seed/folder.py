"""A cache folder from outside, looked at without following a link and within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aicas.errors import InvalidInput, NotFound
from aicas.names import TreePath, check_tree_path
from aicas.objects import disk
from aicas.transfer.seed import layout
from aicas.transfer.strictjson import MAX_BYTES, parse_json

MAX_FILES = 100_000
_MAX_DEPTH = 4
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SeedFolder:
    """An open cache folder; use it as a context manager.

    Raises:
        NotFound: there is no such folder.
        InvalidInput: from every method, when it is not what a cache folder may be.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._root = os.open(self.path, disk.OPEN_FOLDER)
        except FileNotFoundError as error:
            raise NotFound(f"there is no folder {str(path)!a}") from error
        except OSError as error:
            raise InvalidInput(f"{str(path)!a} is not a readable folder") from error

    def __enter__(self) -> SeedFolder:
        return self

    def __exit__(self, *details: object) -> None:
        os.close(self._root)

    def document(self, path: TreePath) -> Any:
        """The JSON a file holds."""
        what = repr(str(path))
        *parents, name = path.split("/")
        try:
            with (
                disk.folder_below(self._root, tuple(parents)) as folder,
                disk.opened(name, _READ, folder) as descriptor,
            ):
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise InvalidInput(f"{what} is not a regular file")
                if status.st_size > MAX_BYTES:
                    raise InvalidInput(f"{what} is longer than {MAX_BYTES >> 20} MiB")
                raw = _read(descriptor)
        except FileNotFoundError as error:
            raise InvalidInput(f"the folder lacks {what}, which its index names") from error
        except OSError as error:
            raise InvalidInput(f"cannot read {what}: {error.strerror}") from error
        return parse_json(raw, what=what)

    def files(self) -> set[TreePath]:
        """Every file, but for what lies in the folders that hold artifacts as files."""
        found: set[TreePath] = set()
        try:
            for path in self._walk("", self._root, _MAX_DEPTH):
                found.add(path)
                if len(found) > MAX_FILES:
                    raise InvalidInput(f"the folder holds more than {MAX_FILES} files")
        except OSError as error:
            raise InvalidInput(f"cannot read the folder: {error.strerror}") from error
        return found

    def _walk(self, prefix: str, descriptor: int, depth: int) -> Iterator[TreePath]:
        for name in os.listdir(descriptor):
            path = check_tree_path(prefix + name)
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode):
                yield path
            elif depth == 0:
                raise InvalidInput(f"the folder {path!a} is nested too deeply")
            elif path not in layout.FOLDER_OF_KEY.values():
                with disk.opened(name, disk.OPEN_REAL_FOLDER, descriptor) as below:
                    yield from self._walk(path + "/", below, depth - 1)

    def holds_files(self, path: str) -> bool:
        """Whether a folder is there and not empty."""
        try:
            with (
                disk.folder_below(self._root, tuple(path.split("/"))) as folder,
                os.scandir(folder) as found,
            ):
                return any(True for _ in found)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InvalidInput(f"cannot read {path!r}: {error.strerror}") from error


def _read(descriptor: int) -> bytes:
    pieces = []
    left = MAX_BYTES + 1
    while left and (piece := os.read(descriptor, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
