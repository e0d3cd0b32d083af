"""Whatever is done to a store, in whatever order, it answers as the plain model does."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hand_clock import HandClock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from store_model import Model, Operation, Ref, Version

import aicas
from aicas.backends.local import layout, view
from aicas.backends.local.backend import LocalBackend
from aicas.backends.memory import MemoryBackend
from aicas.clock import HOUR
from aicas.config import Config
from aicas.errors import AicasError, InvalidInput, NotFound
from aicas.names import live_ref

KEYS = st.sampled_from(["plan", "spec", "code", "tests"])
PROJECTS = st.sampled_from(["default", "other", "team/web"])
PAYLOADS = st.sampled_from(
    ["text", "other text", b"\x00bytes", {"a": [1, None, 2.5]}, [], {"src/a.py": b"a", "b": b""}]
)
HOURS = st.sampled_from([0, 0, 0, 1, 10_000])


class StoreMachine(RuleBasedStateMachine):
    """Over memory; subclasses say how else a store is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.model = Model()
        self.folder = Path(tempfile.mkdtemp(prefix="aicas-machine-"))
        self.stores = [self.opened()]

    def opened(self) -> aicas.Store:
        return self.over(MemoryBackend())

    def over(self, backend: Any) -> aicas.Store:
        return aicas.Store(
            backend, config=Config(auto_maintain=False), clock=self.clock, actor="machine"
        )

    @property
    def store(self) -> aicas.Store:
        """Another process each time, where there are several."""
        self.stores.append(self.stores.pop(0))
        return self.stores[0]

    def teardown(self) -> None:
        for store in self.stores:
            assert store.verify().damage == ()
            store.close()
        shutil.rmtree(self.folder)

    @initialize()
    def start(self) -> None:
        self.clock.pass_time(seconds=1)

    @rule(project=PROJECTS, key=KEYS, payload=PAYLOADS, data=st.data())
    def put(self, project: str, key: str, payload: Any, data: st.DataObject) -> None:
        self.clock.pass_time(seconds=1)
        ref = (project, key)
        live = sorted(self.model.live)
        used: list[Ref] = (
            data.draw(st.lists(st.sampled_from(live), unique=True, max_size=3)) if (live) else []
        )
        names = [k if p == project else f"{p}/{k}" for p, k in used]
        ids = tuple((n, self.model.live[r]) for n, r in zip(names, used, strict=True))
        snapshot = self.store.at_project(project).put(key, payload, inputs=names)
        parent = self.model.parent_of_next(ref)
        assert snapshot.parent == parent
        self.model.versions[snapshot.id] = Version(ref, payload, parent, ids, self.clock.now)
        self.model.move("put", self.clock.now, [(ref, self.model.live.get(ref), snapshot.id)])

    @precondition(lambda self: self.model.last)
    @rule(data=st.data(), only=st.booleans())
    def invalidate(self, data: st.DataObject, only: bool) -> None:
        self.clock.pass_time(seconds=1)
        ref = data.draw(st.sampled_from(sorted(self.model.last)))
        hit = {ref} if only else {ref, *self.model.dependents(ref)}
        moved = [r for r in sorted(hit) if r in self.model.live]
        store = self.store.at_project(ref[0])
        if not moved:
            with pytest.raises(NotFound):
                store.invalidate(ref[1], only=only)
            return
        done = store.invalidate(ref[1], "because", only=only)
        assert {change.ref for change in done.changes} == {live_ref(p, k) for p, k in moved}  # type: ignore[arg-type]
        self.model.move(
            "invalidate", self.clock.now, [(r, self.model.live[r], None) for r in moved]
        )

    @precondition(lambda self: self.model.undoable())
    @rule(data=st.data(), newest=st.booleans())
    def undo(self, data: st.DataObject, newest: bool) -> None:
        self.clock.pass_time(seconds=1)
        chosen = self.model.undoable()
        assert chosen is not None
        if not newest:
            chosen = data.draw(st.integers(1, len(self.model.operations)))
        problem = self.model.undo_problem(chosen)
        if problem:
            with pytest.raises(AicasError) as caught:
                self.store.undo(None if newest else chosen)
            assert type(caught.value).__name__ == problem
            return
        done = self.store.undo(None if newest else chosen)
        assert done.undoes == chosen
        self.model.undo(chosen, self.clock.now)

    @precondition(lambda self: self.model.last)
    @rule(source=PROJECTS, copy=st.sampled_from(["other", "fork1", "fork2"]))
    def fork(self, source: str, copy: str) -> None:
        self.clock.pass_time(seconds=1)
        mine = {ref: i for ref, i in self.model.live.items() if ref[0] == source}
        taken = any(ref[0] == copy for ref in self.model.live)
        if not mine or taken:
            with pytest.raises(InvalidInput if mine else NotFound):
                self.store.fork(source, copy)
            return
        self.store.fork(source, copy)
        self.model.move(
            "fork", self.clock.now, [((copy, key), None, i) for (_, key), i in mine.items()]
        )

    @rule(grace=HOURS, retention=HOURS)
    def collect(self, grace: int, retention: int) -> None:
        self.clock.pass_time(seconds=1)
        store = self.store
        plan = store.plan_gc(grace_hours=grace, retention_hours=retention)
        if store.gc(plan).number is not None:
            self.model.operations.append(Operation("gc", self.clock.now, []))
        self.model.collect(self.clock.now, grace * HOUR, retention * HOUR)

    @rule(hours=st.sampled_from([1, 24, -1, -500]))
    def the_clock_is_set(self, hours: int) -> None:
        self.clock.pass_time(hours=hours)

    @invariant()
    def answers_agree(self) -> None:
        store = self.store
        refs = {live_ref(p, k): i for (p, k), i in self.model.live.items()}  # type: ignore[arg-type]
        assert store.refs("live/") == refs
        for ref in self.model.last:
            self.one_ref_agrees(store.at_project(ref[0]), ref)
        verbs = [done.verb for done in reversed(self.model.operations)]
        assert [done.verb for done in store.ops()] == verbs

    def one_ref_agrees(self, store: aicas.Store, ref: Ref) -> None:
        project, key = ref
        assert [(m.number, m.old, m.new) for m in store.reflog(key)] == self.model.moves(ref)
        dependents = {live_ref(p, k) for p, k in self.model.dependents(ref)}  # type: ignore[arg-type]
        assert set(store.dependents(key)) == dependents
        assert [entry.snapshot.id for entry in store.log(key)] == self.model.history(ref)
        current = self.model.live.get(ref)
        if current is None:
            with pytest.raises(NotFound):
                store.get(key)
            return
        version = self.model.versions[current]
        payload = store.get(f"{project}/{key}")
        assert (dict(payload) if isinstance(payload, aicas.Files) else payload) == version.payload

    @invariant()
    def nothing_kept_is_missing_and_nothing_collected_is_left(self) -> None:
        backend = self.store._backend
        held = {found.id for found in backend.scan() if found.id.kind == 3}
        assert held == set(self.model.versions)


