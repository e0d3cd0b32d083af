"""Which files came, went, moved or changed between two trees.

Folders with equal ids are never entered, so the cost follows what differs. A file that went and
one that came are the same file moved if their content is equal, or alike enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeGuard

from aicas.errors import Damaged
from aicas.history.renames import ReadBlob, find_renames
from aicas.ids import TreeId
from aicas.names import TreePath
from aicas.objects.tree import (
    EMPTY_TREE,
    MAX_DEPTH,
    MAX_ENTRIES,
    Entry,
    EntryKind,
    Tree,
    walk_with_folders,
)

ReadTree = Callable[[TreeId], Tree]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happened to one file, link or empty folder."""

    path: TreePath
    """Where it is now, or was if it is gone."""
    old_path: TreePath | None
    """Where it was, if it was renamed."""
    change: Literal["added", "removed", "renamed", "changed", "mode"]
    old: Entry | None
    new: Entry | None
    similarity: int
    """Per cent of content kept by a rename, 100 for ``mode``, 0 where it was not compared."""


def diff_trees(
    old: TreeId | None, new: TreeId | None, read_tree: ReadTree, read_blob: ReadBlob
) -> list[FileChange]:
    """The changes from ``old`` to ``new`` in path order; ``None`` is a tree with nothing in it.

    A folder is named only when it is empty and the other side has no folder there.

    Raises:
        Damaged: a tree too deep or too large, or whatever the readers find damaged.
    """
    if old == new:
        return []
    left = Tree({}) if old is None else read_tree(old)
    right = Tree({}) if new is None else read_tree(new)
    places = list(islice(_places("", left, right, read_tree), MAX_ENTRIES + 1))
    if len(places) > MAX_ENTRIES:
        raise Damaged(f"trees differ in more than {MAX_ENTRIES} places")
    changes = [_changed(path, a, b) for path, a, b in places if a and b]
    removed = {path: a for path, a, b in places if a and not b}
    added = {path: b for path, a, b in places if b and not a}
    for was, now, similarity in find_renames(removed, added, read_blob):
        entries = removed.pop(was), added.pop(now)
        changes.append(FileChange(now, was, "renamed", *entries, similarity))
    changes += [FileChange(path, None, "removed", a, None, 0) for path, a in removed.items()]
    changes += [FileChange(path, None, "added", None, b, 0) for path, b in added.items()]
    return sorted(changes, key=lambda change: change.path)


def _changed(path: TreePath, old: Entry, new: Entry) -> FileChange:
    if old.id == new.id:
        return FileChange(path, None, "mode", old, new, 100)
    return FileChange(path, None, "changed", old, new, 0)


Place = tuple[TreePath, Entry | None, Entry | None]


def _places(prefix: str, old: Tree, new: Tree, read_tree: ReadTree) -> Iterator[Place]:
    """Where files, links and empty folders differ, and what each side has there."""
    if prefix.count("/") > MAX_DEPTH:
        raise Damaged(f"tree is nested deeper than {MAX_DEPTH} levels")
    for name in sorted(old.keys() | new.keys()):
        before, after, path = old.get(name), new.get(name), TreePath(prefix + name)
        if before == after:
            continue
        if _is_folder(before) and _is_folder(after):
            folders = read_tree(TreeId(before.id)), read_tree(TreeId(after.id))
            yield from _places(path + "/", *folders, read_tree)
        elif before and after and not _is_folder(before) and not _is_folder(after):
            yield path, before, after
        else:
            for there, entry in _leaves(path, before, read_tree):
                yield there, entry, None
            for there, entry in _leaves(path, after, read_tree):
                yield there, None, entry


def _is_folder(entry: Entry | None) -> TypeGuard[Entry]:
    return entry is not None and entry.kind is EntryKind.TREE


def _leaves(
    path: TreePath, entry: Entry | None, read_tree: ReadTree
) -> Iterator[tuple[TreePath, Entry]]:
    """Every file, link and empty folder at or below one entry."""
    if entry is None:
        return
    if not _is_folder(entry) or entry.id == EMPTY_TREE:
        yield path, entry
        return
    for below, inner in walk_with_folders(TreeId(entry.id), read_tree):
        if not _is_folder(inner) or inner.id == EMPTY_TREE:
            yield TreePath(f"{path}/{below}"), inner
