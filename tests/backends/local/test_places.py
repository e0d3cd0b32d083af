"""However often runs are added, merged, listed anew and swept, places are those of a plain dict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from aicas.backends.local import places
from aicas.backends.local.index import Index
from aicas.backends.local.indexfiles import delete_index, prepare_index
from aicas.backends.local.overlay import Gone, Overlay, Place, Position
from aicas.backends.local.places import Crowd, merged
from aicas.backends.local.rows import IndexDamagedError
from aicas.ids import BlobId, ObjectId, id_of_kind

STORE = bytes(range(16))
LOWEST, HIGHEST = bytes(32), b"\xff" * 32
# Objects of different kinds do not have the same bytes.
IDS = st.builds(
    lambda head, tail: id_of_kind(1 + tail % 3, bytes([head]) + bytes(30) + bytes([tail])),
    st.sampled_from([0, 1, 128, 255]),
    st.integers(0, 9),
)
FILES = st.integers(1, 3)
PLACES = st.builds(Place, FILES, st.integers(0, 1 << 40), st.integers(0, 99), st.integers(0, 9))
SAID = st.dictionaries(IDS, PLACES | st.builds(Gone, st.integers(1, 99)), max_size=12)


def opened(path: Path) -> Index:
    prepare_index(path)
    return Index(path, STORE)


def fold(index: Index, said: Mapping[ObjectId, Place | Gone]) -> None:
    """Take in what the log says next."""
    at = index.tables.reached().position
    overlay = Overlay(at, 0)
    overlay.places.update(said)
    overlay.position = Position(at.file, at.offset + 1)
    index.fold(overlay)


def some(count: int) -> dict[ObjectId, Place]:
    return {BlobId(bytes([n % 256, n // 256]) + bytes(30)): Place(1, n, 1, n) for n in range(count)}


def everything(index: Index) -> dict[ObjectId, Place | Gone]:
    return dict(index.places.between(LOWEST, HIGHEST))


class PlacesMachine(RuleBasedStateMachine):
    """Two processes' hold on one index: one that changes it, and one that reads now and then."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="aicas-places-")
        self.path = Path(self.folder) / "view.sqlite"
        self.index, self.reader = opened(self.path), opened(self.path)
        self.model: dict[ObjectId, Place | Gone] = {}
        self.read: dict[ObjectId, Place | Gone] = {}

    @rule(said=SAID)
    def fold(self, said: dict[ObjectId, Place | Gone]) -> None:
        fold(self.index, said)
        self.model.update(said)

    @rule(old=FILES, new=st.integers(4, 6), kept=st.sets(IDS), packed=st.sets(IDS))
    def rewrite(self, old: int, new: int, kept: set[ObjectId], packed: set[ObjectId]) -> None:
        moved = {i: Place(new, n, 1, n) for n, i in enumerate(sorted(kept))}
        self.index.move_file(old, new, moved, packed, {})
        for object_id in kept | packed:
            now = self.model.get(object_id)
            if isinstance(now, Place) and now.file == old:
                if object_id in packed:
                    del self.model[object_id]
                else:
                    self.model[object_id] = moved[object_id]

    @rule(start=st.integers(0, 5), length=st.integers(2, 5))
    def merge(self, start: int, length: int) -> None:
        runs = self.index.places.runs[start : start + length]
        if len(runs) > 1:
            oldest = runs[-1] is self.index.places.runs[-1]
            self.index.replace(runs, self.index.merge(Crowd(runs, oldest)))

    @rule(most=st.integers(1, 100))
    def merge_what_is_crowded(self, most: int) -> None:
        crowd = self.index.places.crowded(most)
        if crowd:
            assert sum(run.count for run in crowd.runs) <= most
            self.index.replace(crowd.runs, self.index.merge(crowd))

    @rule()
    def reopen(self) -> None:
        self.index.close()
        self.index = opened(self.path)

    @rule()
    def list_anew(self) -> None:
        self.reader.map_runs()
        self.read = dict(self.model)

    @rule(low=st.integers(0, 255), high=st.integers(0, 255))
    def look_between(self, low: int, high: int) -> None:
        first, last = bytes([low]) * 32, bytes([high]) * 32
        found = list(self.index.places.between(first, last))
        assert found == sorted((i, s) for i, s in self.model.items() if first <= i <= last)

    @rule(asked=st.sets(IDS))
    def locate(self, asked: set[ObjectId]) -> None:
        wanted = {i: self.model[i] for i in asked if i in self.model}
        assert self.index.places.locate(asked) == wanted

    @invariant()
    def the_writer_sees_the_newest(self) -> None:
        assert everything(self.index) == self.model
        assert all(self.index.places.get(i) == said for i, said in self.model.items())

    @invariant()
    def the_reader_sees_what_was_listed(self) -> None:
        assert everything(self.reader) == self.read

    @invariant()
    def no_file_is_left_over(self) -> None:
        listed = {run.name.hex() + ".run" for run in self.index.places.runs}
        assert {path.name for path in self.path.parent.glob("*.run*")} == listed

    def teardown(self) -> None:
        self.index.close()
        self.reader.close()
        shutil.rmtree(self.folder)


PlacesMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestPlaces = PlacesMachine.TestCase


def test_many_runs_are_read_side_by_side_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_PART", 50)
    index = opened(tmp_path / "index" / "view.sqlite")
    truth: dict[ObjectId, Place | Gone] = {}
    for number in range(12):
        said = {i: place._replace(file=number) for i, place in some(900 - 70 * number).items()}
        fold(index, said)
        truth.update(said)
    assert len(list(merged(index.places.runs))) > 20
    assert everything(index) == truth
    crowd = index.places.crowded(1 << 30)
    while crowd:
        index.replace(crowd.runs, index.merge(crowd))
        crowd = index.places.crowded(1 << 30)
    assert len(index.places.runs) == 1
    assert everything(index) == truth
    index.close()


def test_what_is_not_in_the_log_any_more_leaves_no_trace_once_all_is_merged(tmp_path: Path) -> None:
    index = opened(tmp_path / "index" / "view.sqlite")
    objects = list(some(3))
    fold(index, some(3))
    fold(index, {objects[0]: Gone(7)})
    index.move_file(1, 2, {objects[1]: Place(2, 0, 1, 1)}, [objects[0], objects[2]], {})
    assert [run.count for run in index.places.runs] == [2, 1, 3], "the deleted one is not packed"
    crowd = Crowd(index.places.runs, has_oldest=True)
    index.replace(crowd.runs, index.merge(crowd))
    assert [run.count for run in index.places.runs] == [2]
    assert everything(index) == {objects[0]: Gone(7), objects[1]: Place(2, 0, 1, 1)}
    index.close()


def test_a_merge_that_came_too_late_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index" / "view.sqlite"
    index, other = opened(path), opened(path)
    for number in range(3):
        fold(index, {i: place._replace(file=number) for i, place in some(5).items()})
    crowd = Crowd(index.places.runs, has_oldest=True)
    draft = index.merge(crowd)
    other.map_runs()
    newest = Crowd(other.places.runs[:2], has_oldest=False)
    other.replace(newest.runs, other.merge(newest))
    with pytest.raises(IndexDamagedError, match="not listed"):
        index.replace(crowd.runs, draft)
    index.map_runs()
    assert len(index.places.runs) == 2
    assert everything(index) == everything(other)
    index.close()
    other.close()


def test_an_index_that_was_made_anew_is_not_written_by_who_has_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "index" / "view.sqlite"
    old = opened(path)
    fold(old, some(5))
    delete_index(path)
    new = opened(path)
    fold(new, some(3))
    assert (old.tables.is_current(), new.tables.is_current()) == (False, True)
    with pytest.raises(IndexDamagedError, match="made anew"):
        fold(old, some(4))
    assert everything(old) == some(5)
    new.map_runs()
    assert everything(new) == some(3)
    old.close()
    new.close()


def test_leftovers_of_a_crash_are_swept_by_the_next_change(tmp_path: Path) -> None:
    path = tmp_path / "index" / "view.sqlite"
    index = opened(path)
    fold(index, some(5))
    (path.parent / ("ab" * 16 + ".run")).write_bytes(b"adopted, and never listed")
    fold(index, some(6))
    assert len(list(path.parent.glob("*.run"))) == 2
    index.close()
