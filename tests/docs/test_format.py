"""The frozen vectors of docs/format.md: a change that breaks one breaks every store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aicas import in_memory
from aicas.backends import operation as operations
from aicas.backends.local import group
from aicas.backends.local.packreader import BlockCache, InPack, Pack
from aicas.backends.operation import Operation, RefChange
from aicas.ids import Kind, SnapshotId, hash_object
from aicas.names import Key, RefName, TreePath
from aicas.objects.codec import decode_frame, encode_frame
from aicas.objects.snapshot import PayloadRef, Snapshot, seal
from aicas.objects.tree import Entry, EntryKind, build_tree
from aicas.validity.recipe import fingerprint

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
AT = 1_700_000_000_000_000


def computed() -> dict[str, bytes]:
    content = b"hello\n"
    blob = hash_object(Kind.BLOB, content)
    entry = Entry(EntryKind.FILE.value, blob, len(content))
    tree = build_tree({TreePath("greeting.txt"): entry})
    recipe = {"model": "gpt-4", "prompt": "Say hello"}
    payload = PayloadRef(Kind.TREE, tree.root, "application/vnd.aicas.tree", 6, 1)
    snapshot, snapshot_bytes = seal(Snapshot("greeting", AT, payload, recipe))
    frame = encode_frame(Kind.BLOB, content, compress=False)
    change = RefChange(RefName("live/default/greeting"), None, SnapshotId(snapshot.id))
    operation = operations.encode(Operation("put", AT, "me@here", (change,)))
    digest = operations.record_digest(1, operation)
    records = [
        group.object_record(blob, frame),
        frame,
        group.operation_record(1, digest, operation),
    ]
    return {
        "blob.id": blob,
        "tree.bytes": tree.trees[tree.root],
        "tree.id": tree.root,
        "snapshot.bytes": snapshot_bytes,
        "snapshot.id": snapshot.id,
        "frame.raw": frame,
        "operation.bytes": operation,
        "operation.digest": digest,
        "fingerprint": fingerprint(Key("greeting"), recipe, ()),
        **parts_of_inputs(),
        "segment.header": group.SegmentHeader(1, 0, 7).encode(),
        "group": group.encode_group(AT, records, 7, group.SEGMENT_HEADER_BYTES),
    }


def parts_of_inputs() -> dict[str, bytes]:
    """The digests of inputs: whole, a value's part, a tree's part; and a fingerprint of them."""
    with in_memory(clock=lambda: AT) as store:
        store.put("plan", {"phases": [{"id": 1}, {"id": 2}]})
        store.put("code", {"src/app.py": b"hello\n", "README": b""})
        recipe = {"model": "gpt-4"}
        inputs = ["plan", "plan#/phases/1", "code#src/*.py"]
        made = store.put("report", "fine", inputs=inputs, recipe=recipe)
    whole, value, files = (item.digest for item in made.inputs)
    assert made.fingerprint is not None
    return {
        "input.whole": whole,
        "input.value": value,
        "input.files": files,
        "fingerprint.inputs": made.fingerprint,
    }


def frozen() -> dict[str, bytes]:
    block = re.search(r"```vectors\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    pairs = (line.split("=", 1) for line in block[1].splitlines())
    return {name.strip(): bytes.fromhex(value.strip()) for name, value in pairs}


@pytest.mark.parametrize("name", sorted(computed()))
def test_the_documented_bytes_are_the_bytes_written(name: str) -> None:
    assert computed()[name].hex() == frozen()[name].hex()


def test_every_documented_vector_is_computed() -> None:
    assert set(frozen()) == {*computed(), "pack"}


def test_the_documented_pack_is_read(tmp_path: Path) -> None:
    """It is not compared with what is written: that differs between versions of zstd."""
    known = computed()
    path = tmp_path / "made.pack"
    path.write_bytes(frozen()["pack"])
    opened = Pack(path)
    cache = BlockCache()
    found = {entry.id: cache.read(InPack(opened, *entry[1:])) for entry in opened.entries()}
    assert found[known["blob.id"]] == known["frame.raw"]  # type: ignore[index]
    assert {i.kind: decode_frame(frame, i) for i, frame in found.items()} == {
        Kind.BLOB: b"hello\n",
        Kind.TREE: known["tree.bytes"],
    }
    assert {entry.at for entry in opened.entries()} == {AT}
    assert (opened.number, list(opened.check())) == (1, [])
