"""Keeping the runs of an index few, so that a lookup has little to look into.

Small runs are merged by whoever has just added one. What takes longer is written beside the index
with only the merging lock held: readers, writers and folds go on meanwhile, and the index lock is
needed but for a moment at the end.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from aicas.backends.local.files import FileLock
from aicas.backends.local.index import Index
from aicas.backends.local.indexfiles import delete_index, sweep_drafts
from aicas.backends.local.places import Crowd
from aicas.backends.local.rows import IndexDamagedError
from aicas.errors import StorageFailed

# Entries that are merged in some 10 ms: at times the writer lock is held.
_FEW = 8192
# Each run takes a file descriptor, of which a process may commonly have 1,024.
_MANY = 64


class Merging:
    """Merges for one process; safe for many threads.

    A merge that fails leaves the runs as they were. An index with a damaged run is deleted, for
    its next user to make it anew.
    """

    def __init__(self, store: Path, index_path: Path, index_lock: FileLock) -> None:
        self._lock = FileLock(store / "merge.lock")
        self._index_path = index_path
        self._index_lock = index_lock

    def merge_few(self, index: Index) -> None:
        """Merge the newest runs, unless that takes long. Needs the index lock."""
        most = _FEW if len(index.places.runs) < _MANY else sys.maxsize
        if index.places.crowded(most):
            with self._lock.tried() as held, suppress(StorageFailed, IndexDamagedError):
                crowd = self._crowd(index, most) if held else None
                draft = self._merged(index, crowd) if crowd else None
                if crowd and draft:
                    index.replace(crowd.runs, draft)
                elif crowd:
                    self._give_up(index)

    def merge_all(self, index: Index) -> None:
        """Merge until the runs are few. Must not be called with the index lock."""
        if not index.places.crowded(sys.maxsize):
            return
        with self._lock.tried() as held, suppress(StorageFailed, IndexDamagedError):
            while held and self._merge_once(index):
                pass

    def _merge_once(self, index: Index) -> bool:
        with self._index_lock.held():
            crowd = self._crowd(index, sys.maxsize)
        if crowd is None:
            return False
        draft = self._merged(index, crowd)
        with self._index_lock.held():
            if draft:
                index.replace(crowd.runs, draft)
            else:
                self._give_up(index)
        return draft is not None

    def _crowd(self, index: Index, most: int) -> Crowd | None:
        """What there is to merge, with nothing left of merges that were cut off."""
        sweep_drafts(self._index_path.parent)
        index.map_runs()
        return index.places.crowded(most)

    def _merged(self, index: Index, crowd: Crowd) -> Path | None:
        try:
            return index.merge(crowd)
        except IndexDamagedError:
            return None

    def _give_up(self, index: Index) -> None:
        if index.tables.is_current():
            delete_index(self._index_path)
