"""The cold tier: all packs of a store, searched as one."""

from __future__ import annotations

import heapq
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from aicas.backends.local import files
from aicas.backends.local.overlay import Gone, Place
from aicas.backends.local.packreader import BlockCache, InPack, Pack
from aicas.errors import Damaged, StorageFailed
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

    def prepare(self) -> None:
        """Make sure that there is a folder for packs, and no draft that a crash left.

        Needs the sweeper's lock.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            if not self.folder.is_dir():
                files.create_folder(self.folder)
                files.flush_folder(self._store)
            for path in self.folder.glob("*.new"):
                path.unlink()
        except OSError as error:
            raise StorageFailed(f"cannot prepare {self.folder}: {error.strerror}") from error

    def remove(self, replaced: Iterable[Pack]) -> None:
        """Delete packs whose objects lie elsewhere, durably. Needs the sweeper's lock.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            for found in replaced:
                (self.folder / found.name).unlink(missing_ok=True)
            files.flush_folder(self.folder)
        except OSError as error:
            raise StorageFailed(f"cannot delete a pack: {error.strerror}") from error

    def current(self) -> tuple[Pack, ...]:
        """Every pack that can be read, the one sealed last first; one ``stat`` if none changed.

        Raises:
            UnsupportedFormat: one was written in a newer version: it may hold anything.
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
            except Damaged as error:
                self._faults[name] = str(error)
        return tuple(sorted(opened, key=lambda found: (-found.number, found.name)))

    def names(self) -> list[str]:
        """The names of all pack files, those that cannot be read too.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            with os.scandir(self.folder) as found:
                packs = (each for each in found if each.name.endswith(_SUFFIX))
                return sorted(p.name for p in packs if p.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailed(f"cannot list {self.folder}: {error.strerror}") from error

    def locate(self, wanted: Mapping[ObjectId, int]) -> dict[ObjectId, InPack]:
        """Where objects lie, for those that are in a pack.

        Where the entries are damaged that would tell, an object counts as not there.

        Args:
            wanted: the ids, and for each the operation that deleted it, or 0: packs that were
                sealed before it do not count.
        """
        packs = self.current()
        found: dict[ObjectId, InPack] = {}
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

    def read(self, place: InPack) -> bytes:
        """The frame at a place; ``b""`` if the pack does not give it back."""
        try:
            return self._blocks.read(place)
        except Damaged:
            return b""

    def between(self, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, int, InPack]]:
        """Each object in any pack from ``low`` to ``high``, both whole ids; sorted by id.

        With the number of its pack; of several packs, the one sealed last.
        """
        streams = [_placed(found, low, high) for found in self.current()]
        last: ObjectId | None = None
        for item in heapq.merge(*streams, key=itemgetter(0)):
            if item[0] != last:  # equal ones come in the order of their packs
                yield item
            last = item[0]

    def check(self) -> Iterator[str]:
        """What is wrong with the packs, but for the content of objects, in words."""
        current = self.current()
        yield from self._faults.values()
        for found in current:
            yield from found.check()


def _placed(pack: Pack, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, int, InPack]]:
    with suppress(Damaged):  # ``check`` reports it
        for entry in pack.entries(low, high):
            yield entry.id, pack.number, InPack(pack, *entry[1:])


def merged(
    hot: Iterator[tuple[ObjectId, Place | Gone]], cold: Iterator[tuple[ObjectId, int, InPack]]
) -> Iterator[tuple[ObjectId, Place | InPack]]:
    """Where each object lies that is held, sorted by id.

    Args:
        hot: what the log says of each object that it says anything of, sorted.
        cold: what the packs hold; see ``Packs.between``.
    """
    nothing = (ObjectId(b"\xff" * 33), None)
    told, said = next(hot, nothing)
    for object_id, number, place in cold:
        while told < object_id:
            if isinstance(said, Place):
                yield told, said
            told, said = next(hot, nothing)
        if told == object_id:
            if isinstance(said, Place):
                continue
            if said is not None and said.number > number:
                continue
        yield object_id, place
    if isinstance(said, Place):
        yield told, said
    yield from ((i, found) for i, found in hot if isinstance(found, Place))
