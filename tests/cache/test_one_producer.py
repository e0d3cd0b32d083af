"""One producer among the callers of many processes, whoever fails or is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from callers import KEYS, RECIPE

import aicas
from aicas import Cache
from aicas.backends.local import layout

PROCESSES, CALLERS = 8, 4
EVERYBODY = PROCESSES * CALLERS


@dataclass(frozen=True)
class Crowd:
    """Processes with callers, their orders, and what they told."""

    base: Path
    processes: list[subprocess.Popen[bytes]]

    @classmethod
    def start(cls, base: Path, kind: str, policy: str) -> Crowd:
        layout.create(base / "store")
        os.mkfifo(base / "gate")
        (base / "calls").touch()
        made = cls(base, [])
        for number in range(PROCESSES):
            made._start(number, kind, policy)
        return made

    def _start(self, number: int, kind: str, policy: str) -> None:
        script = Path(__file__).with_name("callers.py")
        command = [sys.executable, str(script), kind, str(self.folder), str(CALLERS), policy]
        with self._said(number).open("wb") as out, self._errors(number).open("wb") as errors:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=errors))

    def _said(self, number: int) -> Path:
        return self.base / f"{number}.out"

    def _errors(self, number: int) -> Path:
        return self.base / f"{number}.err"

    @property
    def folder(self) -> Path:
        return self.base / "store"

    def lines(self) -> list[str]:
        texts = (self._said(n).read_text() for n in range(PROCESSES))
        return [line for text in texts for line in text.splitlines()]

    def calls(self) -> list[str]:
        return (self.base / "calls").read_text().splitlines()

    def wait_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            for number, process in enumerate(self.processes):
                assert process.poll() in (None, -9), self._errors(number).read_text()
            time.sleep(0.001)

    def wait_for(self, *, calls: int, waiting: int) -> None:
        self.wait_until(
            lambda: len(self.calls()) == calls and self.lines().count("waits") >= waiting
        )

    def order(self, what: str) -> None:
        """Tell the one at the gate what to do."""
        (self.base / "gate").write_text(what)

    def kill_producer(self) -> int:
        """Kill the process that was called last; returns its number."""
        (process,) = (p for p in self.processes if p.pid == int(self.calls()[-1]))
        process.kill()
        process.wait()
        return process.pid

    def results(self) -> Counter[str]:
        """What the callers that were left to the end got."""
        for number, process in enumerate(self.processes):
            process.wait(timeout=120)
            assert process.returncode in (0, -9)
            assert self._errors(number).read_text() == ""
        return Counter(line for line in self.lines() if line != "waits")


Start = Callable[[str, str], Crowd]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    crowds: list[Crowd] = []

    def start(kind: str, policy: str = "share") -> Crowd:
        crowds.append(Crowd.start(tmp_path, kind, policy))
        return crowds[-1]

    yield start
    for crowd in crowds:
        for process in crowd.processes:
            process.kill()
            process.wait()
        with aicas.open(crowd.folder) as store:
            assert store.verify().damage == ()
        assert list((crowd.folder / "leases").iterdir()) == [], "no lease outlives verify"


kinds = pytest.mark.parametrize("kind", ["threads", "tasks"])


def versions(crowd: Crowd) -> int:
    with aicas.open(crowd.folder) as store:
        return len(list(store.log("key")))


@kinds
def test_of_all_callers_of_many_processes_one_produces(start: Start, kind: str) -> None:
    crowd = start(kind)
    crowd.wait_for(calls=1, waiting=EVERYBODY - 1)
    crowd.order("value")
    assert crowd.results() == {f"got made by {crowd.calls()[0]}": EVERYBODY}
    assert len(crowd.calls()) == 1
    assert versions(crowd) == 1


@kinds
def test_a_killed_producer_is_replaced_by_one_waiter_at_once(start: Start, kind: str) -> None:
    crowd = start(kind)
    crowd.wait_for(calls=1, waiting=EVERYBODY - 1)
    killed = crowd.kill_producer()
    crowd.wait_for(calls=2, waiting=EVERYBODY - 1)  # in far less than a lifetime of the lease
    crowd.order("value")
    first, second = map(int, crowd.calls())
    assert first == killed != second
    assert crowd.results() == {f"got made by {second}": EVERYBODY - CALLERS}
    assert len(crowd.calls()) == 2, "exactly one more call"
    assert versions(crowd) == 1


@kinds
def test_a_failure_is_shared_with_everybody_who_waited(start: Start, kind: str) -> None:
    crowd = start(kind, "share")
    crowd.wait_for(calls=1, waiting=EVERYBODY - 1)
    crowd.order("raise")
    error = f"ValueError: as told, in {crowd.calls()[0]}"
    assert crowd.results() == {
        f"failed {error}": 1,
        f"failed ProducerFailed: stage key failed: {error}": EVERYBODY - 1,
    }
    assert len(crowd.calls()) == 1
    assert (crowd.folder / "leases").exists()


@kinds
def test_after_a_failure_one_of_those_who_retry_is_promoted(start: Start, kind: str) -> None:
    crowd = start(kind, "retry")
    crowd.wait_for(calls=1, waiting=EVERYBODY - 1)
    crowd.order("raise")
    crowd.wait_for(calls=2, waiting=EVERYBODY - 1)
    crowd.order("value")
    first, second = crowd.calls()
    assert crowd.results() == {
        f"failed ValueError: as told, in {first}": 1,
        f"got made by {second}": EVERYBODY - 1,
    }
    assert len(crowd.calls()) == 2


@kinds
def test_callers_that_race_for_many_outputs_have_each_produced_once(
    start: Start, kind: str
) -> None:
    crowd = start(kind, "race")
    assert crowd.results() == {f"got key{n} made": EVERYBODY for n in range(KEYS)}
    assert Counter(crowd.calls()) == {f"key{n}": 1 for n in range(KEYS)}


def test_hits_go_on_while_a_producer_of_another_process_is_at_work(start: Start) -> None:
    crowd = start("threads")
    crowd.wait_for(calls=1, waiting=EVERYBODY - 1)
    with aicas.open(crowd.folder) as store:
        cache = Cache(store)
        cache.get_or_create("other", lambda: "there", recipe=RECIPE)
        for _ in range(1000):
            assert cache.get_or_create("other", never, recipe=RECIPE).payload == "there"
        assert len(crowd.calls()) == 1
        assert set(crowd.lines()) == {"waits"}, "nobody has got anything yet"
    crowd.order("value")
    assert sum(crowd.results().values()) == EVERYBODY


def never() -> str:
    raise AssertionError("a hit runs nothing")
