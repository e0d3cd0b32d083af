"""The files of events: what a crash, a full disk or a hostile hand leaves of them."""

from __future__ import annotations

import os
import stat
import tracemalloc
from pathlib import Path

import pytest
from backends_world import AT
from crashing import crashes_at
from faulty_disk import FaultyDisk
from hypothesis import given
from hypothesis import strategies as st
from local_world import Folder, flip

from aicas.backends.events import MAX_EVENT_BYTES
from aicas.backends.local.events import decode_line, encode_line
from aicas.clock import DAY
from aicas.errors import StorageFailed

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def day(folder: Folder) -> Path:
    """The file of the day of ``AT``."""
    return folder.path / "events" / "2027-01-15.events"


@given(st.binary(min_size=1, max_size=100).filter(lambda event: b"\n" not in event))
def test_a_line_holds_its_event_and_nothing_else_does(event: bytes) -> None:
    line = encode_line(event)
    assert decode_line(line) == event
    for at in range(len(line)):
        for bit in range(8):
            spoilt = bytearray(line)
            spoilt[at] ^= 1 << bit
            assert decode_line(bytes(spoilt)) is None


def test_a_recorded_event_is_in_a_private_file_of_its_day(folder: Folder, day: Path) -> None:
    folder.open().record(AT, [b"one", b"two"])
    assert day.read_bytes() == encode_line(b"one") + encode_line(b"two")
    assert stat.S_IMODE(day.stat().st_mode) == 0o600
    assert stat.S_IMODE(day.parent.stat().st_mode) == 0o700


def test_the_events_of_other_processes_are_seen(folder: Folder) -> None:
    here, there = folder.open(), folder.open()
    here.record(AT, [b"1"])
    there.record(AT, [b"2"])
    child = os.fork()
    if child == 0:
        here.record(AT, [b"3"])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(here.recorded()) == list(there.recorded()) == [b"1", b"2", b"3"]


def test_a_crash_at_any_step_leaves_what_was_recorded_and_whole_events(folder: Folder) -> None:
    batch = [b"new %d" % n for n in range(3)]
    for known in ([], [b"old"]):
        for call in range(1, 50):
            trial = Folder.new(folder.path.with_name(f"trial{call}{len(known)}"))
            trial.open().record(AT, known)
            # A new day too, so that the making of its file is among the steps.
            crashed = crashes_at(call, lambda t=trial: t.open().record(AT + DAY, batch))  # type: ignore[misc]
            found = list(trial.open().recorded())
            assert found in ([*known], [*known, *batch])
            assert list(trial.open().check()) == []
            trial.open().record(AT + DAY, [b"after"])
            assert list(trial.open().recorded()) == [*found, b"after"]
            trial.close()
            if not crashed:
                break
        assert found == [*known, *batch]


def test_a_last_line_cut_anywhere_is_left_out_then_cut_off(folder: Folder, day: Path) -> None:
    backend = folder.open()
    backend.record(AT, [b"kept"])
    kept = day.read_bytes()
    last = encode_line(b"torn")
    for length in range(1, len(last)):
        for torn in (last[:length], b"\0" * length, b"\0" * 200_000):
            day.write_bytes(kept + torn)
            assert list(backend.recorded()) == [b"kept"]
            assert list(backend.check()) == []
            backend.record(AT, [b"next"])
            assert day.read_bytes() == kept + encode_line(b"next")


def test_damaged_lines_are_left_out_and_reported(folder: Folder, day: Path) -> None:
    backend = folder.open()
    backend.record(AT, [b"one", b"two", b"three"])
    flip(day, len(encode_line(b"one")) + 10)
    assert list(backend.recorded()) == [b"one", b"three"]
    assert [fault.what.split(":")[0] for fault in backend.check()] == [
        "events/2027-01-15.events",
    ]
    assert "line 2 damaged" in next(backend.check()).what
    flip(day, 0)
    assert "2 lines from line 1 on damaged" in next(backend.check()).what
    flip(day, day.stat().st_size - 3)
    assert list(backend.recorded()) == []
    backend.record(AT, [b"four"])
    assert list(backend.recorded()) == [b"four"]


@pytest.mark.parametrize("hostile", [b"\0" * 20_000_000 + b"\n", b"\n" * 200_000])
def test_whatever_lies_in_a_file_is_read_within_bounded_memory(
    folder: Folder, day: Path, hostile: bytes
) -> None:
    backend = folder.open()
    backend.record(AT, [b"x" * MAX_EVENT_BYTES])
    with day.open("ab") as file:
        file.write(hostile + encode_line(b"y"))
    tracemalloc.start()
    try:
        assert [event[:1] for event in backend.recorded()] == [b"x", b"y"]
        assert len(list(backend.check())) == 1
        backend.record(AT, [b"z"])
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_other_files_in_the_folder_are_not_taken_for_events(folder: Folder, day: Path) -> None:
    backend = folder.open()
    backend.record(AT, [b"one"])
    for name in ("2027-01-15.events.bak", "notes", "2027-1-15.events", "x2027-01-16.events"):
        (day.parent / name).write_bytes(b"not ours\n")
    assert list(backend.recorded()) == [b"one"]
    assert list(backend.check()) == []


def test_a_link_in_place_of_a_file_is_refused(folder: Folder, day: Path, tmp_path: Path) -> None:
    backend = folder.open()
    target = tmp_path / "elsewhere"
    target.write_bytes(b"mine")
    day.parent.mkdir()
    day.symlink_to(target)
    for use in (lambda: backend.record(AT, [b"x"]), lambda: list(backend.recorded())):
        with pytest.raises(StorageFailed):
            use()
    assert target.read_bytes() == b"mine"


def test_a_disk_that_refuses_leaves_the_events_as_they_were(
    folder: Folder, day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk(monkeypatch)
    backend = folder.open()
    backend.record(AT, [b"one"])
    before = day.read_bytes()
    for room in range(len(encode_line(b"two")) * 2):
        disk.full_after(room)
        with pytest.raises(StorageFailed, match="No space left"):
            backend.record(AT, [b"two", b"two"])
        assert day.read_bytes() == before
    disk.heal()
    disk.fail_flushes(1)
    with pytest.raises(StorageFailed, match="Input/output"):
        backend.record(AT, [b"two"])
    backend.record(AT, [b"two"])
    assert list(backend.recorded()) == [b"one", b"two"], "tried again, counted once"
