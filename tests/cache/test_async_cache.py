"""``AsyncCache``: one task produces, others wait; whoever is cancelled holds nothing up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import pytest
from attempts import Waiting

from aicas import (
    AsyncCache,
    Cache,
    InvalidInput,
    OutputRejected,
    Produced,
    ProducerFailed,
    Result,
    Store,
)


@pytest.fixture
def cache(store: Store) -> AsyncCache:
    return AsyncCache(store)


async def never() -> NoReturn:
    raise AssertionError("nothing is to be produced")


class Gate:
    """An asynchronous producer that waits until it is told to go on."""

    def __init__(self, made: Any = "made") -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.calls = self.stopped = 0
        self._made = made

    async def __call__(self) -> Any:
        self.calls += 1
        self.reached.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


class BlockingGate:
    """The same, blocking its thread."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        self.reached.set()
        assert self.opened.wait(timeout=60)
        return "made"


Call = Callable[[], Awaitable[Result]]


def start(call: Call, count: int = 1) -> list[asyncio.Task[Result]]:
    async def run() -> Result:
        return await call()

    return [asyncio.create_task(run()) for _ in range(count)]


def disguised(make: Callable[[], Awaitable[Any]]) -> Callable[[], Any]:
    """An asynchronous function that does not look like one."""

    def call() -> Any:
        return make()

    return call


async def until(ready: Callable[..., object], *args: object) -> None:
    await asyncio.to_thread(ready, *args)


@pytest.mark.parametrize("form", ["function", "returned", "blocking"])
async def test_what_is_not_there_is_produced_once_and_found_the_next_time(
    store: Store, cache: AsyncCache, form: str
) -> None:
    threads: list[str] = []

    async def make() -> Produced:
        return Produced(["x"], tags=("t",))

    def block() -> Produced:
        threads.append(threading.current_thread().name)
        return Produced(["x"], tags=("t",))

    forms: dict[str, Any] = {"function": make, "returned": disguised(make), "blocking": block}
    made = await cache.get_or_create("code", forms[form], recipe={"model": "m"})
    assert (made.payload, made.is_hit, made.snapshot.tags) == (["x"], False, ("t",))
    found = await cache.get_or_create("code", never, recipe={"model": "m"})
    assert found == Result(["x"], made.snapshot)
    assert threads == (["aicas-producer"] if form == "blocking" else [])
    assert store._backend.leases() == []


async def test_of_many_tasks_one_produces(cache: AsyncCache, waiting: Waiting) -> None:
    gate = Gate()
    calls = start(lambda: cache.get_or_create("code", gate), 16)
    await until(waiting.reach, 15)
    gate.opened.set()
    assert [result.payload for result in await asyncio.gather(*calls)] == ["made"] * 16
    assert gate.calls == 1


async def test_tasks_and_threads_share_one_producer(
    store: Store, cache: AsyncCache, waiting: Waiting
) -> None:
    gate = BlockingGate()
    tasks = start(lambda: cache.get_or_create("code", gate))
    await until(gate.reached.wait, 60)
    in_thread = asyncio.create_task(asyncio.to_thread(Cache(store).get_or_create, "code", gate))
    await until(waiting.reach, 1)
    gate.opened.set()
    assert (await in_thread).payload == (await tasks[0]).payload == "made"
    assert gate.calls == 1


@pytest.mark.parametrize("kind", [Gate, BlockingGate])
async def test_hits_go_on_while_producers_are_at_work(
    cache: AsyncCache, kind: type[Gate] | type[BlockingGate]
) -> None:
    async def plan() -> str:
        return "there"

    await cache.get_or_create("plan", plan)
    gates = [kind() for _ in range(40)]  # more than there are threads for short steps
    blocked = [start(lambda n=n: cache.get_or_create(f"k{n}", gates[n]))[0] for n in range(40)]  # type: ignore[misc]
    for gate in gates:
        if isinstance(gate, Gate):
            await gate.reached.wait()
        else:
            await until(gate.reached.wait, 60)
    for _ in range(200):
        assert (await cache.get_or_create("plan", never)).is_hit
    assert not any(task.done() for task in blocked)
    for gate in gates:
        gate.opened.set()
    assert {result.payload for result in await asyncio.gather(*blocked)} == {"made"}


async def test_a_failure_is_shared_or_retried(cache: AsyncCache, waiting: Waiting) -> None:
    error = ValueError("no answer")
    gate = Gate(error)
    sharing = start(lambda: cache.get_or_create("code", gate), 4)
    await until(waiting.reach, 3)
    gate.opened.set()
    found = await asyncio.gather(*sharing, return_exceptions=True)
    assert [e for e in found if e is error] == [error]
    assert sum(isinstance(e, ProducerFailed) for e in found) == 3
    gate = Gate(error)
    first = start(lambda: cache.get_or_create("code", gate))
    await gate.reached.wait()
    other = Gate("second try")
    other.opened.set()
    retrying = start(lambda: cache.get_or_create("code", other, on_failure="retry"), 3)
    await until(waiting.reach, 6)
    gate.opened.set()
    assert [r.payload for r in await asyncio.gather(*retrying)] == ["second try"] * 3
    assert other.calls == 1
    with pytest.raises(ValueError, match="no answer"):
        await first[0]


