"""A disk that fails on command, under the local backend's own system calls."""

from __future__ import annotations

import errno
import os

import pytest


class FaultyDisk:
    """Full, failing to flush, or failing to read; whole again after ``heal``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._room: int | None = None
        self._bad_flushes = 0
        self._unreadable = False
        self.flushes = 0
        self._real = {name: getattr(os, name) for name in ("pwrite", "fdatasync", "pread")}
        for name in self._real:
            monkeypatch.setattr(os, name, getattr(self, name))

    def full_after(self, count: int) -> None:
        """Take only so many bytes more."""
        self._room = count

    def fail_flushes(self, count: int) -> None:
        """Fail the next flushes."""
        self._bad_flushes = count

    def fail_reads(self) -> None:
        """Fail every read."""
        self._unreadable = True

    def heal(self) -> None:
        """Work again."""
        self._room, self._bad_flushes, self._unreadable = None, 0, False

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        if self._room is None:
            return int(self._real["pwrite"](fd, data, offset))
        if self._room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written: int = self._real["pwrite"](fd, data[: self._room], offset)
        self._room -= written
        return written

    def fdatasync(self, fd: int) -> None:
        if self._bad_flushes:
            self._bad_flushes -= 1
            raise OSError(errno.EIO, "Input/output error")
        self.flushes += 1
        self._real["fdatasync"](fd)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        if self._unreadable:
            raise OSError(errno.EIO, "Input/output error")
        found: bytes = self._real["pread"](fd, length, offset)
        return found
