"""The few file system calls a restore is made of, none of which follows a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Self

from aicas.errors import InvalidInput
from aicas.ids import BlobHasher
from aicas.objects.tree import Entry, EntryKind

FOLDER_MODE = 0o755
PERMISSIONS = {EntryKind.FILE: 0o644, EntryKind.EXECUTABLE: 0o755}

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPEN_REAL_FOLDER = OPEN_FOLDER | os.O_NOFOLLOW
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1024 * 1024
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Found(Enum):
    """What stands at a path that is to be written."""

    NOTHING = auto()
    SAME = auto()
    OTHER = auto()
    FOLDER = auto()


@contextmanager
def opened(name: str, flags: int, folder: int) -> Iterator[int]:
    """A descriptor of ``name`` in ``folder``; a file made by it is private until told else."""
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def folder_below(root: int, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of a folder below ``root``; a link on the way is an ``OSError``."""
    descriptor = os.dup(root)
    try:
        for part in parts:
            below = os.open(part, OPEN_REAL_FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def make_folder(root: int, parts: tuple[str, ...]) -> None:
    """Make one folder whose parent is there; one that appeared meanwhile will do."""
    with folder_below(root, parts[:-1]) as parent:
        try:
            os.mkdir(parts[-1], FOLDER_MODE, dir_fd=parent)
        except FileExistsError:
            return
        with opened(parts[-1], OPEN_REAL_FOLDER, parent) as made:
            os.fchmod(made, FOLDER_MODE)


def place(source: int, staged: str, folder: int, name: str, *, replace: bool) -> None:
    """Move a finished file or link to its name, in one step.

    Raises:
        FileExistsError: something took the name meanwhile, and it is not to be replaced.
    """
    if replace:
        os.replace(staged, name, src_dir_fd=source, dst_dir_fd=folder)
        return
    try:
        os.link(staged, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Without hard links, take the name with an empty file and move over what is then ours.
        os.close(os.open(name, CREATE, 0o600, dir_fd=folder))
        os.replace(staged, name, src_dir_fd=source, dst_dir_fd=folder)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a single ``write`` may take fewer."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class Looker:
    """Compares what is at a destination with what is to be there, and changes nothing.

    Args:
        root: the folder that paths are relative to; it need not exist.
        flags: how to open it, ``OPEN_REAL_FOLDER`` to refuse a link.
    """

    def __init__(self, root: Path, flags: int) -> None:
        self._flags = flags
        self._root: int | None = None
        self._path = root
        self._absent: set[tuple[str, ...]] = set()

    def __enter__(self) -> Self:
        try:
            self._root = os.open(self._path, self._flags)
        except OSError as error:
            if self._flags & os.O_NOFOLLOW and self._path.is_symlink():
                raise InvalidInput(
                    f"{str(self._path)!a} is a symbolic link, which is not followed",
                    hint="name the folder it points to",
                ) from error
            if isinstance(error, NotADirectoryError):
                raise InvalidInput(f"{str(self._path)!a} is not a folder") from error
            if not isinstance(error, FileNotFoundError):
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._root is not None:
            os.close(self._root)

    def is_free_for_folder(self, parents: tuple[str, ...], name: str) -> bool:
        """Whether a folder is to be made there; false if it is there already.

        Raises:
            InvalidInput: a file or link stands there. It is never replaced by a folder.
        """
        with self._look(parents, name) as (_, mode):
            if mode is None:
                self._absent.add((*parents, name))
                return True
        if not stat.S_ISDIR(mode):
            what = "a symbolic link, which is not followed" if stat.S_ISLNK(mode) else "a file"
            shown = str(self._path.joinpath(*parents, name))
            raise InvalidInput(f"{shown!a} is {what}; a folder is to be there")
        return False

    def compare(self, parents: tuple[str, ...], name: str, entry: Entry) -> Found:
        """What stands at the path of a file or link."""
        with self._look(parents, name) as (folder, mode):
            if mode is None:
                return Found.NOTHING
            if stat.S_ISDIR(mode):
                return Found.FOLDER
            return Found.SAME if _is_same(folder, name, mode, entry) else Found.OTHER

    @contextmanager
    def _look(self, parents: tuple[str, ...], name: str) -> Iterator[tuple[int, int | None]]:
        """The folder's descriptor and the mode of ``name`` in it, ``None`` if there is none."""
        if self._root is None or parents in self._absent:
            yield -1, None
            return
        with folder_below(self._root, parents) as folder:
            mode = None
            with suppress(FileNotFoundError):
                mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            yield folder, mode


def _is_same(folder: int, name: str, mode: int, entry: Entry) -> bool:
    if stat.S_ISLNK(mode):
        target = os.fsencode(os.readlink(name, dir_fd=folder))
        return entry.kind is EntryKind.SYMLINK and _hash([target]) == entry.id
    executable = bool(mode & stat.S_IXUSR)
    if not stat.S_ISREG(mode) or executable is not (entry.kind is EntryKind.EXECUTABLE):
        return False
    if entry.kind is EntryKind.SYMLINK:
        return False
    try:
        with opened(name, _READ, folder) as descriptor:
            if os.fstat(descriptor).st_size != entry.size:
                return False
            return _hash(iter(lambda: os.read(descriptor, _PIECE), b"")) == entry.id
    except PermissionError:
        return False


def _hash(pieces: Iterator[bytes] | list[bytes]) -> bytes:
    hasher = BlobHasher()
    for piece in pieces:
        hasher.update(piece)
    return hasher.id()
