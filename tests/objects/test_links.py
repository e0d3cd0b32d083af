"""What an object refers to, as the collector reads it, is what a reader of the whole finds."""

from __future__ import annotations

import pytest

import aicas
from aicas import canonical
from aicas.errors import AicasError, Damaged, UnsupportedFormat
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId, TreeId, hash_object
from aicas.objects.codec import encode_frame
from aicas.objects.links import NONE, Links, cost_of, links_of


def frames(store: aicas.Store) -> dict[ObjectId, bytes]:
    return store._backend.read([found.id for found in store._backend.scan()])


def test_links_are_those_of_the_object_decoded(store: aicas.Store) -> None:
    store.put("plan", {"phases": [1]}, cost=aicas.Cost(usd_nano=5, model="m"))
    store.put("code", {"src/a.py": b"a", "b": b"", "src/lib/c": b"c"}, inputs=["plan"])
    store.put("code", {"src/a.py": b"2"}, inputs=["plan#/phases"])
    for object_id, frame in frames(store).items():
        found = links_of(object_id, frame)
        if isinstance(object_id, SnapshotId):
            snapshot = store.snapshot(object_id)
            before = [snapshot.parent] if snapshot.parent else []
            others = [*(item.snapshot for item in snapshot.inputs), *before]
            assert found == Links(snapshot.payload.id, tuple(others))
            assert found.payload is not None
            assert found.payload.kind == snapshot.payload.kind
            assert cost_of(object_id, frame) == snapshot.cost
        elif isinstance(object_id, TreeId):
            entries = store.tree(object_id).values()
            assert found == Links(None, tuple(entry.id for entry in entries))
            assert [i.kind for i in found.others] == [entry.id.kind for entry in entries]
        else:
            assert found == NONE


def made(kind: Kind, data: bytes) -> tuple[ObjectId, bytes]:
    return hash_object(kind, data), encode_frame(kind, data)


@pytest.mark.parametrize("value", [
    None, 1, "x", {"a": 1}, [1], [["a", 0o100644, b"short", 1]], [["a", 0o100644, "t" * 32, 1]],
    [["a", 0o100644, [1] * 32, 1]], [["a", 0o100644, b"i" * 32]],
])  # fmt: skip
def test_what_no_tree_could_be_is_damage(value: object) -> None:
    with pytest.raises(Damaged):
        links_of(*made(Kind.TREE, b"\x01" + canonical.pack(value)))


@pytest.mark.parametrize("change", [
    {"payload": None}, {"payload": {"kind": 9, "id": bytes(32)}}, {"dependencies": None},
    {"dependencies": [[1]]}, {"parent": b"short"}, {"parent": "p" * 32}, {},
])  # fmt: skip
def test_what_no_snapshot_could_be_is_damage(change: dict[str, object]) -> None:
    whole: dict[str, object] = {
        "payload": {"kind": 1, "id": bytes(32)},
        "dependencies": [],
        "parent": None,
    }
    record = {**whole, **change} if change else []
    with pytest.raises(Damaged):
        links_of(*made(Kind.SNAPSHOT, b"\x01" + canonical.pack(record)))


def test_bytes_that_are_not_the_objects_or_not_canonical_are_refused() -> None:
    tree = b"\x01" + canonical.pack([["a", 0o100644, b"i" * 32, 1]])
    tree_id, frame = made(Kind.TREE, tree)
    assert links_of(tree_id, frame).others == (BlobId(b"i" * 32),)
    for other, wrong in (
        (TreeId(bytes(32)), frame),
        (SnapshotId(tree_id), frame),
        (tree_id, frame[:-1]),
        (tree_id, b""),
        made(Kind.TREE, tree + b"\x00"),
        made(Kind.TREE, tree[:-1] + b"\xcc\x01"),
    ):
        with pytest.raises(AicasError):
            links_of(other, wrong)
    with pytest.raises(UnsupportedFormat):
        links_of(*made(Kind.TREE, b"\x02" + tree[1:]))
