"""Where objects lie, as the live runs of an index say together: of two, the newer is right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from aicas.backends.local.overlay import Gone, Place
from aicas.backends.local.runs import (
    PREFIXES,
    Packed,
    Run,
    decode_entry,
    is_packed,
)
from aicas.ids import ObjectId

# Entries taken into memory at once when many runs are read side by side.
_PART = 8192
# A run is merged with the newer ones while it is smaller than this many times all of them. That
# writes an entry some six times on its way to a million, and leaves five runs to look into.
_RATIO = 2


class Crowd(NamedTuple):
    """Runs to merge, the newest first."""

    runs: tuple[Run, ...]
    has_oldest: bool
    """Whether no other run is older."""


class Places:
    """The live runs of an index, the newest first. Immutable, and safe for many threads.

    Every method raises ``IndexDamagedError`` where a run is damaged.
    """

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.runs = tuple(runs)

    def get(self, object_id: ObjectId) -> Place | Gone | None:
        """Where an object lies in the log, or which operation deleted it."""
        for run in self.runs:
            said = run.get(object_id)
            if said is not None:
                return None if isinstance(said, Packed) else said
        return None

    def locate(self, ids: Collection[ObjectId]) -> dict[ObjectId, Place | Gone]:
        """What ``get`` says of each of ``ids``, where it says anything."""
        said = ((i, self.get(i)) for i in ids)
        return {i: found for i, found in said if found is not None}

    def between(self, low: bytes, high: bytes) -> Iterator[tuple[ObjectId, Place | Gone]]:
        """What ``get`` says of every object from ``low`` to ``high``, both whole ids; sorted."""
        first, end = int.from_bytes(low[:4]), int.from_bytes(high[:4]) + 1
        for entries in merged(self.runs, first, end):
            for entry in entries:
                if low <= entry[:32] <= high:
                    object_id, said = decode_entry(entry)
                    if not isinstance(said, Packed):
                        yield object_id, said

    def crowded(self, most: int) -> Crowd | None:
        """Neighbouring runs that had better be one, if there are any.

        Args:
            most: how many entries may be merged.
        """
        for start in range(len(self.runs)):
            end, entries = start, 0
            for run in self.runs[start:]:
                if entries + run.count > most or (entries and run.count >= _RATIO * entries):
                    break
                end, entries = end + 1, entries + run.count
            if end - start > 1:
                return Crowd(self.runs[start:end], end == len(self.runs))
        return None


def merged(runs: Sequence[Run], low: int = 0, high: int = PREFIXES) -> Iterator[list[bytes]]:
    """The entries of several runs in one order, part by part; of one id, the newest run's.

    Args:
        runs: the newest first.
        low: the number of the first four bytes of an id at which to begin.
        high: and before which to end.
    """
    entries = sum(run.count for run in runs)
    # Ids are hashes: parts of equal width hold about equally many.
    bits = min((entries // _PART).bit_length(), max((run.fan_bits for run in runs), default=0))
    width = PREFIXES >> bits
    for start in range(low - low % width, high, width):
        part = max(low, start), min(high, start + width)
        found = [run.part(*part) for run in reversed(runs)]
        if len(found) == 1:
            yield found[0]
        else:
            newest = {entry[:32]: entry for each in found for entry in each}
            yield sorted(newest.values())


def without_packed(parts: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    """The entries that say something where nothing older is left for them to hide."""
    for entries in parts:
        yield [entry for entry in entries if not is_packed(entry)]
