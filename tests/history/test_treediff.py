"""Tree changes are exactly the files that differ, found without entering equal folders."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_budget import at_most_lines

from aicas.errors import Damaged
from aicas.history import renames, treediff
from aicas.history.treediff import FileChange, diff_trees
from aicas.ids import BlobId, Kind, TreeId, hash_object
from aicas.names import TreePath
from aicas.objects.tree import (
    EMPTY_TREE,
    Entry,
    EntryKind,
    Tree,
    build_tree,
    decode_tree,
    encode_tree,
    walk,
)

FILE, RUN, LINK = (k.value for k in (EntryKind.FILE, EntryKind.EXECUTABLE, EntryKind.SYMLINK))
Spec = dict[str, bytes | tuple[int, bytes]]


class Shelf:
    """Trees and blobs by id, and which of them were read."""

    def __init__(self) -> None:
        self.trees: dict[TreeId, bytes] = {EMPTY_TREE: encode_tree(Tree({}))}
        self.blobs: dict[BlobId, bytes] = {}
        self.trees_read: list[TreeId] = []
        self.blobs_read: list[BlobId] = []

    def add(self, files: Spec, empty: tuple[str, ...] = ()) -> TreeId:
        entries = {TreePath(p): Entry(EntryKind.TREE.value, EMPTY_TREE, 0) for p in empty}
        for path, spec in files.items():
            mode, content = spec if isinstance(spec, tuple) else (FILE, spec)
            blob = BlobId(hash_object(Kind.BLOB, content))
            self.blobs[blob] = content
            entries[TreePath(path)] = Entry(mode, blob, len(content))
        built = build_tree(entries)
        self.trees |= built.trees
        return built.root

    def tree(self, tree_id: TreeId) -> Tree:
        self.trees_read.append(tree_id)
        return decode_tree(self.trees[tree_id])

    def blob(self, blob_id: BlobId) -> bytes:
        self.blobs_read.append(blob_id)
        return self.blobs[blob_id]

    def diff(self, old: TreeId | None, new: TreeId | None) -> list[FileChange]:
        return diff_trees(old, new, self.tree, self.blob)


def named(changes: list[FileChange]) -> list[tuple[str, str]]:
    return [
        (c.change, f"{c.old_path} -> {c.path} {c.similarity}" if c.old_path else c.path)
        for c in changes
    ]


def text(name: str, lines: int = 20) -> bytes:
    return b"".join(b"%s line %d\n" % (name.encode(), n) for n in range(lines))


SPECS = st.dictionaries(
    st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "d/e/b", "f/a", "f/g/h/b"]),
    st.tuples(
        st.sampled_from([FILE, RUN, LINK]),
        st.sampled_from([b"x", b"y", text("p"), text("p") + b"more\n", text("q")]),
    ),
)


@given(SPECS, SPECS)
def test_applying_the_changes_to_old_gives_new(old: Spec, new: Spec) -> None:
    shelf = Shelf()
    roots = shelf.add(old), shelf.add(new)
    files, wanted = (dict(walk(root, shelf.tree)) for root in roots)
    changes = shelf.diff(*roots)
    for change in changes:
        if change.old is not None:
            assert files.pop(change.old_path or change.path) == change.old
    for change in changes:
        if change.new is not None:
            assert change.path not in files
            files[change.path] = change.new
    assert files == wanted
    assert (changes == []) == (roots[0] == roots[1])


@given(SPECS)
def test_a_tree_against_nothing_is_all_added_or_all_removed(spec: Spec) -> None:
    shelf = Shelf()
    root = shelf.add(spec)
    assert [(c.change, c.path) for c in shelf.diff(None, root)] == [
        ("added", path) for path in sorted(spec)
    ]
    assert [(c.change, c.path) for c in shelf.diff(root, None)] == [
        ("removed", path) for path in sorted(spec)
    ]


def test_only_folders_that_differ_are_entered() -> None:
    shelf = Shelf()
    spec: Spec = {f"d{n}/e{m}/f": text(f"{n} {m}") for n in range(20) for m in range(20)}
    old, new = shelf.add(spec), shelf.add({**spec, "d7/e7/f": b"changed"})
    shelf.trees_read.clear()
    assert named(shelf.diff(old, new)) == [("changed", "d7/e7/f")]
    assert len(shelf.trees_read) == 6
    assert shelf.blobs_read == []


def test_a_mode_alone_is_named_as_such() -> None:
    shelf = Shelf()
    old, new = shelf.add({"run": b"x"}), shelf.add({"run": (RUN, b"x")})
    assert named(shelf.diff(old, new)) == [("mode", "run")]


def test_a_folder_moved_whole_is_its_files_renamed_without_reading_them() -> None:
    shelf = Shelf()
    old = shelf.add({"src/a.py": text("a"), "src/b.py": text("a"), "keep": b"k"})
    new = shelf.add({"lib/b.py": text("a"), "lib/a.py": text("a"), "keep": b"k"})
    assert named(shelf.diff(old, new)) == [
        ("renamed", "src/a.py -> lib/a.py 100"),
        ("renamed", "src/b.py -> lib/b.py 100"),
    ]
    assert shelf.blobs_read == []


def test_a_file_moved_and_edited_is_a_rename_with_its_similarity() -> None:
    shelf = Shelf()
    old = shelf.add({"a.py": text("a"), "other": text("o")})
    new = shelf.add({"b.py": text("a") + text("b", 5), "unlike": text("u")})
    assert named(shelf.diff(old, new)) == [
        ("renamed", "a.py -> b.py 80"),
        ("removed", "other"),
        ("added", "unlike"),
    ]


def test_the_most_alike_pair_wins_and_each_file_is_used_once() -> None:
    shelf = Shelf()
    old = shelf.add({"a": text("a"), "b": text("a", 19) + b"x\n"})
    new = shelf.add({"c": text("a", 19) + b"xy\n", "d": text("z")})
    assert named(shelf.diff(old, new)) == [
        ("removed", "a"),
        ("renamed", "b -> c 98"),
        ("added", "d"),
    ]


def test_empty_files_and_links_are_not_taken_for_renamed_files() -> None:
    shelf = Shelf()
    old = shelf.add({"a": b"", "l": (LINK, b"target")})
    new = shelf.add({"b": b"", "m": b"target"})
    assert {c.change for c in shelf.diff(old, new)} == {"added", "removed"}


def test_a_file_that_becomes_a_folder_is_removed_and_its_files_added() -> None:
    shelf = Shelf()
    old, new = shelf.add({"d": text("d")}), shelf.add({"d/x": b"1", "d/y": b"2"})
    assert named(shelf.diff(old, new)) == [("removed", "d"), ("added", "d/x"), ("added", "d/y")]


def test_an_empty_folder_that_comes_or_goes_is_named() -> None:
    shelf = Shelf()
    old, new = shelf.add({"f": b"1"}), shelf.add({"f": b"1"}, empty=("e/inner",))
    assert named(shelf.diff(old, new)) == [("added", "e/inner")]
    assert named(shelf.diff(new, old)) == [("removed", "e/inner")]


def test_the_search_for_renames_is_bounded() -> None:
    shelf = Shelf()
    rng = random.Random(1)
    noise = [rng.randbytes(3000).replace(b"\r", b"\n") for _ in range(1200)]
    old = shelf.add({f"old/{n}": noise[n] for n in range(600)})
    new = shelf.add({f"new/x{n}": noise[600 + n] for n in range(600)})
    with at_most_lines(700_000):
        assert len(shelf.diff(old, new)) == 1200


def test_reading_for_renames_stops_at_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    old, new = shelf.add({"a": text("a")}), shelf.add({"b": text("a") + b"more\n"})
    monkeypatch.setattr(renames, "_MAX_BYTES_READ", 200)
    assert named(shelf.diff(old, new)) == [("removed", "a"), ("added", "b")]
    assert len(shelf.blobs_read) == 1


def test_large_files_are_recognised_only_when_they_moved_unchanged() -> None:
    shelf = Shelf()
    size = renames.MAX_FILE_BYTES
    old = shelf.add({"a": b"x\n" * (size // 2 + 1), "b": text("b")})
    new = shelf.add({"c": b"x\n" * (size // 2 + 2), "d": text("b")})
    assert named(shelf.diff(old, new)) == [
        ("removed", "a"),
        ("added", "c"),
        ("renamed", "b -> d 100"),
    ]
    assert shelf.blobs_read == []


def test_trees_nested_without_end_are_refused() -> None:
    def endless(tree_id: TreeId) -> Tree:
        below = TreeId(tree_id[:1] + (int.from_bytes(tree_id[1:], "big") + 1).to_bytes(31, "big"))
        return Tree({"d": Entry(EntryKind.TREE.value, below, 0)})

    with pytest.raises(Damaged, match="nested deeper"):
        diff_trees(TreeId(b"a" * 32), TreeId(b"b" * 32), endless, Shelf().blob)


def test_more_differences_than_a_tree_may_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    old, new = shelf.add({"a": b"1", "b": b"1"}), shelf.add({"a": b"2", "b": b"2", "c": b"3"})
    monkeypatch.setattr(treediff, "MAX_ENTRIES", 2)
    with pytest.raises(Damaged, match="more than 2 places"):
        shelf.diff(old, new)
