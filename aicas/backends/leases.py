"""What the leases of all backends have in common, and those of a store in memory."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from aicas.backends.base import LeaseState, Left, Taken
from aicas.errors import InvalidInput
from aicas.ids import ObjectId

MAX_OUTCOME_BYTES = 64 << 10
_NAME = re.compile("[A-Za-z0-9_-]{1,128}")
_WATCHED_LIMIT = 10_000
_LONGEST_LIFE = 1e9


def check_lease(name: str, lifetime: float) -> str:
    """Return the name of a lease that any backend can grant.

    Raises:
        InvalidInput: a name or lifetime that none can.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"a lease is named by 1 to 128 letters, digits, '-' and '_', not {name[:40]!a}"
        )
    if not 0 <= lifetime <= _LONGEST_LIFE:
        raise InvalidInput(f"a lease cannot live for {lifetime} seconds")
    return name


def check_outcome(outcome: bytes | None) -> None:
    """Refuse an outcome that is too long to be left.

    Raises:
        InvalidInput: it is over ``MAX_OUTCOME_BYTES``.
    """
    if outcome is not None and len(outcome) > MAX_OUTCOME_BYTES:
        raise InvalidInput(f"an outcome is up to {MAX_OUTCOME_BYTES} bytes, not {len(outcome)}")


class Word(NamedTuple):
    """What a holder left for those who waited."""

    epoch: int
    outcome: bytes

    def is_for(self, waited_on: int | None) -> bool:
        """Whether one who has waited since that epoch is to hear it."""
        return waited_on is not None and waited_on <= self.epoch


class Watch:
    """How long the holders of leases have been silent, as seen from this process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[object, float]] = {}

    def sees_silent(self, name: str, sign: object, lifetime: float) -> bool:
        """Look at a lease that is held: has its holder been silent for its lifetime?

        Args:
            name: the lease's.
            sign: differs with every sign of life and every holder. A first look begins the watch.
            lifetime: in seconds.
        """
        now = self._monotonic()
        known = self._seen.get(name)
        if known is not None and known[0] == sign:
            return now - known[1] >= lifetime
        if len(self._seen) >= _WATCHED_LIMIT:
            self._seen.clear()
        self._seen[name] = sign, now
        return False

    def forget(self, name: str) -> None:
        """It has another holder, or none."""
        self._seen.pop(name, None)


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
