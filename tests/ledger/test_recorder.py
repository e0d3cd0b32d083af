"""Recording in the background: nothing waits or is recorded twice, and next to nothing is lost."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import looking_up
import pytest
from hand_clock import HandClock

import aicas
from aicas.backends.base import Backend
from aicas.backends.local import layout
from aicas.backends.memory import MemoryBackend
from aicas.clock import DAY
from aicas.config import Config
from aicas.errors import InvalidInput, StorageFailed
from aicas.ledger import recorder as recording
from aicas.ledger.events import lookups
from aicas.ledger.recorder import Recorder
from aicas.names import Key, Project, live_ref
from aicas.validity.check import Hit, Miss
from aicas.validity.reasons import InputChanged, NeverStored

MISS = Miss((NeverStored(), InputChanged("a", None, None, b""), InputChanged("b", None, None, b"")))

OWN = live_ref(Project("default"), Key("own-p"))


class Medium(MemoryBackend):
    """Events in memory; refuses, or holds whoever records, while told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_refusing = False
        self.is_open = threading.Event()
        self.is_open.set()
        self.reached = threading.Event()

    def record(self, at: int, events: Sequence[bytes]) -> None:
        self.reached.set()
        self.is_open.wait()
        if self.is_refusing:
            raise StorageFailed("the disk is full")
        super().record(at, events)


def keys(backend: Backend) -> list[str]:
    return [lookup.key for lookup in lookups(backend)]


def sessions(backend: Backend) -> Counter[str | None]:
    return Counter(lookup.session for lookup in lookups(backend))


def wait_until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.01)


def test_a_lookup_is_recorded_by_itself_and_the_thread_wakes_again() -> None:
    backend = MemoryBackend()
    recorder = Recorder(backend)
    for key in ("one", "two"):
        recorder.record(5, "shop", key, "run", MISS)
        wait_until(lambda: bool(keys(backend)) and keys(backend)[-1] == key)  # noqa: B023
    first = next(lookups(backend))
    assert first[:6] == (5, "shop", "one", "run", None, ("never_stored", "input_changed"))
    recorder.close()


def test_a_hit_tells_what_it_saved() -> None:
    store = aicas.Store(MemoryBackend())
    cost = aicas.Cost(7, 10, 5, 2, 300, "gpt-4", {"input": 1}, 3)
    made = store.put("plan", "p", cost=cost, recipe={"model": "configured"})
    unpriced = store.put("code", "c", recipe={"model": "configured"})
    recorder = Recorder(store._backend)
    recorder.record(5, "shop", "plan", None, Hit(made, moved=True))
    recorder.record(5, "shop", "code", None, Hit(unpriced))
    recorder.flush()
    priced, plain = lookups(store._backend)
    assert (priced.snapshot, priced.recalled, priced.model) == (made.id, True, "gpt-4")
    assert priced.saved == aicas.Cost(7, 10, 5, 0, 300, None, {}, 3)
    assert (plain.snapshot, plain.recalled, plain.model) == (unpriced.id, False, "configured")
    assert plain.saved == aicas.Cost(calls=0)


def test_a_lookup_goes_on_while_others_are_being_recorded() -> None:
    medium = Medium()
    medium.is_open.clear()
    recorder = Recorder(medium)
    recorder.record(5, "shop", "one", None, MISS)
    medium.reached.wait()
    for _ in range(1_000):  # would never end if it waited
        recorder.record(5, "shop", "two", None, MISS)
    medium.is_open.set()
    recorder.close()
    assert keys(medium) == ["one"] + 1_000 * ["two"]


def test_flushing_returns_when_everything_is_recorded_in_order_each_by_its_day() -> None:
    backend = MemoryBackend()
    recorder = Recorder(backend)
    for at, key in ((DAY, "a"), (DAY, "b"), (2 * DAY, "c"), (DAY + 1, "d")):
        recorder.record(at, "shop", key, None, MISS)
    recorder.flush()
    recorder.flush()
    assert keys(backend) == ["a", "b", "d", "c"]


def test_a_medium_that_refuses_never_reaches_a_lookup_and_gets_each_once_it_takes_them() -> None:
    medium = Medium()
    medium.is_refusing = True
    recorder = Recorder(medium)
    for key in ("one", "two"):
        recorder.record(5, "shop", key, None, MISS)
        with pytest.raises(StorageFailed, match="full"):
            recorder.flush()
    medium.reached.clear()
    medium.reached.wait()  # it tries again without being told
    medium.is_refusing = False
    wait_until(lambda: len(keys(medium)) == 2)
    recorder.close()
    assert keys(medium) == ["one", "two"]


def test_what_a_medium_refuses_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING", 10)
    monkeypatch.setattr(recording, "_BATCH", 4)
    medium = Medium()
    medium.is_refusing = True
    recorder = Recorder(medium)
    for number in range(100):
        recorder.record(5, "shop", f"k{number}", None, MISS)
    medium.is_refusing = False
    recorder.close()
    assert keys(medium) == [f"k{number}" for number in range(len(keys(medium)))]
    assert 10 <= len(keys(medium)) <= 14


