"""One file of the log: opened, read at a place, appended to, flushed."""

from __future__ import annotations

import errno
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
)
from aicas.backends.local.scan import read_groups
from aicas.errors import Damaged, StorageFailed

GENERATION_BITS = 16
_USUAL_RECORD = 1 << 20


def file_id(sequence: int, generation: int) -> int:
    """The number by which an index names a segment file; a rewritten segment gets a new one."""
    return sequence << GENERATION_BITS | generation


def segment_name(identity: int) -> str:
    """The file name of a segment: its sequence, and its generation once it was rewritten."""
    sequence, generation = identity >> GENERATION_BITS, identity & (1 << GENERATION_BITS) - 1
    return f"{sequence:08d}.{generation:04d}.seg" if generation else f"{sequence:08d}.seg"


def list_segments(folder: Path) -> dict[int, int]:
    """Each sequence's newest file id. An older generation is a leftover of a cut-off rewrite.

    Raises:
        StorageFailed: the folder cannot be read.
    """
    newest: dict[int, int] = {}
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise StorageFailed(f"cannot list {folder}: {error.strerror}") from error
    for name in names:
        parts = name.split(".")
        if parts[-1] != "seg" or not all(part.isdecimal() for part in parts[:-1]):
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

    @classmethod
    def open(cls, folder: Path, identity: int) -> Segment:
        """Open an existing segment.

        Raises:
            FileNotFoundError: it was rewritten meanwhile.
            Damaged, UnsupportedFormat: see ``decode_segment_header``.
            StorageFailed: it cannot be read.
        """
        path = folder / segment_name(identity)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageFailed(f"cannot open log segment {path}: {error.strerror}") from error
        try:
            header = decode_segment_header(_read(fd, SEGMENT_HEADER_BYTES, 0), path.name)
            if file_id(header.sequence, header.generation) != identity:
                raise Damaged(f"log segment {path.name} says it is another segment")
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, header)

    @classmethod
    def create(cls, folder: Path, sequence: int) -> None:
        """Start the next segment, durably, whole or not at all. Needs the writer lock.

        Raises:
            StorageFailed: the disk refused, or there is such a segment.
        """
        header = SegmentHeader(sequence, 0, int.from_bytes(os.urandom(4), "little"))
        path = folder / segment_name(file_id(sequence, 0))
        draft = folder / f"{path.name}.new"
        try:
            draft.unlink(missing_ok=True)
            fd = files.create_file(draft)
            try:
                files.write_all(fd, header.encode(), 0)
                files.flush_file(fd)
            finally:
                os.close(fd)
            if path.exists():
                raise FileExistsError(errno.EEXIST, f"{path.name} is there already")
            draft.rename(path)
            files.flush_folder(folder)
        except OSError as error:
            raise StorageFailed(f"cannot start a log segment: {error.strerror}") from error

    def size(self) -> int:
        """Bytes in the file now; it grows with every commit of any process."""
        return os.fstat(self._fd).st_size

    def groups(self, offset: int) -> Iterator[Group | DamagedRegion]:
        """See ``read_groups``.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            yield from read_groups(self._fd, offset, self.header.seed)
        except OSError as error:
            raise StorageFailed(f"cannot read {self.path}: {error.strerror}") from error

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at a place; fewer at the end of the file.

        Raises:
            StorageFailed: the disk refused.
        """
        if length > _USUAL_RECORD:  # before so much is allocated for what an index claims
            length = max(min(length, self.size() - offset), 0)
        return _read(self._fd, length, offset)

    def append(self, data: bytes, offset: int) -> None:
        """Write a group where the last whole one ends, cutting what a crash left behind it.

        Raises:
            StorageFailed: nothing of it stays, or an unfinished write that readers ignore.
        """
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
        """Append the last group and flush; even after a failed flush, so that commits go on.

        Raises:
            StorageFailed: the segment is as it was.
        """
        with self._flushing:
            try:
                os.ftruncate(self._fd, offset)
                files.write_all(self._fd, data, offset)
                self._flush()
            except OSError as error:
                self._cut(offset)
                raise StorageFailed(f"cannot seal a log segment: {error.strerror}") from error

    def flush(self, upto: int) -> bool:
        """Return once everything before ``upto`` is durable; threads share one flush.

        Returns:
            Whether this call made the flush.

        Raises:
            StorageFailed: the flush failed. It is never tried again on this segment: the system
                may already have dropped the pages (Rebello et al., "Can Applications Recover
                from fsync Failures?", USENIX ATC 2020).
        """
        with self._flushing:
            if self._flushed >= upto:
                return False
            if self._poisoned:
                raise StorageFailed("an earlier flush of the log failed")
            try:
                self._flush()
            except OSError as error:
                raise StorageFailed(f"cannot flush the log: {error.strerror}") from error
            return True

    def _flush(self) -> None:
        size = self.size()
        try:
            files.flush_file(self._fd)
        except OSError:
            # The error is told once; a later flush would succeed without the lost pages.
            self._poisoned = True
            raise
        self._flushed = size

    @property
    def poisoned(self) -> bool:
        """Whether a flush failed, so that nothing may be appended any more."""
        return self._poisoned

    def __del__(self) -> None:
        # Not closed by hand: another thread may be reading, and the number would be reused.
        os.close(self._fd)


def _read(fd: int, length: int, offset: int) -> bytes:
    try:
        return os.pread(fd, length, offset)
    except (OSError, OverflowError) as error:
        raise StorageFailed(f"cannot read a log segment: {error}") from error
