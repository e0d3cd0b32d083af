"""Moving objects from the log into packs, and giving back what dead objects take in packs.

Order: the pack complete, flushed and named → the segments written anew without what it holds → the
packs it replaces unlinked. A crash leaves an object in two places, never in none; the mark that
``reclaim`` sets tells the next one to look. All of it needs the sweeper's lock, so that nothing is
deleted meanwhile: what a pack holds was held when it was sealed.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from aicas.backends.base import Arrange, Packing, Plain
from aicas.backends.local import group, reclaim
from aicas.backends.local import pack as pack_format
from aicas.backends.local.group import OBJECT_HEAD, DamagedRegion
from aicas.backends.local.overlay import IN_OWN_FILE, Place
from aicas.backends.local.pack import Entry
from aicas.backends.local.packreader import InPack, Pack
from aicas.backends.local.packwriter import PackWriter
from aicas.backends.local.view import View
from aicas.backends.local.writer import Writer
from aicas.errors import Damaged, UnsupportedFormat
from aicas.ids import ObjectId, id_of_kind

BATCH_OBJECTS = 1 << 18
"""Objects packed at once at most, but for those of one segment: what is held in memory of each."""
# Packs are folded while each is at most so many times as long as all that are shorter, so few are
# left and an object is written again a few times only (git's geometric repacking does the same).
_FOLD_RATIO = 2
# A pack is written anew when so much of it is dead: what it takes beyond that is bounded.
_DEAD_SHARE = 0.1
_AT_ONCE = 10_000
NO_TIME = 0
"""Of a seal, which commits nothing."""


class _Batch(NamedTuple):
    """What becomes one pack."""

    hot: dict[ObjectId, Place]
    """Records of sealed segments."""
    folded: list[Pack]
    cold: dict[ObjectId, InPack]
    """What lives in the packs to be folded, and not in the log too."""


class ColdTier:
    """The packs of one store, written to. Every method needs the sweeper's lock, and a view that
    was loaded under it.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._packs = view.packs

    def pack(self, writer: Writer, arrange: Arrange, plain: Plain) -> Iterator[Packing]:
        """Pack what the log holds, a batch at a time; see ``Backend.pack``."""
        self._packs.prepare()
        counts = Counter(place.file for _, place in self._view.hot_places())
        counts.pop(IN_OWN_FILE, None)
        # Behind a failed flush the index takes nothing more, and without it nothing is rewritten.
        if counts[self._view.active.id] or self._view.active.poisoned:
            with writer.turn():
                writer.roll(NO_TIME)
        todo = deque(sorted(file for file, count in counts.items() if count))
        while todo:
            chosen = [todo.popleft()]
            count = counts[chosen[0]]
            while todo and count + counts[todo[0]] <= BATCH_OBJECTS:
                count += counts[todo[0]]
                chosen.append(todo.popleft())
            yield self._pack(chosen, arrange, plain)

    def _pack(self, chosen: Iterable[int], arrange: Arrange, plain: Plain) -> Packing:
        batch = self._gather(chosen)
        with PackWriter(self._packs.folder, self._view.overlay.last_number) as pack:
            packed = self._write(pack, batch, arrange, plain)
            freed = -pack.finish() if packed else 0
        dead: dict[int, dict[int, ObjectId]] = defaultdict(dict)
        for object_id in packed.intersection(batch.hot):
            place = batch.hot[object_id]
            dead[place.file][place.offset] = object_id
        freed += reclaim.rewrite_segments(self._view, dead, packed)
        done = [f for f in batch.folded if all(i in packed for i in self._in_pack(batch, f))]
        self._packs.remove(done)
        return Packing(len(packed), freed + sum(found.size for found in done))

    @staticmethod
    def _in_pack(batch: _Batch, folded: Pack) -> Iterator[ObjectId]:
        return (i for i, place in batch.cold.items() if place.pack is folded)

    def _gather(self, chosen: Iterable[int]) -> _Batch:
        hot: dict[ObjectId, Place] = {}
        for file in chosen:
            hot.update(self._records(file))
        folded: list[Pack] = []
        cold: dict[ObjectId, InPack] = {}
        total = len(hot)
        for pack in sorted(self._packs.current(), key=len):
            if len(pack) > _FOLD_RATIO * total or total + len(pack) > BATCH_OBJECTS:
                break
            with suppress(Damaged):  # one with damaged entries stays: they might be salvaged
                cold.update(self._living(pack))
                folded.append(pack)
                total += len(pack)
        return _Batch(hot, folded, cold)

    def _records(self, file: int) -> dict[ObjectId, Place]:
        """The objects whose place is in a segment; none if it is damaged, for then it stays."""
        said: dict[ObjectId, Place] = {}
        try:
            for found in self._view.log.segment(file).groups(group.SEGMENT_HEADER_BYTES):
                if isinstance(found, DamagedRegion) or found.damaged:
                    return {}
                for r in found.objects:
                    if r.large_bytes is None:
                        place = Place(file, r.offset, r.length, found.at)
                        said[id_of_kind(r.kind, r.raw_id)] = place
        except Damaged:
            return {}
        now = self._view.locate(said)
        return {i: place for i, place in said.items() if now.get(i) == place}

    def _living(self, pack: Pack) -> dict[ObjectId, InPack]:
        """What is read from a pack: it was not deleted, and lies nowhere else too.

        Raises:
            Damaged: not all of its entries can be read.
        """
        living: dict[ObjectId, InPack] = {}
        entries = pack.entries()
        while some := [entry.id for entry in islice(entries, _AT_ONCE)]:
            for object_id, place in self._view.locate(some).items():
                if isinstance(place, InPack) and place.pack is pack:
                    living[object_id] = place
        return living

    def _write(
        self, pack: PackWriter, batch: _Batch, arrange: Arrange, plain: Plain
    ) -> set[ObjectId]:
        """Add what a batch holds to a pack, but for what cannot be; returns what was added."""
        places: dict[ObjectId, Place | InPack] = {**batch.cold, **batch.hot}
        added: set[ObjectId] = set()
        for object_id, label in arrange(places.keys()):
            place = places[object_id]
            if not pack_format.holds(place.at):
                continue
            try:
                frame = plain(object_id, self._frame(place))
            except (Damaged, UnsupportedFormat):
                continue
            pack.add(object_id, place.at, frame, label)
            added.add(object_id)
        return added

    def _frame(self, place: Place | InPack) -> bytes:
        if isinstance(place, InPack):
            return self._packs.read(place)
        record = self._view.log.segment(place.file).read(place.offset, place.length)
        return record[OBJECT_HEAD.size :]

    def trim(self, touched: Iterable[Pack]) -> int:
        """Write packs anew whose dead objects take too much; returns the bytes freed.

        One that holds damage is left as it is: something of it might still be salvaged.

        Raises:
            StorageFailed: the disk refused.
        """
        self._packs.prepare()
        freed = 0
        for pack in touched:
            with suppress(Damaged):
                living = self._living(pack)
                dead = 1 - sum(place.length for place in living.values()) / max(pack.raw_bytes, 1)
                if dead >= _DEAD_SHARE:
                    freed += pack.size - (self._rewrite(pack, living) if living else 0)
                    self._packs.remove([pack])
        return freed

    def _rewrite(self, old: Pack, living: Mapping[ObjectId, InPack]) -> int:
        """Write a pack with what lives of another; returns its size.

        Blocks in which all live are copied as they are.
        """
        blocks: dict[int, list[Entry]] = defaultdict(list)
        for object_id, place in living.items():
            blocks[place.block].append(Entry(object_id, *place[1:]))
        with PackWriter(self._packs.folder, self._view.overlay.last_number) as pack:
            for number, entries in sorted(blocks.items()):
                if sum(entry.length for entry in entries) == old.block(number).raw:
                    pack.copy_block(old, number, entries)
                    continue
                for entry in sorted(entries, key=lambda entry: entry.offset):
                    frame = self._packs.read(living[entry.id])
                    if not frame:
                        raise Damaged(f"block {number} of pack {old.name} cannot be read")
                    pack.add(entry.id, entry.at, frame, str(number))
            return pack.finish()
