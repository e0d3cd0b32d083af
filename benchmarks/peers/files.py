"""Plain files, as an application that keeps each artifact in a folder would write them durably."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers import Value

_TEXT = "text"


class Files:
    """Each version in a folder of its own, made whole before a link names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = 0

    def put(self, key: str, value: Value) -> None:
        self._versions += 1
        version = self._folder / f"{key}.{self._versions}"
        version.mkdir()
        folders = {version}
        contents = {_TEXT: value.encode()} if isinstance(value, str) else value
        for name, content in contents.items():
            path = version / name
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
            _write(path, content)
        for folder in folders:
            _flush_folder(folder)
        link = self._folder / f"{key}.new"
        link.symlink_to(version.name)
        link.replace(self._folder / key)
        _flush_folder(self._folder)

    def get(self, key: str) -> Value:
        version = self._folder / key
        if (version / _TEXT).is_file():
            return (version / _TEXT).read_text(encoding="utf-8")
        files = (path for path in version.rglob("*") if path.is_file())
        return {str(path.relative_to(version)): path.read_bytes() for path in files}

    def close(self) -> None:
        pass


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)
