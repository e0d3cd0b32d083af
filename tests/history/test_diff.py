"""A diff names what two snapshots differ in: content in its own terms, and how it was made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aicas import canonical
from aicas.history.contentdiff import MAX_TEXT_BYTES
from aicas.history.diff import Diff, KeyChange, Summary, diff_snapshots, diff_views
from aicas.history.metadatadiff import MetadataChange
from aicas.history.valuediff import ValueChange
from aicas.ids import BlobId, Kind, SnapshotId, TreeId, hash_object
from aicas.names import Key
from aicas.objects.payload import BINARY, TEXT, TREE, VALUE
from aicas.objects.snapshot import Input, PayloadRef, Snapshot
from aicas.objects.tree import Entry, EntryKind, Tree, build_tree, decode_tree


class Shelf:
    """Blobs and trees by id; makes snapshots of payloads."""

    def __init__(self) -> None:
        self.blobs: dict[BlobId, bytes] = {}
        self.trees: dict[TreeId, bytes] = {}
        self.reads = 0

    def tree(self, tree_id: TreeId) -> Tree:
        self.reads += 1
        return decode_tree(self.trees[tree_id])

    def blob(self, blob_id: BlobId) -> bytes:
        self.reads += 1
        return self.blobs[blob_id]

    def put(self, payload: Any, media_type: str | None = None, **fields: Any) -> Snapshot:
        if (
            isinstance(payload, dict)
            and payload
            and isinstance(next(iter(payload.values())), bytes)
        ):
            ref = self.put_files(payload)
        elif isinstance(payload, str):
            ref = self.put_blob(payload.encode(), media_type or TEXT)
        elif isinstance(payload, bytes):
            ref = self.put_blob(payload, media_type or BINARY)
        else:
            ref = self.put_blob(canonical.pack(payload), VALUE)
        return Snapshot(key="k", created_at=0, payload=ref, **fields).sealed()

    def put_blob(self, data: bytes, media_type: str) -> PayloadRef:
        blob = BlobId(hash_object(Kind.BLOB, data))
        self.blobs[blob] = data
        return PayloadRef(Kind.BLOB, blob, media_type, len(data), 1)

    def put_files(self, files: dict[str, bytes]) -> PayloadRef:
        entries: dict[Any, Entry] = {}
        for path, data in files.items():
            blob = self.put_blob(data, "").id
            entries[path] = Entry(EntryKind.FILE.value, blob, len(data))
        built = build_tree(entries)
        self.trees |= built.trees
        return PayloadRef(Kind.TREE, built.root, TREE, built.size_bytes, built.file_count)

    def diff(self, old: Snapshot | None, new: Snapshot | None) -> Diff:
        diff = diff_snapshots(old, new, self)
        json.dumps(diff.to_json(), allow_nan=False)
        return diff


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_files_are_diffed_one_by_one(shelf: Shelf) -> None:
    old = shelf.put({"a": b"1\n2\n", "b": b"\0", "same": b"s"})
    new = shelf.put({"a": b"1\n3\n4\n", "b": b"\0\0", "same": b"s", "n": b"new\n"})
    diff = shelf.diff(old, new)
    assert diff.kind == "files"
    assert [(f.change.change, f.change.path, f.content.form) for f in diff.files] == [
        ("changed", "a", "text"),
        ("changed", "b", "binary"),
        ("added", "n", "text"),
    ]
    assert (diff.files[1].content.old_bytes, diff.files[1].content.new_bytes) == (1, 2)
    assert diff.summary == Summary(files=3, insertions=3, deletions=1)


def test_values_are_diffed_by_structure(shelf: Shelf) -> None:
    diff = shelf.diff(shelf.put({"a": 1, "b": 2}), shelf.put({"a": 1.0, "c": None}))
    assert diff.kind == "value"
    assert diff.values == (
        ValueChange("/a", "changed", 1, 1.0),
        ValueChange("/b", "removed", old=2),
        ValueChange("/c", "added", new=None),
    )
    assert diff.summary == Summary(0, insertions=2, deletions=2)
    assert diff.to_json()["values"][1:] == [
        {"path": "/b", "change": "removed", "old": 2},
        {"path": "/c", "change": "added", "new": None},
    ]


def test_text_is_diffed_by_line(shelf: Shelf) -> None:
    diff = shelf.diff(shelf.put("a\nb\n"), shelf.put("a\nc\n"))
    assert diff.kind == "text"
    assert diff.content is not None
    assert diff.content.hunks[0].lines == ((" ", "a\n"), ("-", "b\n"), ("+", "c\n"))
    assert diff.summary == Summary(0, 1, 1)


@pytest.mark.parametrize("data", [b"\0text", b"\xff\xfe", b"caf\xe9"])
def test_what_is_no_text_is_named_binary(shelf: Shelf, data: bytes) -> None:
    diff = shelf.diff(shelf.put(b"plain"), shelf.put(data))
    assert diff.kind == "binary"
    assert diff.content is not None and diff.content.hunks == ()
    assert not diff.is_empty


def test_bytes_that_are_text_are_shown_as_text(shelf: Shelf) -> None:
    assert shelf.diff(shelf.put(b"a"), shelf.put(b"b")).kind == "text"


@pytest.mark.parametrize(("media_type", "kind"), [(TEXT, "text"), (BINARY, "binary")])
def test_large_content_is_measured_and_not_read(shelf: Shelf, media_type: str, kind: str) -> None:
    old = shelf.put(b"a" * (MAX_TEXT_BYTES + 1), media_type)
    diff = shelf.diff(old, shelf.put(b"b", media_type))
    assert (diff.kind, shelf.reads) == (kind, 0)
    assert diff.content is not None
    assert (diff.content.form, diff.content.old_bytes) == ("large", MAX_TEXT_BYTES + 1)


def test_payloads_of_two_kinds_are_named_and_not_compared(shelf: Shelf) -> None:
    diff = shelf.diff(shelf.put("text"), shelf.put({"a": b"file"}))
    assert (diff.kind, shelf.reads) == ("media type changed", 0)
    assert diff.metadata == (MetadataChange("media_type", TEXT, TREE),)
    assert diff.summary == Summary(0, 0, 0) and not diff.is_empty


@pytest.mark.parametrize(
    ("payload", "kind"),
    [("text", "text"), (b"\0", "binary"), ({"a": 1}, "value"), ({"a": b"file"}, "files")],
)
def test_equal_content_is_an_empty_diff_and_never_read(
    shelf: Shelf, payload: Any, kind: str
) -> None:
    old = shelf.put(payload, session_id="one")
    diff = shelf.diff(old, old._replace(session_id="two", created_at=9).sealed())
    assert diff.is_empty and diff.is_same_content
    assert (diff.kind, shelf.reads) == (kind, 0)


@pytest.mark.parametrize("payload", ["text\n", b"\0", {"a": 1}, {"a": b"file"}])
def test_against_nothing_all_is_added_or_removed(shelf: Shelf, payload: Any) -> None:
    snapshot = shelf.put(payload, recipe={"model": "m"})
    added, removed = shelf.diff(None, snapshot), shelf.diff(snapshot, None)
    assert (added.old, added.new) == (None, snapshot.id)
    assert (removed.old, removed.new) == (snapshot.id, None)
    assert not added.is_empty and added.metadata == ()
    if added.kind != "binary":
        assert added.summary.insertions == removed.summary.deletions == 1


def test_nothing_against_nothing_is_empty(shelf: Shelf) -> None:
    assert shelf.diff(None, None).is_empty


def test_what_went_into_it_is_named(shelf: Shelf) -> None:
    ids = [SnapshotId(bytes([n]) * 32) for n in range(5)]

    def used(key: str, n: int, digest: int, selector: str | None = None) -> Input:
        return Input(key, ids[n], selector, bytes([digest]) * 32)

    old = shelf.put(
        "same",
        recipe={"model": "m1", "parameters": {"t": 1}, "prompt": "p"},
        inputs=(used("a", 0, 0), used("b", 1, 1), used("c", 2, 2, "/x")),
    )
    new = shelf.put(
        "same",
        recipe={"model": "m2", "parameters": {"t": 1.0}, "prompt": "p", "code_version": "2"},
        inputs=(used("a", 3, 0), used("b", 4, 4), used("d", 2, 2)),
        tags=("t",),
        validation_status="passed",
    )
    diff = shelf.diff(old, new)
    assert diff.is_same_content and not diff.is_empty
    assert {change.name: (change.old, change.new) for change in diff.metadata} == {
        "validation_status": ("unchecked", "passed"),
        "tags": ([], ["t"]),
        "recipe.model": ("m1", "m2"),
        "recipe.parameters": ({"t": 1}, {"t": 1.0}),
        "recipe.code_version": (None, "2"),
        "input.b": (str(ids[1]), str(ids[4])),
        "input.c#/x": (str(ids[2]), None),
        "input.d": (None, str(ids[2])),
    }


def test_json_form_has_documented_names(shelf: Shelf) -> None:
    shown = shelf.diff(shelf.put({"a": b"x\n"}), shelf.put({"a": b"y\n"})).to_json()
    assert list(shown) == [
        "old",
        "new",
        "kind",
        "same_content",
        "summary",
        "old_payload",
        "new_payload",
        "metadata",
        "files",
        "values",
        "content",
    ]
    (file,) = shown["files"]
    assert file["old"]["mode"] == "100644"
    del file["old"], file["new"]
    assert file == {
        "path": "a",
        "old_path": None,
        "change": "changed",
        "similarity": 0,
        "form": "text",
        "old_bytes": 2,
        "new_bytes": 2,
        "insertions": 1,
        "deletions": 1,
        "hunks": [
            {
                "old_start": 1,
                "old_count": 1,
                "new_start": 1,
                "new_count": 1,
                "lines": [["-", "x\n"], ["+", "y\n"]],
            }
        ],
    }


def test_views_name_keys_that_came_went_and_moved() -> None:
    one, two = SnapshotId(b"1" * 32), SnapshotId(b"2" * 32)
    a, b, c, d = (Key(name) for name in "abcd")
    changes = diff_views({a: one, b: one, c: one}, {b: one, c: two, d: two})
    assert changes == (
        KeyChange(a, "removed", one, None),
        KeyChange(c, "changed", one, two),
        KeyChange(d, "added", None, two),
    )
    assert changes[0].to_json() == {
        "key": "a",
        "change": "removed",
        "old": str(one),
        "new": None,
    }
