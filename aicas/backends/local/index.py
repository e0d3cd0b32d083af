"""The index of the log: refs, operations and edges in tables, places of objects in sorted runs.

It is disposable: delete the folder and it comes back from the log. It is never on the durability
path: it is filled in batches from the overlay, only up to what the log has made durable, and it
knows the position it has reached. Writers take our own lock, so there is one at a time.

The list of runs stands in one row with the position, so both change together. A process goes on
with the runs that it has mapped, whatever others make of them, and maps those that are listed when
it folds. Until then its overlay, which has the log's newest word, makes up for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from aicas.backends.local.indexfiles import sweep_runs
from aicas.backends.local.overlay import Overlay, Place
from aicas.backends.local.places import Crowd, Places, merged, without_packed
from aicas.backends.local.rows import IndexDamagedError
from aicas.backends.local.runs import PACKED, SUFFIX, Entry, Run, adopt, encode_entry, write_run
from aicas.backends.local.tables import Reached, Tables
from aicas.ids import ObjectId


class Index:
    """One process's hold on the index. Safe for many threads.

    Methods that change it need the index lock, and raise ``IndexDamagedError`` where it cannot be
    written or read, and ``StorageFailed`` where the disk refuses; then nothing has changed.
    """

    places: Places
    """What it says of objects: as of the position that it had reached when it was opened or last
    changed from here, or a later one."""

    def __init__(self, path: Path, store: bytes) -> None:
        """Open or create the index of the store whose random identity is ``store``.

        Needs the index lock, or runs may be gone before they are mapped.

        Args:
            path: of its tables; the runs lie beside them.
            store: the identity.

        Raises:
            IndexDamagedError: it is of another store or version, or cannot be read.
            StorageFailed: the disk refused.
        """
        self._folder = path.parent
        self._store = store
        self.tables = Tables(path, store)
        self.places = Places()
        try:
            self.map_runs()
        except BaseException:
            self.close()
            raise

    def map_runs(self) -> Reached:
        """Go on with the runs that are listed now. Needs the index lock."""
        reached = self.tables.reached()
        self._map(reached)
        return reached

    def _map(self, reached: Reached) -> None:
        known = {run.name: run for run in self.places.runs}
        self.places = Places(
            [
                known.get(name) or Run(self._folder / (name.hex() + SUFFIX), self._store)
                for name in reached.runs
            ]
        )

    def _take_up(self, reached: Reached) -> None:
        self._map(reached)
        sweep_runs(self._folder, reached.runs)

    def fold(self, overlay: Overlay) -> None:
        """Take in an overlay, unless the index is already past it."""
        reached = self.tables.reached()
        if reached.position < overlay.base:
            raise IndexDamagedError("view went back behind what was read from it")
        if reached.position < overlay.position:
            runs = self._with_run(reached, overlay.places)
            reached = Reached(overlay.position, overlay.last_number, runs)
            self.tables.apply(overlay, reached)
        self._take_up(reached)

    def move_file(
        self,
        old: int,
        new: int,
        moved: Mapping[ObjectId, Place],
        packed: Collection[ObjectId],
        operations: Mapping[int, Place],
    ) -> None:
        """A segment was rewritten: its records lie elsewhere now.

        What the index places in another file than ``old`` stays where it is.

        Args:
            old: its file id.
            new: the file id of what replaces it.
            moved: where the objects it kept are.
            packed: objects that are not in the log any more.
            operations: where the operations it kept are.
        """
        reached = self.map_runs()
        said: dict[ObjectId, Entry] = dict(moved)
        said.update((i, PACKED) for i in packed)
        said = {i: entry for i, entry in said.items() if self._file_of(i) == old}
        reached = reached._replace(runs=self._with_run(reached, said))
        self.tables.move_operations(old, new, operations, reached)
        self._take_up(reached)

    def _file_of(self, object_id: ObjectId) -> int | None:
        found = self.places.get(object_id)
        return found.file if isinstance(found, Place) else None

    def _with_run(self, reached: Reached, said: Mapping[ObjectId, Entry]) -> tuple[bytes, ...]:
        """The list of runs with one more that says ``said``."""
        if not said:
            return reached.runs
        entries = sorted(map(encode_entry, said, said.values()))
        return adopt(write_run(self._folder, self._store, [entries], len(entries))), *reached.runs

    def merge(self, crowd: Crowd) -> Path:
        """Write what several runs say as one, for ``replace``. Needs no lock."""
        parts = merged(crowd.runs)
        most = sum(run.count for run in crowd.runs)
        kept = without_packed(parts) if crowd.has_oldest else parts
        return write_run(self._folder, self._store, kept, most)

    def replace(self, runs: Sequence[Run], draft: Path) -> None:
        """Put a merged run in the place of those it was made of."""
        reached = self.tables.reached()
        names = tuple(run.name for run in runs)
        at = reached.runs.index(names[0]) if names[0] in reached.runs else 0
        if reached.runs[at : at + len(names)] != names:
            raise IndexDamagedError("runs that were merged are not listed any more")
        listed = (*reached.runs[:at], adopt(draft), *reached.runs[at + len(names) :])
        reached = reached._replace(runs=listed)
        self.tables.reach(reached)
        self._take_up(reached)

    def close(self) -> None:
        """Close it; closing twice is allowed. What is mapped stays so for whoever reads it."""
        self.tables.close()
