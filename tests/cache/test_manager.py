from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import aicas
from aicas import CacheManager, Cost, InvalidInput, NotFound, Snapshot, Store

HOUR = 3_600_000_000


class Clock:
    now = 1_764_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with aicas.in_memory(clock=clock) as store:
        yield store
        assert store.verify().clean


@pytest.fixture
def cache(store: Store) -> CacheManager:
    return CacheManager(store)


async def fill(cache: CacheManager) -> None:
    await cache.cache_brainstorming({"features": ["add", "list"]}, "sess_1")
    await cache.cache_architecture({"modules": ["cli"]}, "sess_1")
    await cache.cache_micro_phases([{"id": 1}], "sess_1")
    await cache.cache_phase_files(1, {"a.py": "x = 1\n", "b.bin": b"\x00\xff"}, "sess_1")
    await cache.cache_validation_report(1, {"passed": True}, "sess_1", validation_status="passed")
    await cache.cache_integration_summary("done", "sess_1")


async def test_every_stage_reads_back_as_it_was_cached(cache: CacheManager) -> None:
    await fill(cache)
    assert await cache.get("brainstorming_features") == {"features": ["add", "list"]}
    assert await cache.get("system_architecture_plan") == {"modules": ["cli"]}
    assert await cache.get("project_micro_phases") == [{"id": 1}]
    assert await cache.get_phase_files(1) == {"a.py": b"x = 1\n", "b.bin": b"\x00\xff"}
    assert await cache.get("phase-1-validation_report") == {"passed": True}
    assert await cache.get("final_integration_summary") == "done"


async def test_every_stage_is_linked_to_the_one_it_follows(
    cache: CacheManager, store: Store
) -> None:
    await fill(cache)
    keys = store.keys()
    follows = {key: store.show(key).dependencies for key in keys}
    assert follows == {
        "brainstorming_features": (),
        "system_architecture_plan": ("brainstorming_features",),
        "project_micro_phases": ("system_architecture_plan",),
        "phase-1-generated_code": ("project_micro_phases",),
        "phase-1-validation_report": ("phase-1-generated_code",),
        "final_integration_summary": ("phase-1-generated_code", "phase-1-validation_report"),
    }
    assert {store.show(key).session_id for key in keys} == {"sess_1"}


async def test_a_miss_is_none(cache: CacheManager) -> None:
    assert await cache.get("brainstorming_features") is None
    assert await cache.get_phase_files(1) is None


async def test_invalidating_a_stage_makes_all_that_follow_it_misses(
    cache: CacheManager, store: Store
) -> None:
    await fill(cache)
    store.invalidate("system_architecture_plan")
    assert await cache.get("brainstorming_features") is not None
    assert await cache.get("system_architecture_plan") is None
    assert await cache.get_phase_files(1) is None
    assert await cache.get("final_integration_summary") is None


async def test_an_expired_stage_is_none(cache: CacheManager, clock: Clock) -> None:
    await fill(cache)
    clock.now += 73 * HOUR
    assert await cache.get("brainstorming_features") is None


async def test_a_report_that_failed_is_kept_and_never_served(
    cache: CacheManager, store: Store
) -> None:
    await fill(cache)
    await cache.cache_validation_report(1, {"passed": False}, validation_status="failed")
    assert await cache.get("phase-1-validation_report") == {"passed": True}, "the last good one"
    (aside,) = store.refs("quarantine/").values()
    assert store.payload(store.snapshot(aside)) == {"passed": False}
    assert store.snapshot(aside).parent == store.resolve("phase-1-validation_report")


@pytest.mark.parametrize(
    "call",
    [
        lambda cache: cache.cache_architecture({}),
        lambda cache: cache.cache_micro_phases([]),
        lambda cache: cache.cache_phase_files(1, {"a": b""}),
        lambda cache: cache.cache_validation_report(1, {}),
        lambda cache: cache.cache_architecture({}, inputs=["no_such_stage"]),
    ],
)
async def test_what_a_stage_follows_must_be_there(
    cache: CacheManager, store: Store, call: Callable[[CacheManager], Awaitable[Snapshot]]
) -> None:
    with pytest.raises(NotFound):
        await call(cache)
    assert store.keys() == []


async def test_recipe_cost_and_inputs_can_be_given(cache: CacheManager) -> None:
    cost = Cost(usd_nano=5, input_tokens=1, model="gpt-4")
    await cache.cache_brainstorming("a")
    snapshot = await cache.cache_phase_files(
        "1a", {"a": b""}, recipe={"prompt": "p"}, cost=cost, inputs=["brainstorming_features"]
    )
    assert snapshot.cost == cost
    assert snapshot.recipe["prompt"] == "p"
    assert snapshot.dependencies == ("brainstorming_features",)
    assert (await cache.cache_architecture("b", inputs=())).dependencies == ()


async def test_bad_names_and_payloads_are_refused(cache: CacheManager, store: Store) -> None:
    bad: list[Any] = [{"../a": b""}, {"a": 3}]
    for files in bad:
        with pytest.raises(InvalidInput):
            await cache.cache_phase_files(1, files, inputs=())
    with pytest.raises(InvalidInput):
        await cache.cache_phase_files("../1", {"a": b""}, inputs=())
    await cache.cache_phase_files(1, {"a": b""}, inputs=())
    store.put("phase-1-generated_code", "not files")
    with pytest.raises(InvalidInput):
        await cache.get_phase_files(1)


async def test_the_event_loop_runs_while_the_store_works(
    cache: CacheManager, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real = store.lookup

    def slow(key: str) -> Any:
        entered.set()
        assert go_on.wait(10)
        return real(key)

    monkeypatch.setattr(store, "lookup", slow)
    reading = asyncio.create_task(cache.get("brainstorming_features"))
    while not entered.is_set():
        await asyncio.sleep(0)
    assert not reading.done()
    go_on.set()
    assert await reading is None


async def test_many_tasks_may_use_it_at_once(cache: CacheManager) -> None:
    await cache.cache_brainstorming({})
    await cache.cache_architecture({})
    await cache.cache_micro_phases([])
    await asyncio.gather(*(cache.cache_phase_files(n, {"n": str(n)}) for n in range(20)))
    read = await asyncio.gather(*(cache.get_phase_files(n) for n in range(20)))
    assert [files and files["n"] for files in read] == [str(n).encode() for n in range(20)]
