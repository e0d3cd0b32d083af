"""The books add up: by cause, by group, and with what snapshots say, whatever happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hand_clock import HandClock
from hypothesis import given
from hypothesis import strategies as st

import aicas
from aicas import Cost
from aicas.backends.base import ABSENT
from aicas.backends.memory import MemoryBackend
from aicas.backends.operation import Operation, RefChange
from aicas.errors import AicasError
from aicas.ids import SnapshotId
from aicas.ledger.balance import check_books
from aicas.ledger.books import GROUPINGS, Books, Grouping, Period, read_books
from aicas.ledger.rounding import MILLION, millionth
from aicas.ledger.spending import put_facts, spend_facts
from aicas.ledger.totals import Totals
from aicas.names import Key, Project, RefName
from aicas.objects.reader import ObjectReader


def books(store: aicas.Store, by: Grouping | None = None, **period: Any) -> Books:
    if store._recorder is not None:
        store._recorder.flush()
    return read_books(store._backend, Period(**period), by)


def wrongs(store: aicas.Store) -> list[str]:
    return list(check_books(store._backend, ObjectReader(store._backend)))


def test_money_is_booked_by_what_made_it_necessary(store: aicas.Store, clock: HandClock) -> None:
    def put(key: str, amount: int, **more: Any) -> None:
        clock.pass_time(seconds=1)
        store.put(key, f"{amount}", cost=Cost(amount), **more)

    put("plan", 1)
    put("code", 2, inputs=["plan"])
    put("plan", 4)  # the same recipe and inputs, although there was nothing wrong
    put("code", 8, inputs=["plan"])
    put("code", 16, inputs=["plan"], recipe={"model": "other"})
    store.invalidate("code")
    put("code", 32, inputs=["plan"])
    put("test", 64, validation_status="failed")
    put("test", 128)
    put("test", 256, expires_in_hours=1)
    clock.pass_time(hours=2)
    put("test", 512)
    put("test", 1024, sample=2)
    found = books(store).total
    assert found.by_cause == {
        "first": 1 + 2 + 64,
        "repeated": 4 + 256,
        "input_changed": 8,
        "recipe_changed": 16,
        "invalidated": 32,
        "failed": 128,
        "expired": 512,
        "sampled": 1024,
    }
    assert found.spent_nano == found.first_nano + sum(found.regenerated.values()) == 2047
    assert (found.runs, found.unpriced, found.unrecorded) == (11, 0, 0)
    assert wrongs(store) == []


def test_hits_and_misses_are_counted_with_what_they_saved(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "p", cost=Cost(7, 30, 20, 10, 900, "gpt-4", {}, 3), recipe={"v": 1})
    store.put("free", "f", cost=Cost(None, 5, 5))
    for _ in range(3):
        store.lookup("plan", session="run")
    store.lookup("free")
    store.lookup("plan", recipe={"v": 2})
    store.lookup("nothing")
    found = books(store).total
    assert (found.hits, found.misses, found.recalled) == (4, 2, 0)
    assert found.hit_rate == 4 / 6
    assert found.reasons == {"recipe_changed": 1, "never_stored": 1}
    assert (found.saved_by_reuse_nano, found.saved_unpriced) == (21, 1)
    assert (found.saved_calls, found.saved_latency_us) == (10, 2700)
    assert (found.saved_input_tokens, found.saved_output_tokens) == (95, 65)
    mine = books(store, session="run").total
    assert (mine.hits, mine.misses, mine.spent_nano, mine.runs) == (3, 0, 0, 0)
    assert books(MemoryStore()).total.hit_rate is None


def MemoryStore() -> aicas.Store:  # noqa: N802
    return aicas.Store(MemoryBackend(), clock=HandClock(), actor="test")


def test_going_back_to_an_earlier_version_is_a_hit_that_was_recalled() -> None:
    store = MemoryStore()
    store.put("plan", "a", recipe={"v": 1}, cost=Cost(5))
    store.put("plan", "b", recipe={"v": 2}, cost=Cost(6))
    assert store.lookup("plan", recipe={"v": 1}, inputs=[])
    found = books(store).total
    assert (found.hits, found.recalled, found.saved_by_reuse_nano) == (1, 1, 5)
    assert found.spent_nano == 11


def test_what_the_provider_cached_is_a_line_of_its_own() -> None:
    store = MemoryStore()
    prices = {"input": 3_000_001, "output": 15_000_000, "cached": 300_000}
    store.put("a", "1", cost=Cost(100, 1_000, 5, 800, 0, "m", prices))
    store.put("b", "2", cost=Cost(100, 1_000, 5, 700, 0, "m", {}))
    store.put("c", "3", cost=Cost(100, 1_000, 5, 50, 0, "m, n", {"m input": 3, "n input": 4}))
    store.lookup("a")
    found = books(store).total
    assert found.saved_by_provider_nano == 2160  # 800 tokens, 2.700001 nano each
    assert (found.cached_tokens, found.cached_tokens_unpriced) == (1_550, 750)
    assert found.saved_by_reuse_nano == 100
    assert found.spent_nano == 300


def test_what_has_no_price_is_counted_and_never_free() -> None:
    store = MemoryStore()
    store.put("a", "1")
    store.put("b", "2", cost=Cost(None, 10, 10))
    store.put("c", "3", cost=Cost(0, 10, 10))
    found = books(store).total
    assert (found.runs, found.unrecorded, found.unpriced) == (3, 1, 1)
    assert (found.spent_nano, found.calls, found.input_tokens) == (0, 2, 20)


def test_money_spent_without_a_snapshot_is_in_the_books() -> None:
    store = MemoryStore()
    facts = spend_facts(Project("default"), Key("plan"), "first", Cost(9, 1, 1), at=5)
    store._backend.publish({}, Operation("spend", 8, "me", facts=facts), {})
    assert books(store, by="day").groups["1970-01-01"].spent_nano == 9
    assert wrongs(store) == []


def test_what_was_made_before_it_was_put_here_is_in_the_books_of_its_day() -> None:
    store = MemoryStore()
    store.put("plan", "p", cost=Cost(5), created_at=7)
    store.put("code", "c", cost=Cost(6))
    assert books(store, until=8).total.spent_nano == 5
    assert books(store, since=8).total.spent_nano == 6


def test_a_part_of_the_books_is_of_a_period_a_project_and_a_session(clock: HandClock) -> None:
    store = aicas.Store(MemoryBackend(), clock=clock, actor="test")
    for n, (project, session) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("b", None)]):
        clock.pass_time(hours=1)
        there = store.at_project(project)
        there.put("plan", f"{n}", session=session, cost=Cost(10**n))
        there.lookup("plan", session=session)
    start = clock.now
    assert books(store, project="a").total.spent_nano == 11
    assert books(store, session="x").total.spent_nano == 101
    assert books(store, project="b", session="x").total.hits == 1
    assert books(store, since=start).total.spent_nano == 1000
    assert books(store, until=start).total.spent_nano == 111
    assert books(store, since=start).total.hits == 1


def test_groups_are_by_stage_model_session_day_or_cause(clock: HandClock) -> None:
    store = aicas.Store(MemoryBackend(), clock=HandClock(0), actor="test")
    store.put("plan", "1", session="s", cost=Cost(1, model="gpt-4"))
    store.put("code", "2", cost=Cost(2))
    store.lookup("plan", session="t")
    assert list(books(store, "stage").groups) == ["default/code", "default/plan"]
    assert list(books(store, "model").groups) == ["gpt-4", None]
    assert list(books(store, "session").groups) == ["s", "t", None]
    assert list(books(store, "day").groups) == ["1970-01-01"]
    assert list(books(store, "cause").groups) == ["first"]
    assert books(store, "session").groups["t"].hits == 1


KEYS = st.sampled_from(["plan", "spec", "code"])
PROJECTS = st.sampled_from(["default", "other"])
COSTS = st.none() | st.builds(
    Cost,
    st.none() | st.integers(0, 10**12),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.just(0),
    st.integers(0, 10**9),
    st.sampled_from([None, "gpt-4", "claude-3-opus"]),
    st.just({}),
    st.integers(1, 5),
)
STEPS = st.one_of(
    st.tuples(
        st.just("put"),
        PROJECTS,
        KEYS,
        COSTS,
        st.fixed_dictionaries(
            {
                "recipe": st.sampled_from([{}, {"model": "gpt-4"}, {"prompt": "go"}]),
                "session": st.sampled_from([None, "one", "two"]),
                "validation_status": st.sampled_from(["unchecked", "passed", "failed"]),
                "expires_in_hours": st.sampled_from([0, 1]),
                "sample": st.sampled_from([None, None, 1, 2]),
            }
        ),
    ),
    st.tuples(st.just("lookup"), PROJECTS, KEYS),
    st.tuples(st.just("invalidate"), PROJECTS, KEYS),
    st.tuples(st.just("promote"), PROJECTS, KEYS),
    st.tuples(st.just("fork"), PROJECTS, PROJECTS),
    st.tuples(st.just("undo")),
    st.tuples(st.just("gc")),
    st.tuples(st.just("wait"), st.sampled_from([1, 30])),
)


class History:
    """Steps taken on a store, and what they must come to, kept plainly beside it."""

    def __init__(self, steps: Sequence[tuple[Any, ...]]) -> None:
        self.clock = HandClock()
        self.store = aicas.Store(MemoryBackend(), clock=self.clock, actor="test")
        self.spent: list[Cost | None] = []
        self.first: list[Cost | None] = []
        self.saved: list[Cost | None] = []
        self.misses = 0
        for name, *arguments in steps:
            self.clock.pass_time(seconds=1)
            with suppress(AicasError):
                getattr(self, name)(*arguments)

    def put(self, project: str, key: str, cost: Cost | None, more: dict[str, Any]) -> None:
        moved = [
            self.store._backend.ref(RefName(f"{space}/{project}/{key}"))
            for space in ("live", "quarantine")
        ]
        self.store.at_project(project).put(key, f"{len(self.spent)}", cost=cost, **more)
        self.spent.append(cost)
        if moved == [None, None]:
            self.first.append(cost)

    def lookup(self, project: str, key: str) -> None:
        found = self.store.at_project(project).lookup(key)
        if found:
            self.saved.append(found.snapshot.cost)
        else:
            self.misses += 1

    def invalidate(self, project: str, key: str) -> None:
        self.store.at_project(project).invalidate(key)

    def promote(self, project: str, key: str) -> None:
        self.store.at_project(project).promote(key, "good enough")

    def fork(self, source: str, target: str) -> None:
        self.store.fork(source, target)

    def undo(self) -> None:
        self.store.undo()

    def gc(self) -> None:
        self.store.gc(self.store.plan_gc(grace_hours=0, retention_hours=0))

    def wait(self, hours: int) -> None:
        self.clock.pass_time(hours=hours)


def amount(costs: Sequence[Cost | None]) -> int:
    return sum(cost.usd_nano for cost in costs if cost and cost.usd_nano is not None)


def added_up(groups: Sequence[Totals]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for group in [Totals(), *groups]:
        for name in Totals.__slots__:
            value = getattr(group, name)
            before = total.get(name, Counter() if isinstance(value, Counter) else 0)
            total[name] = before + value
    return total


@given(st.lists(STEPS, max_size=25))
def test_the_books_of_any_history_balance(steps: list[tuple[Any, ...]]) -> None:
    history = History(steps)
    found = books(history.store).total
    assert found.spent_nano == amount(history.spent)
    assert found.first_nano == amount(history.first)
    assert found.spent_nano == found.first_nano + sum(found.regenerated.values())
    assert found.runs == len(history.spent)
    assert found.unrecorded == history.spent.count(None)
    assert found.calls == sum(cost.calls for cost in history.spent if cost)
    assert found.saved_by_reuse_nano == amount(history.saved)
    assert (found.hits, found.misses) == (len(history.saved), history.misses)
    assert wrongs(history.store) == []
    assert history.store.verify().damage == ()
    whole = added_up([found])
    for by in GROUPINGS:
        parts = added_up(list(books(history.store, by).groups.values()))
        if by != "cause":
            assert parts == {
                name: +value if isinstance(value, Counter) else value
                for name, value in whole.items()
            }


@pytest.mark.parametrize("change", [{"usd_nano": 6}, {"calls": 2}, {"model": "x"}, {}])
def test_verify_reports_money_that_is_not_what_the_snapshot_says(change: dict[str, Any]) -> None:
    store = MemoryStore()
    made = store.put("plan", "p", cost=Cost(5))
    said = Cost(5)._replace(**change) if change else None
    _book(store, "other", made.id, put_facts("first", said))
    (wrong,) = wrongs(store)
    assert "operation 2 and its snapshot" in wrong
    assert all(name in wrong for name in change)
    assert [finding.what for finding in store.verify().damage] == [wrong]


def test_verify_reports_a_first_time_that_was_not() -> None:
    store = MemoryStore()
    made = store.put("plan", "p", cost=Cost(5))
    _book(store, "plan", made.id, put_facts("first", Cost(5)), old=made.id)
    assert wrongs(store) == [
        "operation 2 says it was the first of live/default/plan, which had been moved before"
    ]


def test_a_put_without_money_is_not_in_the_books_and_no_fault() -> None:
    store = MemoryStore()
    made = store.put("plan", "p", cost=Cost(5))
    _book(store, "other", made.id, {})
    assert wrongs(store) == []
    assert books(store).total.spent_nano == 5


def _book(
    store: aicas.Store,
    key: str,
    made: SnapshotId,
    facts: dict[str, Any],
    old: SnapshotId | None = None,
) -> None:
    ref = RefName(f"live/default/{key}")
    operation = Operation("put", 9, "me", (RefChange(ref, old, made),), facts=facts)
    store._backend.publish({}, operation, {ref: ABSENT if old is None else old})


@given(st.integers(-(10**20), 10**20))
def test_a_millionth_is_rounded_half_to_even(amount: int) -> None:
    from decimal import ROUND_HALF_EVEN, Decimal, localcontext

    with localcontext(prec=60):
        exact = (Decimal(amount) / MILLION).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert millionth(amount) == exact


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [(0, 0), (500_000, 0), (1_500_000, 2), (2_500_000, 2), (500_001, 1), (-500_000, 0)],
)
def test_halves_go_to_the_even_side(amount: int, rounded: int) -> None:
    assert millionth(amount) == rounded
