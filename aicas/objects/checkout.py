"""Restore a stored file, link or whole tree to disk.

Three acts. *Plan*: walk the tree, look at what is already there without following a link, and
refuse before anything is written. *Stage*: write and verify every file in a private folder beside
its destination. *Place*: make folders, move the files in, links last. Content that turns out
damaged is found while staging, so nothing of the restore is visible then.

Every step names one path component relative to an open folder, so a link put in the way is met
as a link and never followed.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aicas.errors import Damaged, InvalidInput, StorageFailed
from aicas.ids import BlobId, TreeId
from aicas.objects import disk
from aicas.objects.tree import (
    Entry,
    EntryKind,
    Tree,
    check_link_size,
    check_link_target,
    walk_with_folders,
)

ReadTree = Callable[[TreeId], Tree]
StreamBlob = Callable[[BlobId, int], Iterator[bytes]]
"""A blob's content, verified by the time it is exhausted. The ``int`` is its length."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One file or link to place, and whether something of that name stands there now."""

    folder: tuple[str, ...]
    name: str
    entry: Entry
    replaces: bool


def restore(
    entry: Entry,
    destination: Path,
    *,
    read_tree: ReadTree,
    stream_blob: StreamBlob,
    overwrite: bool = False,
) -> int:
    """Make ``destination`` what ``entry`` holds: a folder for a tree, otherwise a file or link.

    Files get exactly the mode 0644 or 0755, new folders 0755, at any umask. What already has
    the same content is left alone; files in a folder that the tree does not name stay. Missing
    parent folders are created.

    Returns:
        how many files and links were written.

    Raises:
        InvalidInput: something else stands at a path to be written and ``overwrite`` is off, or
            a folder would have to be a file, a file a folder, or a folder is a link. Nothing was
            written.
        Damaged: an object is not what its id says. Nothing was written.
        StorageFailed: the file system refused; files already in place stay.
    """
    if entry.kind is not EntryKind.TREE and destination.name in ("", ".."):
        raise InvalidInput(f"{str(destination)!a} does not name a file")
    try:
        plan = _plan(entry, destination, read_tree, overwrite=overwrite)
        if plan.folders or plan.items or not plan.root.is_dir():
            with _created(plan.root, plan.flags) as root:
                _stage_and_place(root, plan, stream_blob)
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename is not None else str(destination)
        raise StorageFailed(f"cannot restore to {where!a}: {error.strerror or error}") from error
    return len(plan.items)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be made below ``root``, and how that may be opened."""

    root: Path
    flags: int
    folders: list[tuple[str, ...]] = field(default_factory=list)
    items: list[_Item] = field(default_factory=list)

    def add(self, there: disk.Looker, path: str, entry: Entry, *, overwrite: bool) -> None:
        """Judge one entry against what is there."""
        *parents, name = path.split("/")
        folder = tuple(parents)
        if entry.kind is EntryKind.TREE:
            if there.is_free_for_folder(folder, name):
                self.folders.append((*folder, name))
            return
        state = there.compare(folder, name, entry)
        if state is disk.Found.SAME:
            return
        shown = str(self.root / path)
        if state is disk.Found.FOLDER:
            raise InvalidInput(f"{shown!a} is a folder; a file is to be written there")
        if state is disk.Found.OTHER and not overwrite:
            raise InvalidInput(
                f"{shown!a} already exists and differs; nothing was written",
                hint="restore elsewhere, or replace it with --overwrite",
            )
        self.items.append(_Item(folder, name, entry, replaces=state is disk.Found.OTHER))


def _plan(entry: Entry, destination: Path, read_tree: ReadTree, *, overwrite: bool) -> _Plan:
    if entry.kind is EntryKind.TREE:
        plan = _Plan(destination, disk.OPEN_REAL_FOLDER)
        with disk.Looker(plan.root, plan.flags) as there:
            for path, found in walk_with_folders(TreeId(entry.id), read_tree):
                plan.add(there, path, found, overwrite=overwrite)
    else:
        # The caller named this folder only by naming a file in it, through links or not.
        plan = _Plan(destination.parent, disk.OPEN_FOLDER)
        with disk.Looker(plan.root, plan.flags) as there:
            plan.add(there, destination.name, entry, overwrite=overwrite)
    return plan


@contextmanager
def _created(root: Path, flags: int) -> Iterator[int]:
    """A descriptor of ``root``, made with its parents if need be and removed again on failure."""
    made: list[Path] = []
    path = root
    while not os.path.lexists(path):
        made.append(path)
        path = path.parent
    try:
        for folder in reversed(made):
            folder.mkdir()
            folder.chmod(disk.FOLDER_MODE)
        descriptor = os.open(root, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except BaseException:
        for folder in made:
            # A folder that is not empty holds what was placed before the failure.
            with suppress(OSError):
                folder.rmdir()
        raise


def _stage_and_place(root: int, plan: _Plan, stream_blob: StreamBlob) -> None:
    staging = f".aicas-restore-{secrets.token_hex(8)}"
    os.mkdir(staging, 0o700, dir_fd=root)
    try:
        with disk.opened(staging, disk.OPEN_REAL_FOLDER, root) as staged:
            for number, item in enumerate(plan.items):
                _write(staged, str(number), item.entry, stream_blob)
            for folder in plan.folders:
                disk.make_folder(root, folder)
            # Links last: no file is placed while a link of this restore could be in its way.
            numbered = list(enumerate(plan.items))
            numbered.sort(key=lambda pair: pair[1].entry.kind is EntryKind.SYMLINK)
            for number, item in numbered:
                with disk.folder_below(root, item.folder) as target:
                    disk.place(staged, str(number), target, item.name, replace=item.replaces)
    finally:
        shutil.rmtree(staging, dir_fd=root)


def _write(folder: int, name: str, entry: Entry, stream_blob: StreamBlob) -> None:
    if entry.kind is EntryKind.SYMLINK:
        os.symlink(_link_target(entry, stream_blob), name, dir_fd=folder)
        return
    with disk.opened(name, disk.CREATE, folder) as descriptor:
        for piece in stream_blob(BlobId(entry.id), entry.size):
            disk.write_all(descriptor, piece)
        os.fchmod(descriptor, disk.PERMISSIONS[entry.kind])


def _link_target(entry: Entry, stream_blob: StreamBlob) -> str:
    try:
        check_link_size(entry.size)
        return check_link_target(b"".join(stream_blob(BlobId(entry.id), entry.size)))
    except InvalidInput as error:
        raise Damaged(str(error), object_id=entry.id) from error
