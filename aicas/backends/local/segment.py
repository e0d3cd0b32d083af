"""One file of the log: opened, read at a place, appended to, flushed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from aicas.backends.local import files
from aicas.backends.local.group import (
    SEGMENT_HEADER_BYTES,
    DamagedRegion,
    Group,
    SegmentHeader,
    decode_segment_header,
    read_groups,
)
from aicas.errors import Damaged, StorageFailed

_GENERATION_BITS = 16


def file_id(sequence: int, generation: int) -> int:
    """The number by which an index names a segment file; a rewritten segment gets a new one."""
    return sequence << _GENERATION_BITS | generation


def segment_name(identity: int) -> str:
    """The file name of a segment: its sequence, and its generation once it was rewritten."""
    sequence, generation = identity >> _GENERATION_BITS, identity & (1 << _GENERATION_BITS) - 1
    return f"{sequence:08d}.{generation:04d}.seg" if generation else f"{sequence:08d}.seg"


def list_segments(folder: Path) -> dict[int, int]:
    """Each sequence's newest file id. An older generation is a leftover of a cut-off rewrite."""
    newest: dict[int, int] = {}
    for path in folder.iterdir():
        parts = path.name.split(".")
        if parts[-1] != "seg" or not all(part.isdigit() for part in parts[:-1]):
            continue
        numbers = [int(part) for part in parts[:-1]]
        identity = file_id(numbers[0], numbers[1] if len(numbers) > 1 else 0)
        newest[numbers[0]] = max(identity, newest.get(numbers[0], 0))
    return dict(sorted(newest.items()))


class Segment:
    """An open segment file. Reading is safe from any thread; appending needs the writer lock."""

    def __init__(self, path: Path, fd: int, header: SegmentHeader) -> None:
        self.path = path
        self.header = header
        self.sequence = header.sequence
        self.id = file_id(header.sequence, header.generation)
        self._fd = fd
        self._flushing = threading.Lock()
        self._flushed = 0
        self._poisoned = False
        self.flushes = 0

    @classmethod
    def open(cls, folder: Path, identity: int) -> Segment:
        """Open an existing segment.

        Raises:
            FileNotFoundError: it was rewritten meanwhile.
            Damaged, UnsupportedFormat: see ``decode_segment_header``.
        """
        path = folder / segment_name(identity)
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            header = decode_segment_header(os.pread(fd, SEGMENT_HEADER_BYTES, 0), path.name)
            if file_id(header.sequence, header.generation) != identity:
                raise Damaged(f"log segment {path.name} says it is another segment")
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, header)

    @classmethod
    def create(cls, folder: Path, sequence: int) -> Segment:
        """Start the next segment, durably, whole or not at all. Needs the writer lock."""
        header = SegmentHeader(sequence, 0, int.from_bytes(os.urandom(4), "little"))
        path = folder / segment_name(file_id(sequence, 0))
        draft = folder / f"{path.name}.new"
        draft.unlink(missing_ok=True)
        fd = files.create_file(draft)
        files.write_all(fd, header.encode(), 0)
        files.flush_file(fd)
        draft.rename(path)
        files.flush_folder(folder)
        return cls(path, fd, header)

    def size(self) -> int:
        """Bytes in the file now; it grows with every commit of any process."""
        return os.fstat(self._fd).st_size

    def groups(self, offset: int) -> Iterator[Group | DamagedRegion]:
        """See ``read_groups``."""
        return read_groups(self._fd, offset, self.header.seed)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at a place; fewer at the end of the file."""
        return os.pread(self._fd, length, offset)

    def append(self, data: bytes, offset: int) -> None:
        """Write a group where the last whole one ends, cutting what a crash left behind it.

        Raises:
            StorageFailed: nothing of it stays, or an unfinished write that readers ignore.
        """
        if self._poisoned:
            raise StorageFailed("an earlier flush of the log failed", hint="reopen the store")
        try:
            if self.size() != offset:
                os.ftruncate(self._fd, offset)
            files.write_all(self._fd, data, offset)
        except OSError as error:
            self._cut(offset)
            raise StorageFailed(f"cannot write to the log: {error.strerror}") from error

    def _cut(self, offset: int) -> None:
        try:
            os.ftruncate(self._fd, offset)
        except OSError:
            return  # the unfinished write stays; the next writer cuts it

    def seal(self, data: bytes, offset: int) -> None:
        """Append the last group and flush; even after a failed flush, so that others move on.

        Raises:
            StorageFailed: the segment is as it was.
        """
        try:
            os.ftruncate(self._fd, offset)
            files.write_all(self._fd, data, offset)
            files.flush_file(self._fd)
        except OSError as error:
            self._cut(offset)
            raise StorageFailed(f"cannot seal a log segment: {error.strerror}") from error

    def flush(self, upto: int) -> None:
        """Return once everything before ``upto`` is durable; threads share one flush.

        Raises:
            StorageFailed: the flush failed. It is never tried again on this segment: the system
                may already have dropped the pages (Rebello et al., "Can Applications Recover
                from fsync Failures?", USENIX ATC 2020).
        """
        with self._flushing:
            if self._poisoned:
                raise StorageFailed("an earlier flush of the log failed", hint="reopen the store")
            if self._flushed >= upto:
                return
            size = self.size()
            try:
                files.flush_file(self._fd)
            except OSError as error:
                self._poisoned = True
                raise StorageFailed(f"cannot flush the log: {error.strerror}") from error
            self.flushes += 1
            self._flushed = size

    @property
    def poisoned(self) -> bool:
        """Whether a flush failed, so that nothing may be appended any more."""
        return self._poisoned

    def __del__(self) -> None:
        # Not closed by hand: another thread may be reading, and the number would be reused.
        os.close(self._fd)