def test_no_burst_is_too_fast_for_a_medium_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING", 10)
    monkeypatch.setattr(recording, "_BATCH", 4)
    medium = Medium()
    recorder = Recorder(medium)
    for number in range(1_000):
        recorder.record(5, "shop", f"k{number}", None, MISS)
    recorder.flush()
    assert keys(medium) == [f"k{number}" for number in range(1_000)]


def test_a_lookup_that_cannot_be_recorded_is_dropped_and_told_of() -> None:
    backend = MemoryBackend()
    recorder = Recorder(backend)
    recorder.record(5, "shop", "one", "a\nb", MISS)
    recorder.record(5, "shop", "two", None, MISS)
    with pytest.raises(InvalidInput, match="session"):
        recorder.flush()
    recorder.flush()
    assert keys(backend) == ["two"]


def recorders() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "aicas-recorder"}


def test_closing_records_and_stops_and_a_later_lookup_begins_anew() -> None:
    before = recorders()
    backend = MemoryBackend()
    recorder = Recorder(backend)
    recorder.record(5, "shop", "one", None, MISS)
    recorder.close()
    recorder.close()
    assert keys(backend) == ["one"]
    assert recorders() <= before
    recorder.record(5, "shop", "two", None, MISS)
    recorder.close()
    assert keys(backend) == ["one", "two"]


def test_closing_at_whatever_moment_of_a_flush_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 0.0005)
    chance = random.Random(1)
    for _ in range(2000):
        recorder = Recorder(MemoryBackend())
        recorder.record(1, "default", "plan", None, MISS)
        time.sleep(chance.uniform(0, 0.001))
        closing = threading.Thread(target=recorder.close, daemon=True)
        closing.start()
        closing.join(timeout=30)
        assert not closing.is_alive()


def test_what_a_forgotten_recorder_holds_is_recorded_and_its_thread_ends() -> None:
    backend = MemoryBackend()
    recorder = Recorder(backend)
    before = recorders()
    recorder.record(5, "shop", "one", None, MISS)
    (thread,) = recorders() - before
    del recorder
    gc.collect()
    thread.join()
    assert keys(backend) == ["one"]


def test_many_threads_lose_nothing_and_record_nothing_twice() -> None:
    backend = MemoryBackend()
    recorder = Recorder(backend)

    def record(name: str) -> None:
        for number in range(500):
            recorder.record(5, "shop", f"{name}-{number}", None, MISS)
            if number % 100 == 0:
                recorder.flush()

    threads = [threading.Thread(target=record, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    expected = {f"t{n}-{number}": 1 for n in range(8) for number in range(500)}
    assert Counter(keys(backend)) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that holds one stage, looked up by the processes of a test."""
    layout.create(tmp_path / "store")
    with looking_up.open_store(str(tmp_path / "store")) as store:
        store.put("plan", "p", cost=aicas.Cost(usd_nano=3))
    return tmp_path / "store"


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, looking_up.__file__, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_processes_that_record_at_once_lose_nothing_when_they_end(folder: Path) -> None:
    processes = [start("many", folder, f"p{n}", 400) for n in range(4)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with looking_up.open_store(str(folder)) as store:
        expected = {f"p{n}-{number}": 1 for n in range(4) for number in range(400)}
        assert sessions(store._backend) == expected
        assert store.verify().clean


def test_a_killed_process_loses_its_last_lookups_only_and_no_put(folder: Path) -> None:
    with looking_up.open_store(str(folder)) as store, start("until_killed", folder, "p", 50) as p:
        assert p.stdout is not None
        assert p.stdin is not None
        assert p.stdout.readline() == b"looked up\n"
        wait_until(lambda: sessions(store._backend).total() == 50)
        p.stdin.write(b"go on\n")
        p.stdin.flush()
        told = [p.stdout.readline() for _ in range(20)]
        wait_until(lambda: sessions(store._backend).total() > 50)
        p.kill()
        told += [line for line in p.stdout.read().splitlines(keepends=True) if line[-1:] == b"\n"]
        found = sessions(store._backend)
        assert found == {f"p-{number}": 1 for number in range(len(found))}
        made = [str(move.new) for move in store._backend.reflog(OWN)][::-1]
        assert [line.decode().strip() for line in told] == made[: len(told)]
        assert len(told) <= len(made) <= len(told) + 1
        assert store.verify().clean


def test_a_fork_records_what_waited_once(folder: Path) -> None:
    process = start("fork", folder, "p", 10)
    process.communicate(timeout=60)
    assert process.returncode == 0
    names = ["p", "p-parent", "p-child"]
    with looking_up.open_store(str(folder)) as store:
        expected = {f"{name}-{number}": 1 for name in names for number in range(10)}
        assert sessions(store._backend) == expected


def test_recording_can_be_turned_off(clock: HandClock) -> None:
    backend = MemoryBackend()
    store = aicas.Store(backend, config=Config(analytics_enabled=False), clock=clock)
    store.lookup("plan")
    assert list(backend.recorded()) == []
