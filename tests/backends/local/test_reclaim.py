"""Deleting gives the space back beneath readers, other writers and other collections."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import pytest
from backends_world import blob, commit, delete, facts, name, operation, put
from contract import run_threads
from local_world import Folder, fold_often

from aicas.backends.local.backend import LocalBackend
from aicas.ids import ObjectId


def used(folder: Folder) -> int:
    return sum(path.stat().st_size for path in folder.segments())


def test_the_space_of_deleted_objects_comes_back(folder: Folder) -> None:
    backend = folder.open()
    keep, drop = blob(random.Random(1).randbytes(50_000)), blob(random.Random(2).randbytes(90_000))
    commit(backend, objects=dict([keep, drop]))
    put(backend, "plan", "1")
    before = used(folder)
    done = backend.delete([drop[0]], operation(verb="gc"), 2, lambda newer: ())
    assert done.freed_bytes == pytest.approx(90_000, abs=100)
    assert used(folder) < before - 89_000
    assert backend.read([keep[0], drop[0]]) == dict([keep])
    assert facts(folder.open()) == facts(backend)
    assert list(backend.check()) == []


def test_a_process_that_had_read_the_old_places_does_not_spoil_the_index(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds them in its overlay, and folds them after the segment was rewritten."""
    sleeper, sweeper = folder.open(), folder.open()
    kept = put(sleeper, "plan", "1")
    put(sleeper, "spec", "1")
    sleeper.last_number()
    delete(sweeper, blob("unrelated")[0], blob("1")[0])
    fold_often(monkeypatch, 1)
    put(sleeper, "plan", "2")
    assert sleeper._view.overlay.weight <= 1, "it folded"
    for backend in (sleeper, sweeper, folder.open()):
        assert backend.read([kept])[kept]
        assert list(backend.check()) == []
        assert facts(backend) == facts(sleeper)


def test_objects_deleted_earlier_stay_deleted_when_their_segment_is_rewritten(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aicas.backends.local import reclaim

    backend = folder.open()
    objects = dict(blob(text) for text in ("first", "second", "third"))
    commit(backend, objects=objects)
    first, second, _ = objects
    with monkeypatch.context() as cut_off:
        cut_off.setattr(reclaim, "rewrite_segments", lambda *args: 0)
        cut_off.setattr(reclaim, "finish", lambda *args: None)
        delete(backend, first)
    delete(backend, second)
    for opened in (backend, folder.open()):
        assert opened.missing(objects) == {first, second}
        assert list(opened.check()) == []
    folder.drop_index()
    assert folder.open().missing(objects) == {first, second}


def test_an_object_put_again_elsewhere_survives_the_rewrite_of_its_old_segment(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aicas.backends.local import reclaim

    backend = folder.open(segment_bytes=1)
    old = dict(blob(text) for text in ("first", "second"))
    commit(backend, objects=old)
    first, second = old
    with monkeypatch.context() as cut_off:
        cut_off.setattr(reclaim, "rewrite_segments", lambda *args: 0)
        cut_off.setattr(reclaim, "finish", lambda *args: None)
        delete(backend, first)
    commit(backend, objects=old)
    delete(backend, second)
    for opened in (backend, folder.open()):
        assert opened.read(old) == {first: old[first]}
        assert list(opened.check()) == []


def test_looking_for_what_a_crash_left_spares_what_is_being_written(folder: Folder) -> None:
    """The segment that is active for the view may be sealed by another process at any moment."""
    from aicas.backends.local import reclaim

    sweeper, writer = folder.open(segment_bytes=1), folder.open(segment_bytes=1)
    put(writer, "plan", "1")
    sweeper.last_number()
    put(writer, "plan", "2")
    put(writer, "plan", "3")
    assert set(reclaim.dead_records(sweeper._view)) == set()
    (folder.path / "reclaiming").touch()
    delete(sweeper, blob("unrelated")[0])
    assert facts(folder.open()) == facts(writer)
    assert list(folder.open().check()) == []


def test_two_collectors_with_old_views_do_not_undo_each_other(folder: Folder) -> None:
    one, other = folder.open(segment_bytes=600), folder.open(segment_bytes=600)
    objects = dict(blob(f"object {n}") for n in range(30))
    for object_id, stored in objects.items():
        commit(one, objects={object_id: stored})
    list(other.scan())
    ids = list(objects)
    for step in range(0, 24, 2):
        delete(one, ids[step])
        delete(other, ids[step + 1])
    for backend in (one, other, folder.open()):
        assert backend.missing(ids) == set(ids[:24])
        assert backend.read(ids[24:]) == {i: objects[i] for i in ids[24:]}
        assert list(backend.check()) == []


def test_a_damaged_segment_is_left_as_it_is(folder: Folder) -> None:
    from local_world import flip

    backend = folder.open(segment_bytes=1)
    for content in "abc":
        put(backend, "plan", content)
    flip(folder.segments()[0], folder.groups()[0].end - 2)
    damaged = folder.segments()[0].read_bytes()
    fresh = folder.open(segment_bytes=1)
    delete(fresh, blob("a")[0])
    assert folder.segments()[0].read_bytes() == damaged
    assert fresh.missing([blob("a")[0], blob("b")[0]]) == {blob("a")[0]}


def test_readers_and_writers_go_on_while_segments_are_rewritten(folder: Folder) -> None:
    writer = folder.open(segment_bytes=3000)
    kept = [put(writer, f"kept{n}", f"kept {n}") for n in range(10)]
    done = threading.Event()

    def read(backend: LocalBackend) -> None:
        while not done.is_set():
            frames = backend.read(kept)
            assert all(frames.get(i) for i in kept)

    def collect(backend: LocalBackend) -> None:
        for step in range(25):
            passing = blob(f"passing {step} of {id(backend)}")
            commit(backend, objects=dict([passing]))
            assert delete(backend, passing[0]) == {passing[0]}

    def write(backend: LocalBackend) -> None:
        for step in range(40):
            put(backend, "written", str(step))

    jobs = [read, collect, collect, write]
    running = [3]

    def work(number: int) -> None:
        try:
            jobs[number](folder.open(segment_bytes=3000))
        finally:
            if number:
                running[0] -= 1
            if running[0] == 0:
                done.set()

    run_threads(work, 4)
    fresh = folder.open()
    assert len(fresh.reflog(name("written"))) == 40
    assert list(fresh.check()) == []
    assert facts(fresh) == facts(writer)


def test_checking_beside_collections_reports_no_false_damage(folder: Folder) -> None:
    backend = folder.open(segment_bytes=700)
    for step in range(20):
        put(backend, f"key{step}", f"{step}")

    def collect(sequence: Sequence[ObjectId]) -> None:
        other = folder.open(segment_bytes=700)
        for object_id in sequence:
            delete(other, object_id)
            put(other, object_id.short, "more")

    doomed = [blob(str(step))[0] for step in range(20)]
    faults: list[object] = []

    def work(number: int) -> None:
        if number:
            collect(doomed[number - 1 :: 2])
        else:
            mine = folder.open()
            for _ in range(30):
                faults.extend(mine.check())

    run_threads(work, 3)
    assert faults == []
