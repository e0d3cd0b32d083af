"""Leases between processes: holders that die, fall silent or fork, and files that are spoilt."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backends_world import blob, snapshot
from contract import take
from crashing import crashes_at
from faulty_disk import FaultyDisk
from hypothesis import given
from hypothesis import strategies as st
from local_world import Folder, flip

from aicas.backends.base import LeaseState, Left, Taken
from aicas.backends.leases import Watch, Word
from aicas.backends.local.files import FileLock
from aicas.backends.local.leases import LeaseFiles, Record, decode_file, encode_file
from aicas.errors import StorageFailed

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Holder:
    """Another process with the store open; it does what it is told."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("lease_holder.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def __call__(self, command: str) -> str:
        self.tell(command)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(folder: Folder) -> Iterator[Callable[[], Holder]]:
    started: list[Holder] = []

    def start() -> Holder:
        started.append(Holder(folder.path))
        return started[-1]

    yield start
    for holder in started:
        holder.kill()
        assert holder.process.stdin
        assert holder.process.stdout
        holder.process.stdin.close()
        holder.process.stdout.close()


Start = Callable[[], Holder]


def lease_files(folder: Folder) -> list[str]:
    return sorted(path.name for path in (folder.path / "leases").iterdir())


def test_a_killed_holder_lets_go_at_once(folder: Folder, start: Start) -> None:
    backend, holder = folder.open(), start()
    assert holder("take a 10000") == "1"
    assert backend.lease("a") == Taken(1)
    assert backend.leases() == [LeaseState("a", 1, ())]
    holder.kill()
    assert backend.leases() == []
    assert take(backend, "a").epoch == 2


def test_a_stopped_holder_loses_its_lease_and_learns_of_it_when_it_goes_on(
    folder: Folder, start: Start
) -> None:
    backend, holder = folder.open(), start()
    holder("take a 0")
    assert backend.lease("a") == Taken(1)
    assert holder("renew a") == "True"
    assert backend.lease("a") == Taken(1)
    holder.process.send_signal(signal.SIGSTOP)
    lease = take(backend, "a")
    assert lease.epoch == 2
    holder.process.send_signal(signal.SIGCONT)
    assert holder("renew a") == "False"
    assert holder("release a late") == "None"
    assert lease.renew()
    assert folder.open().lease("a", waited_on=1) == Taken(2)


def test_what_a_holder_leaves_is_told_to_other_processes(folder: Folder, start: Start) -> None:
    backend, holder = folder.open(), start()
    holder("take a 10000")
    assert backend.lease("a") == Taken(1)
    holder("release a sorry")
    holder.kill()
    assert backend.lease("a", waited_on=1) == Left(b"sorry")


@pytest.mark.parametrize("child", ["fork", "start"])
def test_a_child_that_outlives_a_killed_holder_keeps_no_lease(
    folder: Folder, start: Start, child: str
) -> None:
    backend, holder = folder.open(), start()
    holder("take a 10000")
    survivor = int(holder(child))
    try:
        assert backend.lease("a") == Taken(1), "the child closing its copy unlocks nothing"
        holder.kill()
        os.kill(survivor, 0)
        assert take(backend, "a").epoch == 2
    finally:
        os.kill(survivor, signal.SIGKILL)


def test_a_child_that_outlives_a_killed_writer_keeps_no_lock(folder: Folder, start: Start) -> None:
    holder = start()
    survivor = int(holder("fork-locked"))
    try:
        with FileLock(folder.path / "lock").tried() as held:
            assert not held
        holder.kill()
        os.kill(survivor, 0)
        with FileLock(folder.path / "lock").tried() as held:
            assert held
    finally:
        os.kill(survivor, signal.SIGKILL)


