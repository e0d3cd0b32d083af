"""A local store's folder, seen from outside: opened at will, its files read and spoiled."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aicas.backends.local import layout, runs, view
from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.group import SEGMENT_HEADER_BYTES, DamagedRegion, Group
from aicas.backends.local.index import Index
from aicas.backends.local.overlay import Place
from aicas.backends.local.segment import Segment, list_segments


@dataclass
class Folder:
    path: Path
    opened: list[LocalBackend] = field(default_factory=list)

    @classmethod
    def new(cls, path: Path) -> Folder:
        layout.create(path)
        return cls(path)

    def open(self, segment_bytes: int = 64 << 20) -> LocalBackend:
        self.opened.append(LocalBackend(self.path, segment_bytes=segment_bytes))
        return self.opened[-1]

    def close(self) -> None:
        for backend in self.opened:
            backend.close()
        self.opened.clear()

    def copy(self, target: Path) -> Folder:
        shutil.copytree(self.path, target)
        return Folder(target)

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def index(self) -> Path:
        return self.path / "index" / "view.sqlite"

    def runs(self) -> list[Path]:
        return sorted(self.index.parent.glob("*.run"))

    def segments(self) -> list[Path]:
        return sorted(self.log.iterdir())

    def groups(self, sequence: int = 1) -> list[Group | DamagedRegion]:
        """The groups of a segment, as they lie in its file."""
        segment = Segment.open(self.log, list_segments(self.log)[sequence])
        return list(segment.groups(SEGMENT_HEADER_BYTES))

    def drop_index(self) -> None:
        shutil.rmtree(self.index.parent, ignore_errors=True)

    def fill_index(self) -> None:
        """Leave an index that has reached the end of the log."""
        backend = self.open()
        assert backend._view.fold(wait=True)
        backend.close()

    def sql(self, *statements: str) -> None:
        database = sqlite3.connect(self.index)
        for statement in statements:
            changed = database.execute(statement).rowcount
            assert changed, f"{statement!r} changed nothing"
        database.commit()
        database.close()

    def misplace(self, change: Callable[[Place], Place | None]) -> None:
        """Make the index say something else of every object it places, or nothing of some."""
        index = Index(self.index, layout.identity(self.path))
        said = [(i, place) for i, place in index.places.between(bytes(32), b"\xff" * 32)]
        changed = [(i, change(place)) for i, place in said if isinstance(place, Place)]
        entries = [runs.encode_entry(i, place) for i, place in changed if place]
        assert changed != said
        draft = runs.write_run(self.index.parent, index._store, [entries], len(entries))
        reached = index.tables.reached()
        index.tables.reach(reached._replace(runs=(runs.adopt(draft),)))
        index.close()


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


def fold_often(monkeypatch: object, records: int = 3) -> None:
    """Make every view fold after a few records."""
    monkeypatch.setattr(view, "FOLD_RECORDS", records)  # type: ignore[attr-defined]
    monkeypatch.setattr(view, "_MOST_RECORDS", 2 * records)  # type: ignore[attr-defined]
