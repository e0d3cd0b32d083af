"""Leases of a store in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from aicas.backends.base import LeaseState, Left, Taken
from aicas.backends.leases import Watch, Word, check_lease, check_outcome
from aicas.ids import ObjectId


@dataclass(slots=True)
class _Entry:
    epoch: int = 0
    holder: MemoryLease | None = None
    word: Word | None = None


@dataclass(slots=True, eq=False)
class MemoryLease:
    """A lease on something in this process. See ``Lease``."""

    owner: MemoryLeases
    name: str
    epoch: int
    needs: tuple[ObjectId, ...]
    lifetime: float
    beats: int = 0
    process: int = field(default_factory=os.getpid)

    def renew(self) -> bool:
        """See ``Lease.renew``."""
        return self.owner.renew(self)

    def release(self, outcome: bytes | None = None) -> None:
        """See ``Lease.release``."""
        check_outcome(outcome)
        self.owner.release(self, outcome)


class MemoryLeases:
    """The leases of a store in memory. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watch = Watch()
        self._entries: dict[str, _Entry] = {}

    def lease(
        self, name: str, needs: Collection[ObjectId], waited_on: int | None, lifetime: float
    ) -> MemoryLease | Taken | Left:
        """See ``Backend.lease``."""
        check_lease(name, lifetime)
        with self._lock:
            entry = self._entries.setdefault(name, _Entry())
            if entry.word and entry.word.is_for(waited_on):
                return Left(entry.word.outcome)
            held = entry.holder
            if held and held.process == os.getpid():
                sign = held.epoch, held.beats
                if not self._watch.sees_silent(name, sign, held.lifetime):
                    return Taken(held.epoch)
            self._watch.forget(name)
            entry.epoch += 1
            entry.holder = MemoryLease(self, name, entry.epoch, tuple(needs), lifetime)
            return entry.holder

    def renew(self, lease: MemoryLease) -> bool:
        """Count a sign of life of a holder; false if it is none any more."""
        with self._lock:
            lease.beats += 1
            return self._holds(lease)

    def release(self, lease: MemoryLease, outcome: bytes | None) -> None:
        """Free what a holder held, if it still did."""
        with self._lock:
            if not self._holds(lease):
                return
            entry = self._entries[lease.name]
            entry.holder = None
            if outcome is None:
                del self._entries[lease.name]
            else:
                entry.word = Word(lease.epoch, outcome)

    def _holds(self, lease: MemoryLease) -> bool:
        entry = self._entries.get(lease.name)
        return entry is not None and entry.holder is lease and lease.process == os.getpid()

    def leases(self) -> list[LeaseState]:
        """See ``Backend.leases``."""
        with self._lock:
            held = [entry.holder for entry in self._entries.values() if entry.holder]
        here = os.getpid()
        return [LeaseState(h.name, h.epoch, h.needs) for h in held if h.process == here]

    def forget(self) -> None:
        """Drop what is known of leases that nobody holds."""
        with self._lock:
            self._entries = {n: entry for n, entry in self._entries.items() if entry.holder}
