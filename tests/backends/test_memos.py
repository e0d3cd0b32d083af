"""What a backend can tell cheaply, and what it remembers as long as that costs nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import aicas
from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.memos import Memos, used_bytes


def stored_bytes(store: aicas.Store) -> int:
    return sum(found.stored_bytes for found in store._backend.scan())


def test_a_memo_is_what_was_remembered_last_by_whomever(store: aicas.Store) -> None:
    backend = store._backend
    assert backend.memo("size") is None
    for content in (b"one", b"", b"two" * 1000):
        backend.remember("size", content)
        assert backend.memo("size") == content
    assert backend.memo("other") is None
    if isinstance(backend, LocalBackend):
        assert LocalBackend(backend.folder).memo("size") == b"two" * 1000


@pytest.mark.parametrize("damage", [b"", b"abc", b"\x00" * 4, b"\x00\x00\x00\x00whole"])
def test_a_damaged_memo_is_none(local_store: aicas.Store, damage: bytes) -> None:
    assert local_store.location
    memos = Memos(local_store.location)
    memos.write("size", b"whole")
    path = local_store.location / "index" / "size.memo"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(damage)
    found = memos.read("size")
    assert found in (None, b"")
    assert found is None or damage == b"\x00" * 4, "four zeros are the checksum of nothing"


def test_a_memo_that_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    Memos(tmp_path / "nowhere").write("size", b"x")
    assert Memos(tmp_path / "nowhere").read("size") is None
    assert list(tmp_path.iterdir()) == []


def test_what_a_store_takes_covers_its_objects_wherever_they_lie(store: aicas.Store) -> None:
    rng = random.Random(1)
    backend = store._backend
    for size in (0, 100, 50_000, 3_000_000):
        before, objects = backend.used_bytes(), stored_bytes(store)
        store.put("file", rng.randbytes(size))
        grown = stored_bytes(store) - objects
        assert grown <= backend.used_bytes() - before <= grown + 4_096
    for _ in store.pack():
        assert backend.used_bytes() >= stored_bytes(store)
    store.clear()
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))


def test_a_folder_that_holds_nothing_takes_nothing(tmp_path: Path) -> None:
    assert used_bytes(tmp_path) == 0
