"""Puts of a batch: in order, each whole, durable together, bounded in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import crashes_at
from hand_clock import HandClock
from peak_memory import PEAK

import aicas
from aicas.backends.local.backend import LocalBackend
from aicas.errors import InvalidInput, NotFound, StorageFailed
from aicas.history import batch as batches

OpenStore = Callable[..., aicas.Store]
LARGE = bytes(range(256)) * 4_000


def flushes(store: aicas.Store) -> int:
    backend = store._backend
    assert isinstance(backend, LocalBackend)
    return backend.flushes


def current(store: aicas.Store) -> dict[str, object]:
    known = store.keys()
    return {key: store.get(key) for key in known}


def test_what_was_put_is_there_when_the_block_is_left(store: aicas.Store) -> None:
    with store.batch() as batch:
        made = [batch.put(f"stage-{n}", {"a.py": b"x = %d" % n}) for n in range(20)]
    for number, snapshot in enumerate(made):
        assert store.show(f"stage-{number}") == snapshot
        assert store.get(f"stage-{number}") == {"a.py": b"x = %d" % number}
    assert [operation.number for operation in store._backend.operations()] == [*range(20, 0, -1)]


def test_a_batch_is_what_its_puts_one_by_one_would_be(store: aicas.Store, clock: HandClock) -> None:
    one_by_one = aicas.in_memory(clock=clock)
    with store.batch() as batch:
        for into in (batch, one_by_one):
            into.put("plan", "first", recipe={"model": "m"}, cost=aicas.Cost(usd_nano=7))
            into.put("code", {"a": b"1"}, inputs=["plan"], tags=["t"], meta={"k": [1]})
            into.put("plan", "second", recipe={"model": "n"})
            into.put("code", {"a": b"2"}, inputs=["plan"])
            into.put("odd", "no", validation_status="failed")
            into.put("many", "a", sample=1)
            into.put("many", "b", sample=2)
    assert [o._replace(actor="") for o in store._backend.operations()] == [
        o._replace(actor="") for o in one_by_one._backend.operations()
    ]
    assert list(store.log()) == list(one_by_one.log())


def test_a_batch_is_flushed_once(local_store: aicas.Store) -> None:
    before = flushes(local_store)
    with local_store.batch() as batch:
        for number in range(50):
            batch.put(f"stage-{number}", f"text {number}")
    assert flushes(local_store) == before + 1


def test_others_see_nothing_of_it_before_it_is_flushed(open_local: OpenStore) -> None:
    store, other = open_local(), open_local()
    with store.batch() as batch:
        batch.put("plan", "here")
        assert batch.get("plan") == "here"
        assert other.keys() == []
        batch.flush()
        assert other.get("plan") == "here"
        batch.put("plan", "there")
        assert other.get("plan") == "here"
    assert other.get("plan") == "there"


def test_what_was_put_is_an_input_for_what_follows(store: aicas.Store) -> None:
    with store.batch() as batch:
        plan = batch.put("plan", {"phases": [1, 2]})
        by_key = batch.put("code", {"a.py": b"1"}, inputs=["plan#/phases/1"])
        by_id = batch.put("report", "good", inputs=[aicas.Use("code", str(by_key.id))])
    assert [used.snapshot for used in by_key.inputs] == [plan.id]
    assert [used.snapshot for used in by_id.inputs] == [by_key.id]
    store.put("plan", {"phases": [1, 3]})
    assert not store.lookup("code")
    assert store.plan_invalidate("plan").refs[1:] == ("live/default/code", "live/default/report")


def test_a_batch_shows_the_store_as_it_will_be(store: aicas.Store) -> None:
    store.put("plan", "old")
    with store.batch() as batch:
        made = batch.put("plan", "new", recipe={"model": "m"})
        assert batch.lookup("plan", {"model": "m"})
        assert batch.show("plan") == batch.show(made.id.short) == made
        assert batch.show("plan~1") == store.show("plan")
        assert batch.get("plan@{1}") == "old"


def test_large_contents_are_put_and_read_within_a_batch(store: aicas.Store) -> None:
    with store.batch() as batch:
        batch.put("data", {"large": LARGE, "small": b"1"})
        batch.put("again", {"large": LARGE})
        assert batch.get("data") == {"large": LARGE, "small": b"1"}
        batch.put("after", {"large": LARGE})
    assert store.get("again") == store.get("after") == {"large": LARGE}


def test_versions_of_one_key_follow_one_another(store: aicas.Store) -> None:
    first = store.put("plan", "0")
    with store.batch() as batch:
        made = [first, *(batch.put("plan", str(n)) for n in range(1, 5))]
    assert [snapshot.parent for snapshot in made[1:]] == [snapshot.id for snapshot in made[:-1]]
    assert [entry.snapshot for entry in store.log("plan")] == made[::-1]


def test_what_is_refused_leaves_the_rest_of_the_batch_alone(store: aicas.Store) -> None:
    with store.batch() as batch:
        batch.put("good", "1")
        with pytest.raises(InvalidInput):
            batch.put("no key", "2")
        with pytest.raises(NotFound):
            batch.put("lost", "3", inputs=["nothing"])
        batch.put("better", "4")
    assert current(store) == {"good": "1", "better": "4"}


def test_what_was_put_stays_when_the_block_fails(store: aicas.Store) -> None:
    class EnoughError(Exception):
        pass

    with pytest.raises(EnoughError), store.batch() as batch:
        batch.put("paid", "dear")
        raise EnoughError
    assert store.get("paid") == "dear"


def test_progress_tells_how_many_are_durable(
    store: aicas.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_PUTS", 4)
    told: list[int] = []
    with store.batch(progress=told.append) as batch:
        for number in range(10):
            batch.put("plan", str(number))
            assert store._backend.last_number() == sum(told[-1:])
    assert told == [4, 8, 10]


def test_a_batch_puts_into_several_projects(store: aicas.Store) -> None:
    with store.batch() as batch:
        batch.put("plan", "mine")
        batch.at_project("other").put("code", "theirs", inputs=["default/plan"])
    assert store.at_project("other").lookup("code")


def test_what_others_publish_meanwhile_stays_in_history(open_local: OpenStore) -> None:
    store, other = open_local(), open_local()
    store.put("plan", "0")
    with store.batch() as batch:
        told = batch.put("plan", "mine")
        batch.put("code", "from mine", inputs=["plan"])
        theirs = other.put("plan", "theirs")
        batch.put("untouched", "1")
    plan, code = store.show("plan"), store.show("code")
    assert (plan.parent, plan.payload) == (theirs.id, told.payload)
    assert [used.snapshot for used in code.inputs] == [plan.id]
    assert store.lookup("code")
    assert [e.snapshot.parent for e in store.log("plan")][1] is not None


def test_an_input_named_by_its_id_is_followed_when_it_is_made_anew(open_local: OpenStore) -> None:
    store, other = open_local(), open_local()
    with store.batch() as batch:
        told = batch.put("plan", "mine")
        other.put("plan", "theirs")
        batch.flush()
        code = batch.put("code", "from mine", inputs=[aicas.Use("plan", str(told.id))])
    assert store.show("plan").id != told.id
    assert [used.snapshot for used in code.inputs] == [store.show("plan").id]


def test_nothing_more_is_put_after_the_disk_refused(
    local_store: aicas.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(5, "input/output error")

    with pytest.raises(StorageFailed), local_store.batch() as batch:
        batch.put("plan", "1")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", refuse)
            with pytest.raises(StorageFailed):
                batch.flush()
        with pytest.raises(StorageFailed):
            batch.put("plan", "2")
    assert local_store.put("plan", "3").key == "plan"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_crash_leaves_the_first_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_PUTS", 3)
    with aicas.open(tmp_path / "store") as store:
        store.put("plan", "0")
    wanted = ["0", *(f"{n}" for n in range(1, 8))]
    for call in range(1, 100):
        trial = tmp_path / f"trial{call}"
        shutil.copytree(tmp_path / "store", trial)

        def work(folder: Path = trial) -> None:
            with aicas.open(folder) as store, store.batch() as batch:
                for text in wanted[1:]:
                    batch.put("plan", text)
                    batch.put("large", {"x": LARGE, "n": text.encode()}, inputs=["plan"])

        crashed = crashes_at(call, work)
        with aicas.open(trial) as store:
            assert store.verify().damage == ()
            found = [store.payload(e.snapshot) for e in store.log("plan")][::-1]
            assert found == wanted[: len(found)]
            if len(found) > 1:
                known = store.keys()
                large = len(list(store.log("large"))) if "large" in known else 0
                assert large in (len(found) - 1, len(found) - 2)
        shutil.rmtree(trial)
        if not crashed:
            assert found == wanted
            return
    raise AssertionError("the batch never finished")


PUTTING = """
import sys, aicas
with aicas.open(sys.argv[1]) as store, store.batch() as batch:
    for number in range(150):
        batch.put("common", f"{sys.argv[2]} {number}")
        batch.put(f"own-{sys.argv[2]}", f"of {number}", inputs=["common"])
        if number % 40 == 0:
            batch.flush()
"""


def test_batches_of_several_processes_all_stay_in_history(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    aicas.open(folder).close()
    code = [sys.executable, "-c", PUTTING, str(folder)]
    workers = [subprocess.Popen([*code, name]) for name in ("a", "b", "c")]
    assert [worker.wait(timeout=100) for worker in workers] == [0, 0, 0]
    with aicas.open(folder) as store:
        texts = [store.payload(entry.snapshot) for entry in store.log("common")][::-1]
        for name in ("a", "b", "c"):
            mine = [text for text in texts if text.startswith(name)]
            assert mine == [f"{name} {number}" for number in range(150)]
            assert len(list(store.log(f"own-{name}"))) == 150
        assert len(texts) == 450
        assert store.verify().damage == ()


BOUNDED = """
import sys, os, aicas
with aicas.open(sys.argv[1]) as store, store.batch() as batch:
    batch.put("warm", "up")
    before = peak_mib()
    for number in range(400):
        batch.put(f"stage-{number % 7}", {f"f{i}": os.urandom(200_000) for i in range(5)})
print(peak_mib() - before)
"""


def test_memory_is_bounded_however_much_is_put(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PEAK + BOUNDED, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200, "400 MB were put"
