"""Frames of many objects, made in other threads while more come in."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

from aicas.ids import ObjectId
from aicas.objects.codec import encode_frames

# Raw bytes that are given to a thread at once: some milliseconds of work.
_AT_ONCE = 1 << 20
_MOST_THREADS = 4


class BackgroundEncoder:
    """Takes objects and gives back their frames. One owner; not safe to share between threads."""

    def __init__(self, *, compress: bool) -> None:
        self._compress = compress
        self._threads = ThreadPoolExecutor(
            max(1, min(_MOST_THREADS, (os.cpu_count() or 1) - 1)), "aicas-encoder"
        )
        self.forget()

    def forget(self) -> None:
        """Begin anew, with nothing taken."""
        self.raw: dict[ObjectId, bytes] = {}
        """The canonical bytes of what was taken."""
        self.raw_bytes = 0
        self._waiting: dict[ObjectId, bytes] = {}
        self._waiting_bytes = 0
        self._given: list[Future[dict[ObjectId, bytes]]] = []

    def add(self, object_id: ObjectId, raw: bytes) -> None:
        """Take an object, if it was not taken before."""
        if object_id in self.raw:
            return
        self.raw[object_id] = self._waiting[object_id] = raw
        self.raw_bytes += len(raw)
        self._waiting_bytes += len(raw)
        if self._waiting_bytes >= _AT_ONCE:
            self._give()

    def _give(self) -> None:
        if self._waiting:
            self._given.append(
                self._threads.submit(encode_frames, self._waiting, compress=self._compress)
            )
            self._waiting, self._waiting_bytes = {}, 0

    def frames(self) -> dict[ObjectId, bytes]:
        """The frames of everything that was taken."""
        self._give()
        made: dict[ObjectId, bytes] = {}
        for given in self._given:
            made.update(given.result())
        return made

    def close(self) -> None:
        """Let the threads go; closing twice is allowed."""
        self._threads.shutdown()
