"""What a script is given: how large to be, where to work, and stores that are built once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import aicas
from benchmarks import payloads

AT_ONCE = 1_000
"""Stages in one batch, at most."""


@dataclass
class Bench:
    """One run of the suite."""

    folder: Path
    """Temporary; everything a script writes goes below it."""
    scale: float = 1.0
    """The share of the full sizes to use. Figures are quoted at 1."""
    repositories: tuple[Path, ...] = ()
    """git repositories whose histories are stored."""
    _built: dict[int, Path] = field(default_factory=dict)

    def size(self, full: int, least: int = 1) -> int:
        """So many at this scale."""
        return max(least, int(full * self.scale))

    def rounds(self, full: int) -> int:
        return self.size(full, least=2)

    def place(self, name: str) -> Path:
        """A new folder of this name; the script that asks is the only one to use it."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def store_of(self, stages: int) -> Path:
        """A store of so many stages, two projects taking turns; not to be changed."""
        if stages not in self._built:
            folder = self.folder / f"store of {stages}"
            fill(folder, stages)
            self._built[stages] = folder
        return self._built[stages]


PROJECTS = ("kept", "dropped")
FIRST_KEY = "stage-0"
"""The first project's first stage, whatever the size of the store."""


def key(number: int) -> str:
    return f"stage-{number}"


def fill(folder: Path, stages: int) -> None:
    """Put so many stages; each batch belongs to the other project than the one before."""
    at_once = min(AT_ONCE, -(-stages // 10))
    stores = [aicas.open(folder, project=name) for name in PROJECTS]
    for first in range(0, stages, at_once):
        store = stores[first // at_once % len(stores)]
        with store.batch() as batch:
            for number in range(first, min(first + at_once, stages)):
                batch.put(key(number), payloads.stage(number))
    for store in stores:
        store.close()
