"""Runs are merged while everybody goes on, and nothing that cuts a merge off changes an answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from backends_world import facts, name, put
from local_world import Folder, flip, fold_often

from aicas.backends.local import merging
from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.index import Index
from aicas.backends.local.places import Crowd

# Puts as fast as it can, and folds and merges all the time, until it is killed.
BUSY = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from aicas.backends.local import merging, view
from aicas.backends.local.backend import LocalBackend
from backends_world import put
view.FOLD_RECORDS, view._MOST_RECORDS, merging._FEW = 3, 6, 5
backend = LocalBackend(Path(sys.argv[1]), segment_bytes=20_000)
step = 0
while True:
    put(backend, f"theirs{step % 7}", str(step), f"key{step % 3}")
    print(step, flush=True)
    step += 1
"""


@pytest.fixture(autouse=True)
def in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold after a few records, and take five entries for many."""
    fold_often(monkeypatch)
    monkeypatch.setattr(merging, "_FEW", 5)


def run_counts(backend: LocalBackend) -> list[int]:
    return [run.count for run in backend._view.index.places.runs]


def test_runs_stay_few_and_each_is_much_larger_than_the_next(folder: Folder) -> None:
    backend = folder.open()
    for step in range(60):
        put(backend, "plan", str(step))
    counts = run_counts(backend)
    assert 1 < len(counts) <= 7
    assert all(older >= 2 * newer for newer, older in pairwise(counts))
    assert {path.name for path in folder.runs()} == {
        run.name.hex() + ".run" for run in backend._view.index.places.runs
    }


def test_others_open_fold_and_commit_while_runs_are_merged(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_FEW", 0)
    backend, beside = folder.open(), folder.open()
    merge, during = Index.merge, list[int]()

    def slow_merge(index: Index, crowd: Crowd) -> Path:
        draft = merge(index, crowd)
        if index is backend._view.index and len(during) < 5:
            during.append(len(during))
            for step in range(4):
                put(beside, f"beside{step}", str(len(during)))
            assert facts(folder.open()) == facts(beside)
        return draft

    monkeypatch.setattr(Index, "merge", slow_merge)
    for step in range(40):
        put(backend, f"key{step % 5}", str(step))
    assert len(during) == 5
    truth = facts(backend)
    assert facts(beside) == facts(folder.open()) == truth
    assert list(backend.check()) == []
    folder.close()
    folder.drop_index()
    assert facts(folder.open()) == truth


def test_an_index_deleted_during_a_merge_comes_back(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_FEW", 0)
    backend = folder.open()
    merge, deleted = Index.merge, list[Path]()

    def lose(index: Index, crowd: Crowd) -> Path:
        draft = merge(index, crowd)
        if len(deleted) < 3:
            deleted.append(draft)
            folder.drop_index()
            facts(folder.open())
        return draft

    monkeypatch.setattr(Index, "merge", lose)
    for step in range(40):
        put(backend, f"key{step % 5}", str(step))
    assert len(deleted) == 3
    assert facts(folder.open()) == facts(backend)
    assert list(backend.check()) == []


def test_a_damaged_run_that_a_merge_comes_upon_leads_to_a_new_index(folder: Folder) -> None:
    backend = folder.open()
    for step in range(30):
        put(backend, "plan", str(step))
    folder.close()
    hit = max(folder.runs(), key=lambda path: path.stat().st_size)
    flip(hit, hit.stat().st_size - 40)
    backend = folder.open()
    for step in range(90):
        put(backend, "spec", str(step))
    assert hit not in folder.runs()
    assert list(backend.check()) == []
    assert len(backend.reflog(name("plan"))) == 30


def test_what_a_cut_off_merge_was_writing_is_swept_by_the_next(folder: Folder) -> None:
    draft = folder.index.parent / ("cd" * 16 + ".run.new")
    backend = folder.open()
    draft.write_bytes(b"half a run")
    for step in range(10):
        put(backend, "plan", str(step))
    assert not draft.exists()


def test_two_processes_fold_and_merge_beside_each_other_until_one_is_killed(
    folder: Folder,
) -> None:
    backend = folder.open(segment_bytes=20_000)
    paths = [str(Path(__file__).parents[1])]
    for _ in range(3):
        program = [sys.executable, "-c", BUSY, str(folder.path), *paths]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as busy:
            assert busy.stdout
            for step in range(25):
                assert busy.stdout.readline()
                put(backend, f"key{step % 3}", str(step), f"theirs{step % 7}")
                state = backend.ref(name("theirs0"))
                assert state is None or state.last in backend.read([state.last])
            os.kill(busy.pid, signal.SIGKILL)
        truth = facts(backend)
        assert facts(folder.open()) == truth
        assert list(backend.check()) == []
    folder.close()
    folder.drop_index()
    assert facts(folder.open()) == truth
