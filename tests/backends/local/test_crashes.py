"""A process may die between any two changes it makes on disk; the store is never in between."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from backends_world import blob, commit, delete, facts, put, stage
from crashing import crashes_at
from local_world import Folder

from aicas.backends.local import layout, reclaim
from aicas.backends.local.backend import LocalBackend

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LARGE = bytes(range(256)) * 4000
Work = Callable[[LocalBackend], object]
WORK: dict[str, Work] = {
    "put": lambda backend: put(backend, "plan", "new"),
    "put large": lambda backend: commit(backend, objects={blob(LARGE)[0]: stage(backend, LARGE)}),
    "fold": lambda backend: backend._view.fold(wait=True),
    "delete": lambda backend: delete(backend, blob("old")[0], blob("older")[0]),
    "delete large": lambda backend: delete(backend, blob(LARGE[1:])[0]),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
@pytest.mark.parametrize("segment_bytes", [64 << 20, 400])
def test_a_crash_at_any_step_leaves_all_or_nothing(
    folder: Folder, tmp_path: object, work: Work, segment_bytes: int
) -> None:
    backend = folder.open(segment_bytes)
    for content in ("older", "old", "current"):
        put(backend, "plan", content)
    commit(backend, objects={blob(LARGE[1:])[0]: stage(backend, LARGE[1:])})
    before = facts(backend)
    folder.close()
    for call in range(1, 200):
        trial = folder.copy(folder.path.with_name(f"trial{call}"))

        def in_child(trial: Folder = trial) -> None:
            work(trial.open(segment_bytes))

        crashed = crashes_at(call, in_child)
        survivor = trial.open(segment_bytes)
        after = facts(survivor)
        assert list(survivor.check()) == []
        committed = after["last"] != before["last"]
        assert committed or after == before
        assert crashed or committed or work is WORK["fold"]
        if not committed:
            work(survivor)
        put(survivor, "plan", "afterwards")
        delete(survivor, blob("current")[0])
        assert list(survivor.check()) == []
        assert set(reclaim.dead_records(survivor._view)) == set(), "all space came back"
        truth = facts(survivor)
        trial.close()
        trial.drop_index()
        assert facts(trial.open()) == truth
        trial.close()
        if not crashed:
            return
    raise AssertionError("the work never finished")


def test_a_crash_while_the_store_is_made_leaves_nothing_in_the_way(folder: Folder) -> None:
    for call in range(1, 100):
        path = folder.path.with_name(f"new{call}")
        crashed = crashes_at(call, lambda path=path: layout.create(path))  # type: ignore[misc]
        layout.create(path)
        made = Folder(path)
        put(made.open(), "plan", "1")
        assert list(made.opened[0].check()) == []
        made.close()
        if not crashed:
            return
    raise AssertionError("the store was never made")


def test_leftovers_of_a_crashed_rewrite_are_cleared_by_the_next_collection(folder: Folder) -> None:
    backend = folder.open(segment_bytes=1)
    for content in "abc":
        put(backend, "plan", content)
    second = folder.segments()[1]
    (folder.log / "00000002.0001.seg.new").write_bytes(b"half")
    delete(backend, blob("b")[0])
    assert not second.exists()
    second.write_bytes(b"a superseded generation that a crash left")
    assert list(folder.open().check()) == []
    delete(backend, blob("a")[0])
    assert not any(path.name.endswith(".new") or path == second for path in folder.segments())


def test_a_segment_that_was_sealed_but_not_followed_is_followed_later(folder: Folder) -> None:
    backend = folder.open(segment_bytes=1)
    put(backend, "plan", "1")
    put(backend, "plan", "2")
    truth = facts(backend)
    folder.close()
    folder.segments()[1].unlink()
    os.truncate(folder.segments()[0], folder.segments()[0].stat().st_size)
    backend = folder.open()
    assert backend.last_number() == 1
    put(backend, "plan", "2")
    assert facts(backend) == truth
    assert list(backend.check()) == []
