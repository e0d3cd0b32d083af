"""Read a folder from disk into a tree's entries.

Links are stored as links and never followed, folders are walked by descriptor so that swapping
one for a link midway leads nowhere, and what is hashed is what was read: a file that changes
meanwhile is stored as one of the states it was read in. Of a file's mode only whether its owner
may execute it is kept. Empty folders are kept, as empty trees.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from aicas import names
from aicas.errors import InvalidInput, InvalidName
from aicas.names import TreePath
from aicas.objects.intake import PIECE, Intake
from aicas.objects.tree import EMPTY_TREE, MAX_DEPTH, Entry, EntryKind, check_link_target

_OPEN = os.O_RDONLY | os.O_CLOEXEC
_FOLDER = _OPEN | os.O_DIRECTORY
# Without O_NONBLOCK, opening a pipe that took a file's place would hang.
_FILE = _OPEN | os.O_NOFOLLOW | os.O_NONBLOCK


def gather(folder: Path, intake: Intake) -> dict[TreePath, Entry]:
    """Every file, link and empty folder below ``folder``; contents go to ``intake``.

    A store's own folder (``.aicas``) is left out, as git leaves out ``.git``.

    ``folder`` itself may be a link: it was named by the caller.

    Raises:
        InvalidInput: not a folder, unreadable, something that is no file, folder or link, a name
            no tree may hold, or names that collide; the message names it.
    """
    entries: dict[TreePath, Entry] = {}
    try:
        descriptor = os.open(folder, _FOLDER)
    except OSError as error:
        raise _unreadable(str(folder), error) from error
    try:
        _gather_folder(descriptor, "", entries, intake)
    finally:
        os.close(descriptor)
    return entries


def gather_file(path: Path) -> Iterator[bytes]:
    """The content of one regular file, in pieces; a link given as ``path`` is followed.

    Raises:
        InvalidInput: it cannot be read, or is no regular file.
    """
    return _pieces(None, str(path), str(path), os.O_NONBLOCK)


def _gather_folder(
    descriptor: int, prefix: str, entries: dict[TreePath, Entry], intake: Intake
) -> None:
    if prefix.count("/") >= MAX_DEPTH:
        raise InvalidName("path", prefix, f"has more than {MAX_DEPTH} parts")
    found = sorted(name for name in os.listdir(descriptor) if name != names.STORE_FOLDER)
    for name in found:
        names.check_tree_path(prefix + name)
    names.check_collisions(found)
    for name in found:
        path = TreePath(prefix + name)
        try:
            _gather_one(descriptor, name, path, entries, intake)
        except OSError as error:
            raise _unreadable(path, error) from error
    if prefix and not found:
        entries[TreePath(prefix[:-1])] = Entry(EntryKind.TREE.value, EMPTY_TREE, 0)


def _gather_one(
    parent: int, name: str, path: TreePath, entries: dict[TreePath, Entry], intake: Intake
) -> None:
    mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        try:
            _gather_folder(descriptor, path + "/", entries, intake)
        finally:
            os.close(descriptor)
    elif stat.S_ISLNK(mode):
        target = os.fsencode(os.readlink(name, dir_fd=parent))
        try:
            check_link_target(target)
        except InvalidInput as error:
            raise InvalidInput(f"{path!a}: {error}") from error
        entries[path] = Entry(EntryKind.SYMLINK.value, intake.add_blob(target), len(target))
    else:
        blob, size = intake.add_pieces(_pieces(parent, name, path, _FILE))
        kind = EntryKind.EXECUTABLE if mode & stat.S_IXUSR else EntryKind.FILE
        entries[path] = Entry(kind.value, blob, size)


def _pieces(parent: int | None, name: str, shown: str, flags: int) -> Iterator[bytes]:
    try:
        descriptor = os.open(name, _OPEN | flags, dir_fd=parent)
    except OSError as error:
        raise _unreadable(shown, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(f"{shown!a} is not a regular file, a folder or a symbolic link")
        while piece := os.read(descriptor, PIECE):
            yield piece
    except OSError as error:
        raise _unreadable(shown, error) from error
    finally:
        os.close(descriptor)


def _unreadable(path: str, error: OSError) -> InvalidInput:
    return InvalidInput(f"cannot read {path!a}: {error.strerror or error}")
