"""The cold tier: all packs of a store, searched as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from aicas.backends.local import files
from aicas.backends.local.packreader import BlockCache, Pack, Packed
from aicas.errors import Damaged, StorageFailed, UnsupportedFormat
from aicas.ids import ObjectId

FOLDER = "packs"
_SUFFIX = ".pack"
_TICK_NS = 50_000_000


class Packs:
    """The packs in a store's folder, as they are at each call. Safe for many threads.

    What was found in a pack stays readable after another process has replaced the pack.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self.folder = store / FOLDER
        self._blocks = BlockCache()
        self._lock = threading.Lock()
        self._changed = -1
        self._packs: tuple[Pack, ...] = ()
        self._faults: dict[str, str] = {}

    def make_folder(self) -> None:
        """Make sure that there is a folder for packs, durably.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            if not self.folder.is_dir():
                files.create_folder(self.folder)
                files.flush_folder(self._store)
        except OSError as error:
            raise StorageFailed(f"cannot make a folder for packs: {error.strerror}") from error

    def current(self) -> tuple[Pack, ...]:
        """Every pack that can be read, the one sealed last first; one ``stat`` if none changed.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            changed = self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageFailed(f"cannot list {self.folder}: {error.strerror}") from error
        if changed != self._changed:
            with self._lock:
                # Two changes may bear one time: only a listing that is younger by more than the
                # file system's clock ticks is known to have seen them all.
                settled = time.time_ns() - changed > _TICK_NS
                self._packs = self._listed()
                self._changed = changed if settled else -1
        return self._packs

    def _listed(self) -> tuple[Pack, ...]:
        known = {found.name: found for found in self._packs}
        opened: list[Pack] = []
        self._faults = {}
        for name in self.names():
            try:
                found = known.get(name)
                opened.append(found if found is not None else Pack(self.folder / name))
            except FileNotFoundError:
                continue  # replaced since it was listed
            except (Damaged, UnsupportedFormat) as error:
                self._faults[name] = str(error)
        return tuple(sorted(opened, key=lambda found: (-found.number, found.name)))

    def names(self) -> list[str]:
        """The names of all pack files, those that cannot be read too.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            return sorted(p.name for p in self.folder.iterdir() if p.name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailed(f"cannot list {self.folder}: {error.strerror}") from error

    def locate(self, wanted: Mapping[ObjectId, int]) -> dict[ObjectId, Packed]:
        """Where objects lie, for those that are in a pack.

        Where the entries are damaged that would tell, an object counts as not there.

        Args:
            wanted: the ids, and for each the operation that deleted it, or 0: packs that were
                sealed before it do not count.
        """
        packs = self.current()
        found: dict[ObjectId, Packed] = {}
        for object_id, since in wanted.items() if packs else ():
            for candidate in packs:
                if candidate.number < since:
                    break
                with suppress(Damaged):
                    place = candidate.find(object_id)
                    if place:
                        found[object_id] = place
                        break
        return found

    def read(self, place: Packed) -> bytes:
        """The frame at a place.

        Raises:
            Damaged: the pack does not give it back.
        """
        return self._blocks.read(place)

    def check(self) -> Iterator[str]:
        """What is wrong with the packs, but for the content of objects, in words."""
        current = self.current()
        yield from self._faults.values()
        for found in current:
            yield from found.check()
