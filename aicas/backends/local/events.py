"""Events beside the log: one file a day, one line an event, each line with its own checksum.

A batch is written and flushed under a lock of its own, so events never wait for commits nor
commits for events. A crash leaves whole lines and at most one unfinished last line, which readers
leave out and the next writer cuts.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from aicas.backends.base import Fault
from aicas.backends.events import MAX_EVENT_BYTES, check_events, day_of
from aicas.backends.local import files
from aicas.errors import StorageFailed

FOLDER = "events"
_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.events")
_CHECKSUM_CHARACTERS = 8
_MAX_LINE = _CHECKSUM_CHARACTERS + 1 + MAX_EVENT_BYTES + 1
_TAIL = 64 << 10
_REMEDY = "its lookups are lost to the books; delete the line, and the rest stays"


def encode_line(event: bytes) -> bytes:
    """The line of one event: the CRC-32 of its bytes, a space, the bytes, a line break."""
    return b"%08x %s\n" % (zlib.crc32(event), event)


def decode_line(line: bytes) -> bytes | None:
    """The event of a whole line; ``None`` if the line is damaged."""
    event = line[_CHECKSUM_CHARACTERS + 1 : -1]
    return event if event and encode_line(event) == line else None


class EventFiles:
    """The event files of one store. Safe for many threads and processes.

    It keeps nothing open or locked between calls, so a forked child may go on using it.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder = store / FOLDER

    def record(self, at: int, events: Sequence[bytes]) -> None:
        """See ``Backend.record``."""
        check_events(events)
        path = self._folder / f"{day_of(at)}.events"
        if not events:
            return
        with files.FileLock(self._store / "events.lock").held():
            try:
                self._append(path, b"".join(map(encode_line, events)))
            except OSError as error:
                raise StorageFailed(f"cannot record events: {error.strerror}") from error

    def _append(self, path: Path, data: bytes) -> None:
        if not path.exists():
            files.create_folder(self._folder)
            files.flush_folder(self._store)
            files.ensure_file(path)
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            end = _cut_unfinished(fd)
            try:
                files.write_all(fd, data, end)
                files.flush_file(fd)
                if end == 0:  # also when a crash came between the making of the file and this
                    files.flush_folder(self._folder)
            except OSError:
                # The caller will try again: what came through must not be counted twice.
                with suppress(OSError):
                    os.ftruncate(fd, end)
                raise
        finally:
            os.close(fd)

    def recorded(self, since: int) -> Iterator[bytes]:
        """See ``Backend.recorded``."""
        first = f"{day_of(since)}.events"
        for name in self._names():
            if name >= first:
                yield from (event for event in self._events(name) if event is not None)

    def check(self) -> Iterator[Fault]:
        """One fault for each file with damaged lines; an unfinished last line is none."""
        for name in self._names():
            lines = enumerate(self._events(name), 1)
            first, count = 0, 0
            for number, event in lines:
                if event is None:
                    first, count = first or number, count + 1
            if count:
                where = f"line {first}" if count == 1 else f"{count} lines from line {first} on"
                yield Fault(f"{FOLDER}/{name}: {where} damaged: {_REMEDY}")

    def _names(self) -> list[str]:
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailed(f"cannot list {self._folder}: {error.strerror}") from error
        return sorted(filter(_NAME.fullmatch, names))

    def _events(self, name: str) -> Iterator[bytes | None]:
        """What each whole line of a file holds, ``None`` for a damaged one."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._folder / name, flags), "rb") as file:
                yield from _read_lines(file)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageFailed(f"cannot read {FOLDER}/{name}: {error.strerror}") from error


def _read_lines(file: BinaryIO) -> Iterator[bytes | None]:
    while line := file.readline(_MAX_LINE):
        whole = line
        while whole and not whole.endswith(b"\n"):  # too long for an event, or unfinished
            whole = file.readline(_MAX_LINE)
        if whole:
            yield decode_line(line)


def _cut_unfinished(fd: int) -> int:
    """Cut what a crash left behind the last line break; returns the size that stays."""
    size = end = os.fstat(fd).st_size
    while end:
        start = max(end - _TAIL, 0)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        end = start if found < 0 else start + found + 1
        if found >= 0:
            break
    if end != size:
        os.ftruncate(fd, end)
    return end
