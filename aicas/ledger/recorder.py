"""Recording lookups without keeping them waiting: a queue, and a thread that empties it.

A lookup costs the appending of a tuple. Within a second of it, a thread encodes what came together
and records it in one durable write, so a crash loses at most the lookups of the last second. Money
is not recorded here: it is part of the operation it was spent on.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from contextlib import suppress
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Final

from aicas.backends.base import Backend
from aicas.clock import DAY
from aicas.errors import AicasError, InvalidInput
from aicas.ledger.events import encode_lookup, lookup_of
from aicas.validity.check import Hit, Miss

FLUSH_SECONDS: Final = 0.5
MAX_WAITING: Final = 250_000
"""Lookups that are kept in memory until they are recorded."""

_BATCH: Final = 10_000
_Answered = tuple[int, str, str, str | None, Hit | Miss]


class Recorder:
    """Records lookups of one backend in the background. Safe for many threads.

    A forked child begins with an empty queue: what waited at the fork is its parent's to record.
    What still waits when the interpreter ends, or when nobody holds the recorder any more, is
    recorded then.
    """

    def __init__(self, backend: Backend) -> None:
        self._outbox = _Outbox(backend)
        # Only told to end: a collector of garbage may run while its thread holds any lock.
        weakref.finalize(self, self._outbox.end).atexit = False

    def record(
        self, at: int, project: str, key: str, session: str | None, found: Hit | Miss
    ) -> None:
        """Take note of a lookup; returns at once and never raises.

        It waits only behind ``MAX_WAITING`` others, until those are recorded; when the medium
        refuses them, it is lost to the books.

        Args:
            at: when, in microseconds since 1970 UTC.
            project: of the stage.
            key: the stage.
            session: the run it belongs to.
            found: the answer.
        """
        outbox = self._outbox
        if len(outbox.queue) >= MAX_WAITING and not outbox.make_room():
            return
        outbox.queue.append((at, project, key, session, found))
        if not outbox.is_awake:
            outbox.wake()

    def flush(self) -> None:
        """Record everything that waits, and return when it is durable.

        Raises:
            StorageFailed: the medium refused; the lookups wait on, and are tried again.
            InvalidInput: lookups that cannot be recorded were dropped since the last call.
        """
        self._outbox.empty()
        self._outbox.complain()

    def close(self) -> None:
        """Record what waits, if that is possible, and stop; closing twice is allowed.

        A lookup that is recorded afterwards begins anew.
        """
        self._outbox.end()
        self._outbox.join()
        self._outbox.begin()


class _Outbox:
    """What waits to be recorded. It knows no recorder, so that one nobody holds can go."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.begin()
        _outboxes.add(self)

    def begin(self) -> None:
        """Start with nothing waiting and no thread; in a forked child, the parent has both."""
        self.queue: deque[_Answered] = deque()
        self.is_awake = False
        """Whether the bell was rung since the queue was last emptied."""
        # Its ``put`` may be called by a collector of garbage at any moment, even in ``get``.
        self._bell: SimpleQueue[bool] = SimpleQueue()
        """Each ring says whether it is the last."""
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._emptying = threading.Lock()
        self._encoded: list[tuple[int, bytes]] = []
        """The day and the line of those that are being recorded, or were refused."""
        self._is_refused = False
        self._complaint: InvalidInput | None = None

    def wake(self) -> None:
        """Have the queue emptied soon."""
        self.is_awake = True
        self._bell.put(False)
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="aicas-recorder", daemon=True)
                with suppress(RuntimeError):  # the interpreter is ending
                    thread.start()
                    self._thread = thread

    def _serve(self) -> None:
        """Empty the queue a little after each ring of the bell, and at the last one."""
        ended = self._bell.get()
        while not ended:
            with suppress(Empty):
                ended = self._bell.get(timeout=FLUSH_SECONDS)
            self.is_awake = False  # before the look, so a lookup that it misses rings again
            try:
                self.empty()
            except AicasError:
                self.is_awake = True
                self._bell.put(False)
            ended = ended or self._bell.get()
        with suppress(AicasError):
            self.empty()

    def empty(self) -> None:
        """Record everything that waits.

        Raises:
            StorageFailed: see ``Backend.record``; nothing is lost.
        """
        with self._emptying:
            try:
                self._record(len(self.queue))
            except AicasError:
                self._is_refused = True
                raise
            self._is_refused = False

    def _record(self, left: int) -> None:
        while left or self._encoded:
            left -= self._encode(min(left, _BATCH - len(self._encoded)))
            while self._encoded:
                self._record_day()

    def _encode(self, count: int) -> int:
        for _ in range(count):
            lookup = lookup_of(*self.queue.popleft())
            try:
                self._encoded.append((lookup.at // DAY, encode_lookup(lookup)))
            except InvalidInput as error:
                self._complaint = error
        return count

    def _record_day(self) -> None:
        day, batch = next(groupby(self._encoded, lambda item: item[0]))
        events = [event for _, event in batch]
        self._backend.record(day * DAY, events)
        del self._encoded[: len(events)]

    def make_room(self) -> bool:
        """Record what waits, unless that was refused before; tells whether there is room now."""
        if not self._is_refused:
            with suppress(AicasError):
                self.empty()
        return len(self.queue) < MAX_WAITING

    def complain(self) -> None:
        """Raise what was wrong with lookups that had to be dropped, once."""
        complaint, self._complaint = self._complaint, None
        if complaint is not None:
            raise complaint

    def end(self) -> None:
        """Have the queue emptied a last time, at once."""
        self._bell.put(True)

    def join(self) -> None:
        """Wait for that."""
        if self._thread is not None:
            self._thread.join()


_outboxes: weakref.WeakSet[_Outbox] = weakref.WeakSet()


def _at_exit() -> None:
    outboxes = list(_outboxes)
    for outbox in outboxes:
        outbox.end()
    for outbox in outboxes:
        outbox.join()


def _after_fork() -> None:
    for outbox in list(_outboxes):
        outbox.begin()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
