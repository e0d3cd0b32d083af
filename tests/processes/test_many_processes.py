"""Many processes in one store: no update lost, no object lost, whoever is killed whenever."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from workers import open_store

import aicas
from aicas.backends.local import layout
from aicas.ids import SnapshotId


@dataclass(frozen=True)
class Worker:
    """A running worker, and the file it says its lines to, which outlives it."""

    process: subprocess.Popen[bytes]
    said: Path

    def wait_until_ready(self) -> None:
        while not self.said.stat().st_size:
            assert self.process.poll() is None, self.errors()
            time.sleep(0.001)

    def errors(self) -> str:
        return self.said.with_suffix(".err").read_text()

    def told(self) -> dict[str, list[SnapshotId]]:
        """The puts it was told of; a last line cut off by a kill was not told."""
        found: dict[str, list[SnapshotId]] = defaultdict(list)
        for line in self.said.read_text().splitlines(keepends=True):
            if line.endswith("\n") and line != "ready\n":
                key, made = line.split()
                found[key].append(SnapshotId(bytes.fromhex(made)))
        return found

    def finish(self) -> dict[str, list[SnapshotId]]:
        self.process.wait(timeout=120)
        assert (self.process.returncode, self.errors()) == (0, "")
        return self.told()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout.create(tmp_path / "store")
    return tmp_path / "store"


Start = Callable[[str, str, float], Worker]


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Start]:
    started: list[Worker] = []

    def start(job: str, name: str, seconds: float) -> Worker:
        script = Path(__file__).with_name("workers.py")
        command = [sys.executable, str(script), job, str(folder), name, str(seconds)]
        said = tmp_path / f"{name}.out"
        with said.open("wb") as out, said.with_suffix(".err").open("wb") as errors:
            process = subprocess.Popen(command, stdout=out, stderr=errors)
        started.append(Worker(process, said))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


def check_history(store: aicas.Store, told: list[dict[str, list[SnapshotId]]]) -> int:
    """Every acknowledged put is in its key's history, in the order its worker made them."""
    count = 0
    keys = {key for one in told for key in one}
    for key in keys:
        moves = store.reflog(key)[::-1]
        assert [move.old for move in moves[1:]] == [move.new for move in moves[:-1]]
        put = [move.new for move in moves if move.verb == "put"]
        assert len(put) == len(set(put)), "no put is recorded twice"
        for one in told:
            mine = set(one.get(key, ()))
            assert [found for found in put if found in mine] == one.get(key, [])
            count += len(mine)
    return count


def test_eight_processes_do_everything_at_once_and_lose_nothing(folder: Path, start: Start) -> None:
    workers = [start("mixed", f"w{n}", 6) for n in range(8)]
    told = [worker.finish() for worker in workers]
    with open_store(str(folder)) as store:
        assert check_history(store, told) > 50
        assert store.verify().damage == ()
    # The same from the log alone.
    for path in (folder / "index").iterdir():
        path.unlink()
    with open_store(str(folder)) as store:
        check_history(store, told)
        assert store.verify().damage == ()


def test_collections_and_packings_beside_puts_of_the_same_content_lose_nothing(
    folder: Path, start: Start
) -> None:
    """No grace, no retention: what keeps an object is only that someone needs it."""
    workers = [start("keep", f"w{n}", 5) for n in range(4)]
    workers += [start("collect", "collector", 5), start("pack", "packer", 5)]
    told = [worker.finish() for worker in workers]
    with open_store(str(folder)) as store:
        assert check_history(store, told) > 50
        assert store.verify().damage == ()
        for one in told:
            for made in (made for puts in one.values() for made in puts):
                store.payload(store.snapshot(made))


def test_the_first_open_of_many_at_once_makes_one_store(tmp_path: Path) -> None:
    code = "import aicas, sys; s = aicas.open(sys.argv[1]); s.put('k', sys.argv[2]); s.close()"
    folder = tmp_path / "new" / "store"
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), str(n)], stderr=subprocess.PIPE)
        for n in range(8)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=60)
        assert (worker.returncode, errors.decode()) == (0, "")
    with aicas.open(folder) as store:
        assert len(list(store.log("k"))) == 8
        assert store.verify().clean


def kill_many(folder: Path, start: Start, *, kills: int, at_once: int, seconds: float) -> None:
    rng = random.Random(kills)
    steady = [start("mixed", "steady", seconds), start("keep", "keeper", seconds)]
    told: list[dict[str, list[SnapshotId]]] = []
    made = 0
    while made < kills:
        jobs = [rng.choice(["mixed", "put", "put", "collect", "pack"]) for _ in range(at_once)]
        victims = [start(job, f"v{made + n}", 60) for n, job in enumerate(jobs)]
        for victim in victims:
            if rng.random() < 0.8:
                victim.wait_until_ready()  # the others die while they open the store, or before
            time.sleep(rng.uniform(0, 0.015))
            victim.process.kill()
            victim.process.wait()
            told.append(victim.told())
        made += at_once
        assert [w.process.poll() for w in steady] == [None, None], "the others keep running"
        if made % (8 * at_once) == 0:
            with open_store(str(folder)) as store:
                check_history(store, told)
    for worker in steady:
        worker.process.terminate()
        worker.process.wait()
        assert worker.errors() == ""
        told.append(worker.told())
    with open_store(str(folder)) as store:
        assert check_history(store, told) > kills // 4
        assert store.verify().damage == ()
    for path in (folder / "index").iterdir():
        path.unlink()
    with open_store(str(folder)) as store:
        check_history(store, told)
        assert store.verify().damage == ()


def test_processes_killed_at_any_moment_lose_nothing_and_stop_nobody(
    folder: Path, start: Start
) -> None:
    kill_many(folder, start, kills=300, at_once=8, seconds=600)


@pytest.mark.stress
def test_thousands_of_kills_lose_nothing(folder: Path, start: Start) -> None:
    kill_many(folder, start, kills=4000, at_once=8, seconds=7200)
