"""A write that was cut off leaves the store as it was before it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from backends_world import facts, put
from local_world import Folder

from aicas.backends.local import scan


@pytest.fixture(params=["no index", "index behind", "index ahead"])
def torn(folder: Folder, request: pytest.FixtureRequest) -> tuple[Folder, bytes, int, object]:
    """A store, its segment's bytes, where the last group starts, and what was there before it."""
    backend = folder.open()
    put(backend, "plan", "1")
    put(backend, "code", "1", "plan")
    before = facts(backend)
    if request.param == "index behind":
        assert backend._view.fold(wait=True)
    put(backend, "code", "2", "plan")
    if request.param == "index ahead":
        assert backend._view.fold(wait=True)
    folder.close()
    return folder, folder.segments()[0].read_bytes(), folder.groups()[-1].offset, before


def test_a_tail_cut_at_any_byte_is_not_seen_and_not_in_the_way(
    torn: tuple[Folder, bytes, int, object], tmp_path: Path
) -> None:
    folder, data, start, before = torn
    for length in range(start, len(data)):
        segment = folder.segments()[0]
        segment.write_bytes(data[:length])
        backend = folder.open()
        assert facts(backend) == before, length
        assert list(backend.check()) == [], length
        put(backend, "code", "3")
        assert [o.number for o in backend.operations()] == [3, 2, 1]
        assert list(backend.check()) == [], length
        folder.close()


def test_a_tail_that_grew_but_was_never_filled_is_cut(
    torn: tuple[Folder, bytes, int, object],
) -> None:
    folder, data, start, before = torn
    for zeros in (1, 19, 20, 21, 500):
        folder.segments()[0].write_bytes(data[:start] + bytes(zeros))
        backend = folder.open()
        assert facts(backend) == before
        put(backend, "code", "3")
        assert list(backend.check()) == []
        folder.close()


def test_a_last_group_that_was_overwritten_is_reported_and_kept_aside(
    torn: tuple[Folder, bytes, int, object],
) -> None:
    folder, data, start, before = torn
    for offset in range(start, start + 20):
        spoiled = bytearray(data)
        spoiled[offset] ^= 0x10
        folder.segments()[0].write_bytes(spoiled)
        folder.drop_index()
        backend = folder.open()
        assert facts(backend) == before
        put(backend, "code", "3")
        assert [fault.what for fault in backend.check()], "damage must be told from a torn write"
        folder.close()
        assert folder.open().last_number() == 3
        folder.close()


def test_readers_wait_for_a_write_that_is_under_way(
    torn: tuple[Folder, bytes, int, object],
) -> None:
    folder, data, start, before = torn
    segment = folder.segments()[0]
    segment.write_bytes(data[: start + 30])
    reader = folder.open()
    assert facts(reader) == before
    with segment.open("ab") as file:
        file.write(data[start + 30 :])
    assert reader.last_number() == 3


@pytest.mark.parametrize("seen", [1, 15, 19, 20, 100])
def test_a_group_that_is_finished_while_it_is_read_is_read_whole_later(
    torn: tuple[Folder, bytes, int, object], monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    """A reader does not wait for the writer, whose write appears a page at a time."""
    folder, data, start, before = torn
    segment = folder.segments()[0]
    segment.write_bytes(data[: start + seen])
    reader = folder.open()
    assert facts(reader) == before
    real = os.pread

    def meanwhile(*arguments: int) -> bytes:
        segment.write_bytes(data)
        return real(*arguments)

    monkeypatch.setattr(scan.os, "pread", meanwhile)
    reader._view.catch_up()
    monkeypatch.undo()
    assert reader.last_number() == 3
    put(reader, "code", "3")
    assert [o.number for o in reader.operations()] == [4, 3, 2, 1]
    assert list(reader.check()) == []


def test_a_tail_that_is_cut_and_written_anew_while_it_is_read_is_read_later(
    torn: tuple[Folder, bytes, int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, data, start, before = torn
    segment = folder.segments()[0]
    folder.segments()[0].write_bytes(data[:start] + b"overwritten, and not by a whole group" * 9)
    reader = folder.open()
    assert facts(reader) == before
    real = os.pread

    def meanwhile(*arguments: int) -> bytes:
        found = real(*arguments)
        segment.write_bytes(data)
        return found

    monkeypatch.setattr(scan.os, "pread", meanwhile)
    reader._view.catch_up()
    monkeypatch.undo()
    assert reader.last_number() == 3
    assert list(reader.check()) == []
