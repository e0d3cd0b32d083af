"""The input of ``git fast-import``: blobs once each, then commits that refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from aicas.names import Key

BRANCH = "refs/heads/main"


@dataclass(frozen=True, slots=True)
class GitFile:
    """A file or link of a commit; its content was given before."""

    path: str
    mode: int
    mark: int


class FastImport:
    """Writes a stream; every path given must be one git takes unquoted, as ``git_path`` gives."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._marks = 0

    def start(self) -> None:
        """Say that a stream without an end is not whole."""
        self._sink.write(b"feature done\n")

    def blob(self, size: int, pieces: Iterable[bytes]) -> int:
        """Give content of exactly ``size`` bytes; returns its mark."""
        self._marks += 1
        self._sink.write(b"blob\nmark :%d\ndata %d\n" % (self._marks, size))
        for piece in pieces:
            self._sink.write(piece)
        self._sink.write(b"\n")
        return self._marks

    def commit(
        self,
        *,
        author: str,
        committer: str,
        message: str,
        folders: Mapping[Key, Iterable[GitFile] | None],
    ) -> None:
        """Commit on top of the branch; each folder becomes the files given, or goes."""
        text = message.encode()
        lines = [
            f"commit {BRANCH}",
            f"author {author}",
            f"committer {committer}",
            f"data {len(text)}",
        ]
        self._sink.write("\n".join(lines).encode() + b"\n" + text + b"\n")
        for folder, files in folders.items():
            self._sink.write(f"D {folder}\n".encode())
            for file in files or ():
                self._sink.write(f"M {file.mode:06o} :{file.mark} {folder}/{file.path}\n".encode())
        self._sink.write(b"\n")

    def done(self) -> None:
        """Say that the stream is whole."""
        self._sink.write(b"done\n")
        self._sink.flush()
