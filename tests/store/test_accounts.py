"""What a store answers when asked for its books."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas import Cost
from aicas.backends.memory import MemoryBackend
from aicas.clock import DAY
from aicas.config import Config
from aicas.errors import InvalidInput, InvalidName


def test_the_books_hold_what_was_looked_up_a_moment_ago(store: aicas.Store) -> None:
    store.put("plan", "p", cost=Cost(5))
    for number in range(1, 4):
        store.lookup("plan")
        assert store.books().total.hits == number
    assert store.books().total.saved_by_reuse_nano == 15


def test_nothing_said_is_everything_and_every_limit_counts(
    store: aicas.Store, clock: HandClock
) -> None:
    other = store.at_project("other")
    store.put("plan", "p", cost=Cost(1), session="s")
    middle = clock.pass_time(hours=1)
    other.put("plan", "p", cost=Cost(2), session="s")
    store.put("code", "c", cost=Cost(4))
    assert store.books().total.spent_nano == other.books().total.spent_nano == 7
    assert store.books(project="default").total.spent_nano == 5
    assert store.books(session="s").total.spent_nano == 3
    assert store.books(middle).total.spent_nano == 6
    assert store.books(until=middle).total.spent_nano == 1
    assert store.books(middle, project="other", session="s").total.spent_nano == 2
    assert {n: t.spent_nano for n, t in store.books(by="stage").groups.items()} == {
        "default/code": 4,
        "default/plan": 1,
        "other/plan": 2,
    }
    store.put("old", "c", cost=Cost(8), created_at=-1)
    assert store.books().total.spent_nano == 15
    assert sum(s.cost.usd_nano or 0 for s in store.spendings() if s.cost) == 15
    assert store.books(0).total.spent_nano == 7
    with pytest.raises(InvalidName):
        store.books(project="../x")


def test_every_run_is_told_in_the_order_of_the_log(store: aicas.Store, clock: HandClock) -> None:
    first = store.put("plan", "p", cost=Cost(1))
    later = clock.pass_time(hours=1)
    store.spend("plan", Cost(2), reason="cut off")
    store.at_project("other").put("plan", "p")
    told = [(s.project, s.cause, s.snapshot) for s in store.spendings()]
    assert [cause for _, cause, _ in told] == ["first", "repeated", "first"]
    assert told[0] == ("default", "first", first.id)
    assert [s.cost for s in store.spendings(later, project="default")] == [Cost(2)]
    assert [s.cost for s in store.spendings(until=later)] == [Cost(1)]


def test_days_are_whole_ones_in_utc_and_today_is_one(store: aicas.Store, clock: HandClock) -> None:
    since, until = store.last_days(1)
    assert since % DAY == until % DAY == 0
    assert since <= clock.now < until == since + DAY
    assert store.last_days(30) == (until - 30 * DAY, until)
    for days in (0, -1, 36_501):
        with pytest.raises(InvalidInput, match="days"):
            store.last_days(days)


def test_contents_are_the_current_versions_of_the_project(store: aicas.Store) -> None:
    assert store.contents() == (0, 0)
    store.put("plan", "12345")
    store.put("plan", "123")
    store.put("code", {"a": b"12"})
    store.put("gone", "1234567")
    store.invalidate("gone")
    store.at_project("other").put("plan", "1234567")
    assert store.contents() == (2, 5)


def test_without_recording_there_is_money_and_no_lookup(clock: HandClock) -> None:

    store = aicas.Store(MemoryBackend(), config=Config(analytics_enabled=False), clock=clock)
    store.put("plan", "p", cost=Cost(5))
    store.lookup("plan")
    total = store.books().total
    assert (total.spent_nano, total.lookups) == (5, 0)
