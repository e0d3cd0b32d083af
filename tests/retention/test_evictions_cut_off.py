"""An eviction that is cut off anywhere leaves a store that is whole, and one that goes on."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crashing import crashes_at
from hand_clock import HandClock
from retention_world import codes, contents, held_bytes, unpressed

import aicas
from aicas.backends.local import layout
from aicas.backends.local.backend import LocalBackend

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LARGE = unpressed(1_500_000, "large").encode()


@contextmanager
def opened(folder: Path, clock: HandClock, segment_bytes: int = 64 << 20) -> Iterator[aicas.Store]:
    if not layout.is_store(folder):
        layout.create(folder)
    backend = LocalBackend(folder, segment_bytes=segment_bytes)
    with aicas.Store(backend, clock=clock, actor="test") as store:
        yield store


def evict(store: aicas.Store) -> None:
    plan = store.plan_evict(["plan", "code"], grace_hours=0)
    assert len(plan.victims) == 2
    store.evict(plan, "room")


@pytest.mark.parametrize("segment_bytes", [64 << 20, 1])
def test_a_crash_at_any_step_leaves_nothing_missing_without_a_record(
    tmp_path: Path, clock: HandClock, segment_bytes: int
) -> None:
    folder = tmp_path / "store"
    with opened(folder, clock, segment_bytes) as store:
        store.put("plan", "what was planned")
        store.put("code", {"large": LARGE, "a": b"1", "shared": b"both"}, inputs=["plan"])
        store.put("kept", {"shared": b"both"}, inputs=["plan"])
        refs = store.refs()
    clock.pass_time(hours=1)
    outcomes = set()
    for call in range(1, 200):
        trial = tmp_path / f"trial{call}"
        shutil.copytree(folder, trial)

        def in_child(trial: Path = trial) -> None:
            with opened(trial, clock, segment_bytes) as store:
                evict(store)

        crashed = crashes_at(call, in_child)
        with opened(trial, clock, segment_bytes) as survivor:
            assert survivor.refs() == refs
            outcomes.add(judge(survivor))
            evict(survivor)
            assert judge(survivor) == (True, True)
            left = {i for i, held in contents(survivor).items() if held is not None}
            assert left == {survivor.show("kept").payload.id}
            assert survivor.files("kept")["shared"] == b"both"
            survivor.put("plan", "what was planned")
            assert survivor.get("plan") == "what was planned"
            assert survivor.verify().damage == ()
        if not crashed:
            break
    assert outcomes == {(False, False), (True, False), (True, True)}


def judge(store: aicas.Store) -> tuple[bool, bool]:
    """Whether an eviction is recorded, and whether anything is missing; nothing but by record."""
    assert store.verify().damage == ()
    recorded = any(operation.verb == "evict" for operation in store.ops())
    missing = {key for key in ("plan", "code") if codes(store.lookup(key)) == ["evicted"]}
    assert missing in (set(), {"plan", "code"})
    assert recorded or not missing
    return recorded, bool(missing)


def test_the_same_content_put_meanwhile_is_there_afterwards(
    tmp_path: Path, clock: HandClock
) -> None:
    """A process puts what another one is evicting, again and again."""
    folder = tmp_path / "store"
    files = {"a": b"1" * 100, "b": unpressed(3000, "b").encode()}
    with opened(folder, clock) as store:
        store.put("code", files)
    clock.pass_time(hours=1)
    start, go = os.pipe()
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            os.read(start, 1)
            with opened(folder, clock) as store:
                for number in range(60):
                    store.put("mine" if number % 2 else "code", files, meta={"n": number})
            failed = 0
        finally:
            os._exit(failed)
    os.write(go, b"g")
    with opened(folder, clock) as store:
        for _ in range(30):
            store.evict(store.plan_evict(["code"], grace_hours=0))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.verify().damage == ()
        for key in ("code", "mine"):
            assert codes(store.lookup(key)) in ([], ["evicted"])
        store.put("code", files)
        assert dict(store.files("code")) == dict(store.files("mine")) == files
        assert store.verify().damage == ()
    os.close(start)
    os.close(go)


def test_many_threads_that_evict_and_put_leave_every_ref_readable_or_recorded(
    local_store: aicas.Store, clock: HandClock
) -> None:
    keys = [f"key-{number}" for number in range(4)]
    for key in keys:
        local_store.put(key, unpressed(500, key))
    clock.pass_time(hours=1)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(15):
                key = keys[(number + turn) % len(keys)]
                if number % 2:
                    local_store.put(key, unpressed(500, keys[turn % 4]))
                else:
                    size = held_bytes(local_store)
                    plan = local_store.plan_evict(to_bytes=size // 2, grace_hours=0)
                    local_store.evict(plan)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert local_store.verify().damage == ()
    for key in keys:
        assert codes(local_store.lookup(key)) in ([], ["evicted"])
