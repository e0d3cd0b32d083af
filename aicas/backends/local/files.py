"""File system steps that must be durable or private, each done in one place."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aicas.backends.local import unshared
from aicas.errors import StorageFailed

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def flush_file(fd: int) -> None:
    """Make a file's content durable, through the drive's own cache where the system can.

    On macOS ``fsync`` leaves data in the drive; only F_FULLFSYNC (fcntl(2)) flushes it.
    """
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def create_file(path: Path) -> int:
    """A new private file, open for reading and writing; never one that exists or a link."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, PRIVATE_FILE)
    os.fchmod(fd, PRIVATE_FILE)  # the umask may have taken the owner's own bits
    return fd


def ensure_file(path: Path) -> None:
    """Make an empty private file unless there is one."""
    if not path.exists():
        with suppress(FileExistsError):  # another process was first
            os.close(create_file(path))


def create_folder(path: Path) -> None:
    """A private folder; one that exists is left as it is."""
    try:
        path.mkdir(PRIVATE_FOLDER)
    except FileExistsError:
        return
    path.chmod(PRIVATE_FOLDER)


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write every byte at ``offset``; the file may hold a part of them if this raises."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def check_private(path: Path) -> None:
    """Refuse a store folder that other users could have prepared or can change.

    Raises:
        StorageFailed: it is a symbolic link, belongs to another user, or is writable by others.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise StorageFailed(f"{path} is a symbolic link", hint="name the folder it points at")
    if not stat.S_ISDIR(found.st_mode):
        raise StorageFailed(f"{path} is not a folder")
    if found.st_uid != os.geteuid():
        raise StorageFailed(f"{path} belongs to another user (uid {found.st_uid})")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StorageFailed(f"{path} can be written by other users", hint=f"chmod 700 {path}")


class FileLock:
    """One writer at a time, among threads and processes; the system frees it with its holder.

    ``flock`` belongs to an open file description; therefore each acquisition opens the file anew,
    and a forked child does not keep it open.

    Raises:
        StorageFailed: the lock's file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, waiting for it as long as it takes."""
        with self._threads:
            fd = self._open()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                yield
            finally:
                unshared.close_unshared(fd)

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """Hold the lock if it is free now; tells whether it is held."""
        if not self._threads.acquire(blocking=False):
            yield False
            return
        try:
            fd = self._open()
            try:
                yield unshared.try_lock(fd)
            finally:
                unshared.close_unshared(fd)
        finally:
            self._threads.release()

    def _open(self) -> int:
        try:
            try:
                return unshared.open_unshared(self._open_existing)
            except FileNotFoundError:
                ensure_file(self._path)
                return unshared.open_unshared(self._open_existing)
        except OSError as error:
            raise StorageFailed(f"cannot open {self._path}: {error.strerror}") from error

    def _open_existing(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
