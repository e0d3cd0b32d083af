"""Keeping a store within its size: when to look, by how much it may be over, how much to drop.

A put must not count the whole store. What the last exact count found is kept as a memo, with what
the medium held then; the medium's growth since, by whichever process, is added to it. That growth
holds more than objects, so the estimate is rather too high, and before anything is dropped there
is a count. A process that puts little beside the room that is left need not even look: it does
when what it put itself could be a sixteenth of that room, so that as many processes as that
together stay within it.

One batch is dropped at a time, down to a sixteenth below the limit: planning that is paid once
for many puts. Where nothing more may go, the next attempt comes when the store has grown by
another batch.
"""

from __future__ import annotations

from typing import NamedTuple

from aicas import canonical
from aicas.backends.base import Backend
from aicas.errors import Damaged

_SHARE = 16
_MEMO = "size"
# What a put adds besides its payload: a snapshot, trees and what frames them.
_PUT_BYTES = 4_096


def batch_bytes(limit: int) -> int:
    """How much room one batch makes, and by how much a store may be over its limit meanwhile."""
    return max(limit // _SHARE, 1)


class Counted(NamedTuple):
    """What the last exact count found."""

    stored_bytes: int
    used_bytes: int
    """What the medium held then."""
    next_bytes: int = 0
    """The size at which dropping is tried again, because nothing more could go; 0 for any."""
    kept_up_at: int = 0
    """When the upkeep of the store was last seen to."""


class SizeWatch:
    """What one process knows of the size of a store. Safe for many threads."""

    def __init__(self, backend: Backend, limit: int) -> None:
        self._backend = backend
        self._room = 0
        self.limit = limit
        self.batch = batch_bytes(limit)

    def spend(self, put_bytes: int) -> bool:
        """Note that so much was put; tells whether that calls for a look."""
        self._room -= put_bytes + _PUT_BYTES
        return self._room < 0

    def look(self, now: int) -> Counted:
        """What the store takes now, as an estimate that is rather too high than too low."""
        last = self._last() or self.count(kept_up_at=now)
        used = self._backend.used_bytes()
        estimate = max(last.stored_bytes + used - last.used_bytes, 0)
        self._room = max(self.level(last) - estimate, 0) // _SHARE
        return last._replace(stored_bytes=estimate, used_bytes=used)

    def level(self, counted: Counted) -> int:
        """The size above which something is to be done."""
        return max(self.limit, counted.next_bytes)

    def count(self, *, next_bytes: int = 0, kept_up_at: int) -> Counted:
        """Count what the store holds, and let every process know."""
        used = self._backend.used_bytes()  # first: what comes while this counts is counted twice
        stored = sum(found.stored_bytes for found in self._backend.scan())
        counted = Counted(stored, used, next_bytes, kept_up_at)
        self.note(counted)
        return counted

    def note(self, counted: Counted) -> None:
        """Let every process know of a count."""
        self._backend.remember(_MEMO, canonical.pack(list(counted)))

    def _last(self) -> Counted | None:
        memo = self._backend.memo(_MEMO)
        try:
            numbers = canonical.unpack(memo) if memo else None
        except Damaged:
            return None
        if not isinstance(numbers, list) or len(numbers) != len(Counted._fields):
            return None
        return Counted(*numbers) if all(type(number) is int for number in numbers) else None
