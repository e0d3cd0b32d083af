"""``Cache``: what is stored or else produced, by one thread while the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from attempts import Waiting
from hand_clock import HandClock

from aicas import (
    Cache,
    Cost,
    InvalidInput,
    NotFound,
    OutputRejected,
    Produced,
    ProducerFailed,
    Recipe,
    Result,
    Store,
)
from aicas.cache.heartbeat import Heartbeat
from aicas.cache.producer import Attempt, Producers, Request

RECIPE = Recipe(prompt="write it", model="m")


@pytest.fixture
def cache(store: Store) -> Cache:
    return Cache(store)


def never() -> NoReturn:
    raise AssertionError("nothing is to be produced")


def codes(result: Result) -> list[str]:
    return [reason.code for reason in result.reasons]


class Gate:
    """A producer that waits until it is told what to do."""

    def __init__(self, made: Any = "made") -> None:
        self.reached, self._opened = threading.Event(), threading.Event()
        self.calls = 0
        self._made = made

    def __call__(self) -> Any:
        self.calls += 1
        self.reached.set()
        assert self._opened.wait(timeout=60)
        if isinstance(self._made, BaseException):
            raise self._made
        return self._made

    def wait(self) -> None:
        assert self.reached.wait(timeout=60)

    def open(self) -> None:
        self._opened.set()


def call_at_once(call: Callable[[], Result], count: int) -> list[Future[Result]]:
    pool = ThreadPoolExecutor(count)
    calls = [pool.submit(call) for _ in range(count)]
    pool.shutdown(wait=False)
    return calls


def test_what_is_not_there_is_produced_stored_and_found_the_next_time(
    store: Store, cache: Cache
) -> None:
    plan = store.put("plan", {"a": 1, "b": 2})
    cost = Cost(usd_nano=5, model="m")
    made = cache.get_or_create(
        "code",
        lambda: Produced(("x", 1), cost, "passed", ("mine",), {"why": "asked"}),
        recipe=RECIPE,
        inputs=["plan#/a"],
        session="s1",
        tags=["given", "mine"],
        expires_in_hours=0,
    )
    assert (made.payload, made.is_hit, codes(made)) == (["x", 1], False, ["never_stored"])
    snapshot = store.show("code")
    assert made.snapshot == snapshot
    assert (snapshot.cost, snapshot.validation_status) == (cost, "passed")
    assert (snapshot.tags, snapshot.meta) == (("given", "mine"), {"why": "asked"})
    assert (snapshot.session_id, snapshot.expiry_time) == ("s1", None)
    assert [(i.key, i.snapshot, i.selector) for i in snapshot.inputs] == [("plan", plan.id, "/a")]
    found = cache.get_or_create("code", never, recipe=RECIPE, inputs=["plan#/a"])
    assert found == Result(["x", 1], snapshot)
    assert found.is_hit


def test_each_reason_for_producing_again_is_told(store: Store, cache: Cache) -> None:
    store.put("plan", "1")
    cache.get_or_create("code", lambda: "a", recipe={"model": "m"}, inputs=["plan"])
    store.put("plan", "2")
    again = cache.get_or_create("code", lambda: "b", recipe={"model": "n"}, inputs=["plan"])
    assert sorted(codes(again)) == ["input_changed", "recipe_changed"]


def test_what_was_once_produced_from_the_same_comes_back_without_a_call(
    store: Store, cache: Cache
) -> None:
    for model in "abab":
        made = cache.get_or_create("code", lambda m=model: f"by {m}", recipe={"model": model})
        assert made.payload == f"by {model}"
    assert len(list(store.log("code"))) == 2


def test_a_hit_takes_no_lease(store: Store, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.get_or_create("code", lambda: "x", recipe=RECIPE)
    monkeypatch.setattr(store._backend, "lease", never)
    assert cache.get_or_create("code", never, recipe=RECIPE).is_hit
    cache.stage("code", recipe=RECIPE)


def test_of_many_threads_one_produces(store: Store, cache: Cache, waiting: Waiting) -> None:
    gate = Gate()
    calls = call_at_once(lambda: cache.get_or_create("code", gate, recipe=RECIPE), 16)
    waiting.reach(15)
    gate.open()
    results = [call.result() for call in calls]
    assert [result.payload for result in results] == ["made"] * 16
    assert sum(result.is_hit for result in results) == 15
    assert gate.calls == 1
    assert store._backend.leases() == []


def test_other_recipes_inputs_samples_and_projects_do_not_wait(store: Store, cache: Cache) -> None:
    store.put("plan", "1")
    gate = Gate()
    (blocked,) = call_at_once(lambda: cache.get_or_create("code", gate, recipe=RECIPE), 1)
    gate.wait()
    for facts in ({"recipe": {"model": "n"}}, {"inputs": ["plan"]}, {"sample": 1}, {}):
        assert cache.get_or_create("code", lambda: "other", **facts).payload == "other"
    elsewhere = Cache(store.at_project("elsewhere"))
    assert elsewhere.get_or_create("code", lambda: "there", recipe=RECIPE).payload == "there"
    assert not blocked.done()
    gate.open()
    assert blocked.result().payload == "made"


def test_hits_go_on_while_a_producer_is_at_work(cache: Cache) -> None:
    cache.get_or_create("plan", lambda: "there")
    gate = Gate()
    (blocked,) = call_at_once(lambda: cache.get_or_create("code", gate), 1)
    gate.wait()
    assert all(cache.get_or_create("plan", never).is_hit for _ in range(1000))
    assert not blocked.done()
    gate.open()
    assert blocked.result().payload == "made"


def test_a_failure_goes_to_its_caller_as_it_is_and_to_those_who_wait_in_words(
    cache: Cache, waiting: Waiting
) -> None:
    error = ValueError("no\nanswer \ud800")
    gate = Gate(error)
    calls = call_at_once(lambda: cache.get_or_create("code", gate), 5)
    waiting.reach(4)
    gate.open()
    errors = [call.exception() for call in calls]
    assert [e for e in errors if e is error] == [error]
    shared = [e for e in errors if isinstance(e, ProducerFailed)]
    assert [(e.key, e.kind, e.problem) for e in shared] == [
        ("code", "ValueError", "no answer ?")
    ] * 4
    assert gate.calls == 1
    assert cache.get_or_create("code", lambda: "later").payload == "later", "nobody waited for it"


def test_those_who_retry_try_one_after_the_other(cache: Cache, waiting: Waiting) -> None:
    gate = Gate(ValueError("no"))
    calls = call_at_once(lambda: cache.get_or_create("code", gate, on_failure="retry"), 5)
    waiting.reach(4)
    gate.open()
    assert [str(call.exception()) for call in calls] == ["no"] * 5
    assert gate.calls == 5


def test_an_interrupted_producer_leaves_its_turn_to_one_who_waits(
    store: Store, cache: Cache, waiting: Waiting
) -> None:
    gate = Gate(KeyboardInterrupt())

    def interrupted() -> Result | str:
        try:
            return cache.get_or_create("code", gate)
        except KeyboardInterrupt:
            return "interrupted"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(interrupted)
        gate.wait()
        second = pool.submit(cache.get_or_create, "code", lambda: "taken over")
        waiting.reach(1)
        gate.open()
        assert first.result() == "interrupted"
        assert second.result().payload == "taken over"


def test_an_output_that_fails_validation_is_kept_aside_and_refused_to_all(
    store: Store, cache: Cache, waiting: Waiting
) -> None:
    gate = Gate(Produced("bad", validation_status="failed"))
    calls = call_at_once(lambda: cache.get_or_create("code", gate, recipe=RECIPE), 4)
    waiting.reach(3)
    gate.open()
    errors = [call.exception() for call in calls]
    assert all(isinstance(error, OutputRejected) for error in errors)
    (kept,) = {e.snapshot_id for e in errors if isinstance(e, OutputRejected)}
    assert kept == store.refs("quarantine/")["quarantine/default/code"]  # type: ignore[index]
    assert gate.calls == 1
    better = cache.get_or_create("code", lambda: "good", recipe=RECIPE)
    assert (better.payload, codes(better)) == ("good", ["quarantined"])


def test_what_cannot_be_stored_is_an_error_and_frees_the_way(store: Store, cache: Cache) -> None:
    with pytest.raises(InvalidInput):
        cache.get_or_create("code", lambda: {"a": object()})
    assert store._backend.leases() == []
    assert cache.get_or_create("code", lambda: "x").payload == "x"


def test_what_cannot_be_asked_is_refused_before_anything_is_produced(
    store: Store, cache: Cache
) -> None:
    store.put("plan", {"a": 1})
    for error, facts in (
        (NotFound, {"inputs": ["nowhere"]}),
        (InvalidInput, {"inputs": ["plan#/b"]}),
        (InvalidInput, {"sample": 0}),
        (InvalidInput, {"recipe": {"a": object()}}),
        (InvalidInput, {"on_failure": "ignore"}),
    ):
        with pytest.raises(error):
            cache.get_or_create("code", never, **facts)
    with pytest.raises(InvalidInput):
        cache.get_or_create("no/../key", never)
    with pytest.raises(InvalidInput):
        Cache(store, lease_seconds=0)
    assert store._backend.leases() == []


def test_an_output_is_recorded_as_made_from_what_was_there_before(
    store: Store, cache: Cache
) -> None:
    before = store.put("plan", "1")

    def slow() -> str:
        store.put("plan", "2")
        return f"from {store.payload(before)}"

    made = cache.get_or_create("code", slow, inputs=["plan"])
    assert [item.snapshot for item in made.snapshot.inputs] == [before.id]
    again = cache.get_or_create("code", lambda: "from 2", inputs=["plan"])
    assert codes(again) == ["input_changed"]


def test_what_a_producer_works_from_is_not_collected(
    store: Store, cache: Cache, clock: HandClock
) -> None:
    used = store.put("plan", "1")

    def slow() -> str:
        store.invalidate("plan")
        clock.pass_time(hours=1)
        store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
        return str(store.payload(used))

    assert cache.get_or_create("code", slow, inputs=["plan"]).payload == "1"
    assert store._backend.missing([used.id]) == set()


def test_samples_of_one_recipe_are_kept_side_by_side(store: Store, cache: Cache) -> None:
    for number in (1, 2, 3):
        made = cache.get_or_create("code", lambda n=number: f"{n}", recipe=RECIPE, sample=number)
        assert not made.is_hit
    samples = {s.number: (store.payload(s.snapshot), s.is_current) for s in store.samples("code")}
    assert samples == {1: ("1", True), 2: ("2", False), 3: ("3", False)}
    assert {s.snapshot.parent for s in store.samples("code")} == {None}
    assert cache.get_or_create("code", never, recipe=RECIPE, sample=3).payload == "3"
    assert cache.get_or_create("code", never, recipe=RECIPE).payload == "1"
    store.choose("code", "3")
    assert cache.get_or_create("code", never, recipe=RECIPE).payload == "3"


def test_a_producer_that_needs_its_own_output_is_refused(store: Store, cache: Cache) -> None:
    def endless() -> object:
        return cache.get_or_create("code", endless, recipe=RECIPE).payload

    with pytest.raises(InvalidInput, match="wanted by what produces it"):
        cache.get_or_create("code", endless, recipe=RECIPE)
    nested = cache.get_or_create("code", lambda: cache.get_or_create("part", lambda: "x").payload)
    assert nested.payload == "x"


def test_one_that_was_given_up_for_silent_still_delivers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls then; that is the price of a producer that seems to be gone."""
    monkeypatch.setattr(Heartbeat, "add", lambda self, lease: None)
    cache = Cache(store, lease_seconds=1e-9)
    gate = Gate("late")
    (silent,) = call_at_once(lambda: cache.get_or_create("code", gate, recipe=RECIPE), 1)
    gate.wait()
    assert cache.get_or_create("code", lambda: "taken over", recipe=RECIPE).payload == "taken over"
    gate.open()
    assert silent.result().payload == "late"
    assert len(list(store.log("code"))) == 2
    assert store._backend.leases() == []


def test_an_attempt_that_is_abandoned_holds_nothing_whatever_comes_first(store: Store) -> None:
    attempt = Attempt(Producers(store), Request("code"))
    attempt.abandon()
    attempt.step()
    assert store._backend.leases() == []
    with pytest.raises(RuntimeError):
        attempt.finish(Produced("x"))
