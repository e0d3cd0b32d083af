"""Reading the history of a git repository: what each commit holds, one commit after another."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

_LINK_TO_REPOSITORY = "160000"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def git(repository: Path, *arguments: str, given: str = "") -> str:
    """What a git command prints when it is given such input."""
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, input=given.encode())
    return done.stdout.decode("utf-8", "surrogateescape")


class Contents:
    """``git cat-file --batch``, kept running."""

    def __init__(self, repository: Path) -> None:
        self._process = subprocess.Popen(
            ["git", "-C", str(repository), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, object_id: str) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write(object_id.encode() + b"\n")
        stdin.flush()
        size = int(stdout.readline().split()[2])
        content = stdout.read(size + 1)
        return content[:-1]


class Change(NamedTuple):
    """One path that differs from the commit before."""

    path: str
    blob: str | None
    """What it holds now; ``None`` if it is gone."""


def commits(repository: Path) -> Iterator[list[Change]]:
    """For each commit, parents before children, what changed since the one before it in this order.

    Links to other repositories are left out.
    """
    trees = git(repository, "log", "--format=%T", "--reverse", "--topo-order", "HEAD").split()
    pairs = "".join(f"{one} {next_one}\n" for one, next_one in pairwise([_EMPTY_TREE, *trees]))
    told = git(repository, "diff-tree", "--stdin", "-r", "-z", "--no-renames", given=pairs)
    changes: list[Change] = []
    commit = 0
    parts = iter(told.split("\0"))
    for part in parts:
        *heads, facts = part.split("\n")  # one line for each pair, before what differs in it
        for _ in heads:
            if commit:
                yield changes
            commit += 1
            changes = []
        if facts:
            _, mode, _, blob, status = facts.split(" ")
            path = next(parts)
            if mode != _LINK_TO_REPOSITORY:
                changes.append(Change(path, None if status == "D" else blob))
    yield changes
