"""The log as one process has it open: its segments, found, kept open and flushed."""

from __future__ import annotations

import threading
from pathlib import Path

from aicas.backends.local.segment import Segment, list_segments
from aicas.errors import Damaged

# Each open segment is a file descriptor, of which a process may commonly have 1,024.
_KEPT_OPEN = 64


class Log:
    """The sequence of segments in a folder. Safe for many threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flushes = 0
        self._lock = threading.Lock()
        self._open: dict[int, Segment] = {}

    def newest(self) -> dict[int, int]:
        """Each sequence's file id; see ``list_segments``."""
        return list_segments(self.folder)

    def segment(self, identity: int) -> Segment:
        """The open segment with a file id.

        Raises:
            FileNotFoundError: it was rewritten meanwhile.
            Damaged, UnsupportedFormat, StorageFailed: see ``Segment.open``.
        """
        with self._lock:
            found = self._open.get(identity)
            if found is None:
                if len(self._open) >= _KEPT_OPEN:
                    newest = max(self._open)  # it knows what of it is flushed
                    self._open = {newest: self._open[newest]}
                found = self._open[identity] = Segment.open(self.folder, identity)
            return found

    def next_readable(self, sequence: int) -> tuple[Segment | None, int]:
        """The first segment behind ``sequence``, and the last sequence there is.

        One whose header is damaged is left out, as ``check`` reports; its groups cannot be told
        from anything else without the seed.
        """
        newest = self.newest()
        for number, identity in newest.items():
            if number > sequence:
                try:
                    return self.segment(identity), max(newest)
                except Damaged:
                    continue
                except FileNotFoundError:  # rewritten since it was listed
                    return self.next_readable(sequence)
        return None, max(newest, default=0)

    def flush(self, segment: Segment, upto: int) -> None:
        """See ``Segment.flush``; counts those that were made."""
        if segment.flush(upto):
            with self._lock:
                self.flushes += 1

    def close(self) -> None:
        """Let go of every segment."""
        with self._lock:
            self._open = {}
