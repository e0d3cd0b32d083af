"""What resembles each other is laid out together, and nothing is left out or given twice."""

from __future__ import annotations

from collections.abc import Collection

from hand_clock import HandClock

import aicas
from aicas.backends.base import Arranged
from aicas.ids import Kind, ObjectId, blob_id
from aicas.retention.arrangement import arrange


def held(store: aicas.Store) -> set[ObjectId]:
    return {found.id for found in store._backend.scan()}


def arranged(store: aicas.Store, ids: Collection[ObjectId] | None = None) -> list[Arranged]:
    wanted = held(store) if ids is None else ids
    found = list(arrange(store._reader, wanted))
    assert len(found) == len(wanted)
    assert {each.id for each in found} == set(wanted), "each once"
    return found


def labels(found: list[Arranged], contents: dict[ObjectId, str]) -> list[tuple[str, str | None]]:
    return [(contents[each.id], each.label) for each in found if each.id in contents]


def test_versions_of_one_file_are_neighbours_the_newest_first(
    store: aicas.Store, clock: HandClock
) -> None:
    contents: dict[ObjectId, str] = {}
    for version in "123":
        files = {path: f"{path} {version}" for path in ("z/app.py", "a/util.py", "b/app.py")}
        contents.update((blob_id(text.encode()), text) for text in files.values())
        store.put("code", {path: text.encode() for path, text in files.items()})
        clock.pass_time(seconds=1)
    assert labels(arranged(store), contents) == [
        (f"{path} {version}", f"code/{path}")
        for path in ("b/app.py", "z/app.py", "a/util.py")
        for version in "321"
    ]


def test_texts_come_by_their_key_the_newest_first(store: aicas.Store, clock: HandClock) -> None:
    contents: dict[ObjectId, str] = {}
    for version in "12":
        for key in ("spec", "plan"):
            store.put(key, f"{key} {version}")
            contents[blob_id(f"{key} {version}".encode())] = f"{key} {version}"
            clock.pass_time(seconds=1)
    found = arranged(store)
    assert labels(found, contents) == [
        (f"{key} {version}", key) for key in ("plan", "spec") for version in "21"
    ]
    runs = [store.snapshot(each.id) for each in found if each.id.kind == Kind.SNAPSHOT]  # type: ignore[arg-type]
    assert [(run.key, run.created_at) for run in runs] == sorted(
        ((run.key, run.created_at) for run in runs), key=lambda run: (run[0], -run[1])
    )


def test_kinds_are_kept_apart_and_only_blobs_are_kept_together(store: aicas.Store) -> None:
    store.put("code", {"a/b/c.py": b"c", "d.py": b"d"})
    found = arranged(store)
    assert [each.id.kind for each in found] == sorted(each.id.kind for each in found)
    assert {each.label for each in found if each.id.kind != Kind.BLOB} == {None}


def test_content_at_several_paths_is_where_it_was_met_first(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("old", {"x.py": b"same"})
    clock.pass_time(seconds=1)
    store.put("new", {"y.py": b"same"})
    (blob,) = (each for each in arranged(store) if each.id.kind == Kind.BLOB)
    assert blob.label == "new/y.py"


def test_a_part_is_arranged_as_the_whole_would_be(store: aicas.Store, clock: HandClock) -> None:
    """Objects that no snapshot among them leads to have no name, and are given all the same."""
    for version in "12":
        store.put("code", {"a.py": f"a {version}".encode(), "b.py": f"b {version}".encode()})
        clock.pass_time(seconds=1)
    everything = arranged(store)
    newest = store.show("code")
    part = [each.id for each in everything if each.id != newest.id]
    found = {each.id: each.label for each in arranged(store, part)}
    assert found[blob_id(b"a 1")] == "code/a.py"
    assert found[blob_id(b"a 2")] is None
    assert arranged(store, []) == []


def test_what_cannot_be_read_is_arranged_too(store: aicas.Store) -> None:
    store.put("code", {"a.py": b"a"})
    ids = held(store)
    absent = {blob_id(b"absent")}
    for object_id in ids:
        if object_id.kind != Kind.BLOB:
            absent.add(type(object_id)(bytes([object_id[0] ^ 1]) + object_id[1:]))
    arranged(store, ids | absent)