@pytest.mark.parametrize("form", ["function", "blocking"])
async def test_errors_of_producers_reach_their_caller_and_free_the_way(
    store: Store, cache: AsyncCache, form: str
) -> None:
    def outcome(made: object) -> Any:
        async def make() -> object:
            return block()

        def block() -> object:
            if isinstance(made, Exception):
                raise made
            return made

        return make if form == "function" else block

    for made, error in (
        (ZeroDivisionError("x"), ZeroDivisionError),
        (RuntimeError("x"), RuntimeError),
        ({"a": object()}, InvalidInput),
        (Produced("bad", validation_status="failed"), OutputRejected),
    ):
        with pytest.raises(error):
            await cache.get_or_create("code", outcome(made))
        assert store._backend.leases() == []
    store.put("plan", {"a": 1})
    with pytest.raises(InvalidInput):
        await cache.get_or_create("code", never, inputs=["plan#/b"])


async def test_a_cancelled_waiter_disturbs_nobody(cache: AsyncCache, waiting: Waiting) -> None:
    gate = Gate()
    (leader,) = start(lambda: cache.get_or_create("code", gate))
    await gate.reached.wait()
    waiters = start(lambda: cache.get_or_create("code", never), 6)
    await until(waiting.reach, 6)
    for task in waiters[::2]:
        task.cancel()
    for task in waiters[::2]:
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not leader.done()
    gate.opened.set()
    assert {(await task).payload for task in [leader, *waiters[1::2]]} == {"made"}
    assert (gate.calls, gate.stopped) == (1, 0)


@pytest.mark.parametrize("form", ["function", "returned"])
async def test_a_cancelled_producer_stops_and_a_waiter_takes_over(
    store: Store, cache: AsyncCache, waiting: Waiting, form: str
) -> None:
    gate, other = Gate(), Gate("taken over")
    other.opened.set()
    forms: dict[str, Any] = {"function": gate.__call__, "returned": disguised(gate)}
    (leader,) = start(lambda: cache.get_or_create("code", forms[form]))
    await gate.reached.wait()
    waiters = start(lambda: cache.get_or_create("code", other), 3)
    await until(waiting.reach, 3)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert {(await task).payload for task in waiters} == {"taken over"}
    assert (gate.calls, gate.stopped, other.calls) == (1, 1, 1)
    assert store._backend.leases() == []


async def test_a_blocking_producer_whose_caller_is_cancelled_goes_on_and_is_stored(
    store: Store, cache: AsyncCache, waiting: Waiting
) -> None:
    gate = BlockingGate()
    (leader,) = start(lambda: cache.get_or_create("code", gate))
    await until(gate.reached.wait, 60)
    (waiter,) = start(lambda: cache.get_or_create("code", never))
    await until(waiting.reach, 1)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    gate.opened.set()
    assert (await waiter).payload == "made"
    assert gate.calls == 1


async def test_a_call_cancelled_at_any_moment_leaves_no_lease_behind(
    store: Store, cache: AsyncCache
) -> None:
    async def make() -> str:
        await asyncio.sleep(0)
        return "made"

    forms: list[Callable[[], Any]] = [make, disguised(make), lambda: "made"]
    for form in forms:
        for moment in range(60):
            key = f"key{forms.index(form)}.{moment}"
            (task,) = start(lambda: cache.get_or_create(key, form))  # noqa: B023
            for _ in range(moment):
                await asyncio.sleep(0)
                if moment % 3 == 0:
                    await asyncio.to_thread(int)  # so that others get somewhere
            task.cancel()
            await asyncio.wait([task])
            # It would wait for ever for a lease that nobody gives back.
            assert (await cache.get_or_create(key, form)).payload == "made"
    await asyncio.get_running_loop().shutdown_default_executor()  # what is under way, ends
    for thread in threading.enumerate():
        if thread.name == "aicas-producer":
            thread.join()
    assert store._backend.leases() == []


def test_an_event_loop_that_ends_gives_back_what_its_tasks_held(store: Store) -> None:
    cache = AsyncCache(store)
    blocking = BlockingGate()

    async def leave() -> None:
        gate = Gate()
        start(lambda: cache.get_or_create("stopped", gate))
        start(lambda: cache.get_or_create("going-on", blocking))
        await gate.reached.wait()
        await until(blocking.reached.wait, 60)

    asyncio.run(leave())
    assert [state.epoch for state in store._backend.leases()] == [1], "the blocking one goes on"
    blocking.opened.set()
    assert Cache(store).get_or_create("stopped", lambda: "anew").payload == "anew"
    assert Cache(store).get_or_create("going-on", lambda: "anew").payload == "made"
