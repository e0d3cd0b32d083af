"""The files of all phases as one tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two phases that delivered one path with different contents."""

    path: str
    phases: tuple[int, int]
    kept: int
    """The phase whose content is in the merged tree: the later one."""

    def to_json(self) -> dict[str, Any]:
        """The conflict as plain JSON."""
        return {"path": self.path, "phases": list(self.phases), "kept": self.kept}


@dataclass(frozen=True, slots=True)
class Merged:
    """One tree, and what did not fit together."""

    files: Mapping[str, bytes]
    conflicts: tuple[Conflict, ...]


def merge(deliveries: Mapping[int, Mapping[str, bytes]]) -> Merged:
    """Lay the files of phases over one another, in the order of their ids.

    The same content twice is no conflict.
    """
    files: dict[str, bytes] = {}
    owner: dict[str, int] = {}
    conflicts: list[Conflict] = []
    for phase in sorted(deliveries):
        for path, content in deliveries[phase].items():
            if path in files and files[path] != content:
                conflicts.append(Conflict(path, (owner[path], phase), phase))
            files[path] = content
            owner[path] = phase
    return Merged(files, tuple(conflicts))
