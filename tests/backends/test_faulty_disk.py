"""A disk that refuses loses nothing that was acknowledged, and shows nothing half-done."""

from __future__ import annotations

import pytest
from backends_world import blob, commit, facts, name, put, stage
from faulty_disk import FaultyDisk
from local_world import Folder

from aicas.errors import StorageFailed


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    return FaultyDisk(monkeypatch)


@pytest.mark.parametrize("segment_bytes", [64 << 20, 1])
def test_a_disk_that_fills_up_at_any_byte_leaves_nothing_half_visible(
    folder: Folder, disk: FaultyDisk, segment_bytes: int
) -> None:
    backend = folder.open(segment_bytes)
    put(backend, "plan", "1")
    before = facts(backend)
    for room in range(2000):
        disk.full_after(room)
        try:
            put(backend, "plan", "2")
            break
        except StorageFailed as error:
            assert "No space left" in str(error)
        disk.heal()
        assert facts(backend) == before, room
        assert list(backend.check()) == [], room
        if room % 20 == 0:
            assert facts(folder.open(segment_bytes)) == before
            folder.opened.pop().close()
    assert 100 < room < 1500, "there was room at last"
    disk.heal()
    put(backend, "plan", "3")
    assert [move.number for move in backend.reflog(name("plan"))] == [3, 2, 1]
    assert facts(folder.open()) == facts(backend)
    assert list(backend.check()) == []


def test_a_large_object_that_does_not_fit_leaves_nothing(folder: Folder, disk: FaultyDisk) -> None:
    backend = folder.open()
    put(backend, "plan", "1")
    content = bytes(range(256)) * 4000
    for room in (0, 1, 300_000, 1_000_000):
        disk.full_after(room)
        with pytest.raises(StorageFailed):
            stage(backend, content)
    disk.full_after(1_024_010)  # what the frame takes, so that it is the commit that finds no room
    staged = stage(backend, content)
    disk.full_after(50)
    with pytest.raises(StorageFailed):
        commit(backend, objects={staged.id: staged})
    disk.heal()
    assert list((folder.path / "incoming").iterdir()) == []
    assert [path for path in (folder.path / "large").rglob("*") if path.is_file()] == []
    commit(backend, objects={staged.id: stage(backend, content)})
    assert backend.read([staged.id]) == dict([blob(content)])
    assert list(backend.check()) == []


def test_a_failed_flush_is_not_tried_again_on_its_segment(folder: Folder, disk: FaultyDisk) -> None:
    backend, other = folder.open(), folder.open()
    put(backend, "plan", "1")
    disk.fail_flushes(1)
    with pytest.raises(StorageFailed, match="cannot flush"):
        put(backend, "plan", "2")
    # The segment is given up at once, for every process.
    assert [path.name for path in folder.segments()] == ["00000001.seg", "00000002.seg"]
    size = folder.segments()[0].stat().st_size
    put(other, "plan", "3")
    put(backend, "plan", "4")
    assert folder.segments()[0].stat().st_size == size
    assert facts(backend) == facts(other) == facts(folder.open())
    assert list(backend.check()) == []


def test_while_every_flush_fails_nothing_is_acknowledged_and_later_all_is_well(
    folder: Folder, disk: FaultyDisk
) -> None:
    backend = folder.open()
    first = put(backend, "plan", "1")
    disk.fail_flushes(1000)
    for attempt in range(5):
        with pytest.raises(StorageFailed):
            put(backend, "other", str(attempt))
    state = backend.ref(name("plan"))
    assert state is not None
    assert state.target == first, "reading goes on"
    disk.heal()
    put(backend, "plan", "2")
    assert list(backend.check()) == []
    assert facts(folder.open()) == facts(backend)


def test_a_commit_that_shared_a_failed_seal_is_not_acknowledged(
    folder: Folder, disk: FaultyDisk
) -> None:
    """The system tells a failed flush once: whoever asks later would be told all is well."""
    backend = folder.open()
    put(backend, "plan", "1")
    view = backend._view
    with backend._writer.turn():
        segment, end = view.active, view.overlay.position.offset + 1
        disk.fail_flushes(1)
        with pytest.raises(StorageFailed):
            backend._writer.roll(0)
    with pytest.raises(StorageFailed):
        segment.flush(end)
    put(backend, "plan", "2")
    assert list(backend.check()) == []


def test_folding_over_a_failing_disk_does_not_disturb_reading(
    folder: Folder, disk: FaultyDisk
) -> None:
    backend = folder.open()
    put(backend, "plan", "1")
    truth = facts(backend)
    reader = folder.open()
    disk.fail_flushes(1)
    assert not reader._view.fold(wait=True)
    assert facts(reader) == truth
    assert not reader._view.fold(wait=True), "a segment whose flush failed is never trusted"
    disk.heal()
    put(reader, "plan", "2")
    assert reader._view.fold(wait=True)


def test_a_disk_that_cannot_be_read_is_said_so_and_not_taken_for_damage(
    folder: Folder, disk: FaultyDisk
) -> None:
    backend = folder.open()
    new = put(backend, "plan", "1")
    truth = facts(backend)
    disk.fail_reads()
    with pytest.raises(StorageFailed, match="Input/output error"):
        backend.read([new])
    with pytest.raises(StorageFailed, match="Input/output error"):
        backend.operation(1)
    with pytest.raises(StorageFailed, match="Input/output error"):
        folder.open()
    disk.heal()
    assert facts(backend) == truth
