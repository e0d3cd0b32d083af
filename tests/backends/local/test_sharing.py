"""Threads share flushes, forked children find their own way, and locks die with their holder."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from backends_world import facts, name, put
from contract import append, run_threads
from faulty_disk import FaultyDisk
from local_world import Folder

from aicas.backends.local.files import FileLock
from aicas.errors import StorageFailed

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_a_put_in_the_steady_state_makes_exactly_one_flush(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk(monkeypatch)
    backend = folder.open()
    put(backend, "plan", "0")
    counted, seen = backend.flushes, disk.flushes
    for step in range(20):
        put(backend, "plan", f"step {step}")
    assert backend.flushes - counted == 20
    assert disk.flushes - seen == 20


def test_threads_that_put_at_once_share_flushes(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = folder.open()
    put(backend, "plan", "0")
    flush = os.fdatasync

    def slow(fd: int) -> None:
        time.sleep(0.005)
        flush(fd)

    monkeypatch.setattr(os, "fdatasync", slow)
    counted = backend.flushes

    def work(worker: int) -> None:
        for step in range(10):
            put(backend, f"key{worker}", str(step))

    run_threads(work, 8)
    assert backend.last_number() == 81
    assert backend.flushes - counted < 60


def in_child(work: object) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()  # type: ignore[operator]
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_reads_and_writes_in_the_store_its_parent_opened(folder: Folder) -> None:
    backend = folder.open()
    put(backend, "plan", "parent")
    assert backend._view.fold(wait=True)
    put(backend, "plan", "parent again")

    def child() -> None:
        assert backend.last_number() == 2
        for step in range(5):
            put(backend, "plan", f"child {step}")
        assert list(backend.check()) == []
        backend.close()

    assert in_child(child) == 0
    put(backend, "plan", "parent after")
    assert [o.number for o in backend.operations()] == list(range(8, 0, -1))
    assert list(backend.check()) == []
    assert facts(folder.open()) == facts(backend)


def test_parents_and_children_write_at_once(folder: Folder) -> None:
    backend = folder.open(segment_bytes=2000)
    children = []
    for worker in range(4):
        child = os.fork()
        if child == 0:
            try:
                for step in range(10):
                    append(backend, f"{worker}.{step}")
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    for step in range(10):
        append(backend, f"parent.{step}")
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0] * 4
    moves = backend.reflog(name("a"))
    assert len(moves) == 50
    assert [move.old for move in moves[:-1]] == [move.new for move in moves[1:]]
    assert list(backend.check()) == []


def test_a_child_forked_while_a_lock_is_held_does_not_keep_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    reading, writing = os.pipe()
    with lock.held():
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
    os.close(reading)
    with FileLock(tmp_path / "lock").tried() as held:
        assert held
    os.close(writing)
    os.waitpid(child, 0)


def test_a_lock_excludes_threads_and_other_openings(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with one.held():
        for lock in (one, other):
            with lock.tried() as held:
                assert not held
    with other.tried() as held, one.tried() as too:
        assert (held, too) == (True, False)


def test_a_lock_is_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with lock.held():
            os.write(writing, b"x")
            time.sleep(60)
            os._exit(0)
    os.read(reading, 1)
    with lock.tried() as held:
        assert not held
    os.kill(child, 9)
    os.waitpid(child, 0)
    with lock.held():
        pass
    os.close(reading)
    os.close(writing)


def test_many_threads_read_and_write_one_store(folder: Folder) -> None:
    backend = folder.open(segment_bytes=4000)
    stop = threading.Event()

    def work(worker: int) -> None:
        if worker < 2:
            while not stop.is_set():
                for ref, state in backend.refs("live/").items():
                    assert backend.read([state.last]), ref
            return
        try:
            for step in range(25):
                put(backend, f"key{worker}", str(step))
        finally:
            stop.set()

    run_threads(work, 5)
    assert backend.last_number() == 75


def test_a_closed_store_says_so(folder: Folder) -> None:
    backend = folder.open()
    put(backend, "plan", "1")
    backend.close()
    backend.close()
    for question in (backend.last_number, lambda: backend.refs(""), lambda: put(backend, "a", "1")):
        with pytest.raises(StorageFailed, match="closed"):
            question()


def test_reopening_answers_the_same_whatever_the_order(folder: Folder) -> None:
    backend = folder.open(segment_bytes=900)
    for step in range(12):
        put(backend, f"key{step % 4}", str(step), f"key{(step + 1) % 4}")
        assert facts(folder.open()) == facts(backend)
        if step % 5 == 0:
            assert backend._view.fold(wait=True)
        if step % 7 == 0:
            folder.drop_index()