class LocalMachine(StoreMachine):
    """Two processes at once over one folder; either may be started again, the index deleted."""

    segment_bytes = 64 << 20

    def __init__(self) -> None:
        super().__init__()
        self.stores.append(self.opened())

    def opened(self) -> aicas.Store:
        if not layout.is_store(self.folder):
            layout.create(self.folder)
        return self.over(LocalBackend(self.folder, segment_bytes=self.segment_bytes))

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.stores[0] = self.opened()

    @rule()
    def delete_the_index(self) -> None:
        shutil.rmtree(self.folder / "index", ignore_errors=True)


class BusyLocalMachine(LocalMachine):
    """... where segments are short and the index is written all the time."""

    segment_bytes = 1500

    def __init__(self) -> None:
        self.hurry = mock.patch.multiple(view, FOLD_RECORDS=4, _MOST_RECORDS=8)
        self.hurry.start()
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.hurry.stop()


TestStoreInMemory = StoreMachine.TestCase
TestLocalStore = LocalMachine.TestCase
TestBusyLocalStore = BusyLocalMachine.TestCase
BOUNDED = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestStoreInMemory.settings = TestLocalStore.settings = TestBusyLocalStore.settings = BOUNDED


@pytest.mark.stress
@pytest.mark.parametrize("machine", [StoreMachine, LocalMachine, BusyLocalMachine])
def test_the_same_for_much_longer(machine: type[StoreMachine]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine, settings=settings(max_examples=1500, stateful_step_count=60, deadline=None)
    )