def test_a_forked_child_does_not_hold_what_its_parent_holds(folder: Folder) -> None:
    backend = folder.open()
    lease = take(backend, "a")
    child = os.fork()
    if child == 0:
        refused = not lease.renew() and backend.lease("a") == Taken(1)
        lease.release(b"not mine")
        own = take(backend, "b")
        backend.close()
        os._exit(0 if refused and own.epoch == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lease.renew()
    assert backend.leases() == [LeaseState("a", 1, ())]


def test_closing_gives_back_what_is_held(folder: Folder) -> None:
    backend, other = folder.open(), folder.open()
    lease = take(backend, "a")
    backend.close()
    assert not lease.renew()
    lease.release(b"after")
    assert take(other, "a", waited_on=1).epoch == 1


def test_the_files_are_private(folder: Folder) -> None:
    take(folder.open(), "a")
    path = folder.path / "leases" / "a.lease"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_lease_outlives_checking_but_those_of_the_living(folder: Folder, start: Start) -> None:
    backend, dead, living = folder.open(), start(), start()
    dead("take dead 10000")
    living("take living 10000")
    take(backend, "failed").release(b"why")
    take(backend, "done").release()
    dead.kill()
    assert lease_files(folder) == ["dead.lease", "failed.lease", "living.lease"]
    assert list(backend.check()) == []
    assert lease_files(folder) == ["living.lease"]
    living.kill()
    assert list(backend.check()) == []
    assert lease_files(folder) == []


record = st.builds(
    Record,
    st.integers(0, 2**40),
    st.integers(0, 10**9).map(float),
    st.lists(st.binary(max_size=20).map(lambda content: blob(content)[0]), max_size=3).map(tuple),
    st.none() | st.builds(Word, st.integers(0, 2**40), st.binary(max_size=50)),
)


@given(record)
def test_a_record_reads_back_and_nothing_damaged_does(written: Record) -> None:
    data = encode_file(written)
    assert decode_file(data) == written
    for length in range(len(data)):
        assert decode_file(data[:length]) is None
    for at in (0, *range(9, len(data))):  # between them are the signs of life
        spoilt = bytearray(data)
        spoilt[at] ^= 1
        assert decode_file(bytes(spoilt)) is None


def test_what_is_needed_reads_back_with_its_kind() -> None:
    needs = blob("x")[0], snapshot("x")[0]
    found = decode_file(encode_file(Record(1, 1.0, needs)))
    assert found
    assert [type(needed) for needed in found.needs] == [type(needed) for needed in needs]


def test_a_torn_file_of_a_dead_holder_is_a_free_lease(folder: Folder) -> None:
    backend = folder.open()
    take(backend, "a").release(b"outcome")
    path = folder.path / "leases" / "a.lease"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert backend.leases() == []
        take(backend, "a", waited_on=1).release()
        assert not path.exists()


def test_a_damaged_file_of_a_living_holder_is_reported_and_still_excludes(folder: Folder) -> None:
    backend = folder.open()
    lease = take(backend, "a", lifetime=0)
    path = folder.path / "leases" / "a.lease"
    flip(path, 20)
    assert backend.lease("a") == Taken(0)
    assert backend.leases() == [LeaseState("a", 0, ())]
    assert [fault.what for fault in backend.check()] == [
        "leases/a.lease is damaged while its holder lives"
    ]
    assert lease.renew()
    lease.release()
    assert list(backend.check()) == []


def test_a_file_put_in_place_of_a_held_one_ends_the_holding(folder: Folder) -> None:
    backend = folder.open()
    lease = take(backend, "a")
    path = folder.path / "leases" / "a.lease"
    path.unlink()
    assert not lease.renew()
    new = take(backend, "a")
    lease.release()
    assert new.renew()


def test_links_and_other_things_in_place_of_a_lease_are_refused_and_reported(
    folder: Folder, tmp_path: Path
) -> None:
    backend = folder.open()
    take(backend, "a").release()
    target = tmp_path / "elsewhere"
    target.write_bytes(b"mine")
    leases = folder.path / "leases"
    (leases / "link.lease").symlink_to(target)
    (leases / "folder.lease").mkdir()
    os.mkfifo(leases / "pipe.lease")
    (leases / "notes").write_bytes(b"not a lease")
    for name in ("link", "folder", "pipe"):
        with pytest.raises(StorageFailed):
            backend.lease(name)
    with pytest.raises(StorageFailed):
        backend.leases()
    assert [fault.what.partition(":")[0] for fault in backend.check()] == [
        "leases/folder.lease cannot be removed",
        "leases/link.lease cannot be removed",
        "leases/pipe.lease cannot be removed",
    ]
    assert target.read_bytes() == b"mine"


def test_a_crash_at_any_step_leaves_the_lease_free(folder: Folder) -> None:
    backend = folder.open()

    def hold() -> None:
        lease = take(folder.open(), "a", waited_on=7)
        lease.renew()
        lease.release(b"word")
        take(folder.open(), "a").release()

    for call in range(1, 100):
        crashed = crashes_at(call, hold)
        assert backend.leases() == []
        take(backend, "a", waited_on=7).release()
        assert list(backend.check()) == []
        if not crashed:
            break
    assert call > 5


def test_a_disk_that_refuses_leaves_the_lease_free(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk(monkeypatch)
    backend = folder.open()
    for room in (0, 1, 30):
        disk.full_after(room)
        with pytest.raises(StorageFailed, match="No space left"):
            backend.lease("a")
        disk.heal()
        assert lease_files(folder) == []
    lease = take(backend, "a")
    disk.full_after(3)
    assert lease.renew(), "it holds, though it cannot say so"
    lease.release(b"nobody will hear of it")
    disk.heal()
    assert take(backend, "a", waited_on=1).renew()


def test_silence_is_measured_by_the_watchers_own_clock(folder: Folder) -> None:
    now = [1000.0]
    watcher = LeaseFiles(folder.path, Watch(lambda: now[0]))
    holder = take(folder.open(), "a", lifetime=30)

    def look() -> object:
        return watcher.lease("a", (), None, 5)

    assert look() == Taken(1)
    now[0] += 29
    assert look() == Taken(1)
    holder.renew()
    now[0] += 29
    assert look() == Taken(1), "a sign of life was seen"
    now[0] += 30
    lease = look()
    assert not isinstance(lease, Taken)
    assert not holder.renew()
