"""Recording lookups without keeping them waiting: a queue, and a thread that empties it.

A lookup costs the appending of a tuple. Within a second of it, a thread encodes what came together
and records it in one durable write, so a crash loses at most the lookups of the last second. Money
is not recorded here: it is part of the operation it was spent on.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from contextlib import suppress
from itertools import groupby
from typing import Final

from aicas.backends.base import Backend
from aicas.clock import DAY
from aicas.errors import AicasError, InvalidInput
from aicas.ledger.events import encode_lookup, lookup_of
from aicas.validity.check import Hit, Miss

FLUSH_SECONDS: Final = 0.5
MAX_WAITING: Final = 250_000
"""Lookups that are kept in memory until they are recorded."""

_Answered = tuple[int, str, str, str | None, Hit | Miss]
_all: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Records lookups of one backend in the background. Safe for many threads.

    A forked child begins with an empty queue: what waited at the fork is its parent's to record.
    What still waits when the interpreter ends, or when nobody holds the recorder any more, is
    recorded then.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._outbox = _Outbox(self._backend)
        self._queue = self._outbox.queue
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._at_end = weakref.finalize(self, self._outbox.end)

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
        if len(self._queue) >= MAX_WAITING and not self._outbox.make_room():
            return
        self._queue.append((at, project, key, session, found))
        if not self._outbox.is_awake:
            self._wake()

    def _wake(self) -> None:
        self._outbox.is_awake = True
        self._outbox.bell.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._outbox.serve, name="aicas-recorder", daemon=True
                    )
                    self._thread.start()

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
        self._at_end()
        if self._thread is not None:
            self._thread.join()
        self._begin()

    def forked(self) -> None:
        """Leave to the parent what is the parent's; for a child process that has just begun."""
        self._at_end.detach()
        self._begin()


class _Outbox:
    """What waits to be recorded. It knows no recorder, so that one nobody holds can go."""

    def __init__(self, backend: Backend) -> None:
        self.queue: deque[_Answered] = deque()
        self.bell = threading.Event()
        self.is_awake = False
        """Whether the bell was rung since the queue was last emptied."""
        self._backend = backend
        self._ended = threading.Event()
        self._emptying = threading.Lock()
        self._refused: list[tuple[int, bytes]] = []
        """The day and the line of events that the medium would not take yet."""
        self._complaint: InvalidInput | None = None

    def serve(self) -> None:
        """Empty the queue a little after each ring of the bell, until the end."""
        while self.bell.wait() and not self._ended.wait(FLUSH_SECONDS):
            # In this order no lookup is left behind: one that comes after rings again.
            self.bell.clear()
            self.is_awake = False
            try:
                self.empty()
            except AicasError:
                self.is_awake = True
                self.bell.set()

    def empty(self) -> None:
        """Record everything that waits.

        Raises:
            StorageFailed: see ``Backend.record``; nothing is lost.
        """
        with self._emptying:
            waiting = self._refused
            while self.queue and len(waiting) < MAX_WAITING:
                lookup = lookup_of(*self.queue.popleft())
                try:
                    waiting.append((lookup.at // DAY, encode_lookup(lookup)))
                except InvalidInput as error:
                    self._complaint = error
            while waiting:
                day, batch = next(groupby(waiting, lambda item: item[0]))
                events = [event for _, event in batch]
                self._backend.record(day * DAY, events)
                del waiting[: len(events)]

    def make_room(self) -> bool:
        """Record what waits, unless that was refused before; tells whether there is room now."""
        if not self._refused:
            with suppress(AicasError):
                self.empty()
        return len(self.queue) < MAX_WAITING

    def complain(self) -> None:
        """Raise what was wrong with lookups that had to be dropped, once."""
        complaint, self._complaint = self._complaint, None
        if complaint is not None:
            raise complaint

    def end(self) -> None:
        """Stop serving, and record what waits if that is possible."""
        self._ended.set()
        self.bell.set()
        with suppress(AicasError):
            self.empty()


def _after_fork() -> None:
    for recorder in list(_all):
        recorder.forked()


os.register_at_fork(after_in_child=_after_fork)
