"""A store is kept within its size by those who put into it, and no put fails for that."""

from __future__ import annotations

from typing import Any

import pytest
from hand_clock import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from retention_world import held_bytes, unpressed, usd

import aicas
from aicas import canonical
from aicas.backends.base import Left, Taken
from aicas.backends.memory import MemoryBackend
from aicas.clock import HOUR
from aicas.config import Config
from aicas.ids import Kind
from aicas.retention.limit import Counted, SizeWatch, batch_bytes

LIMIT = 400_000
BATCH = batch_bytes(LIMIT)


def limited(store: aicas.Store, **settings: Any) -> aicas.Store:
    config = Config(max_cache_size_gb=LIMIT / 10**9, **{"gc_grace_hours": 1.0, **settings})
    return aicas.Store(store._backend, config=config, clock=store._clock, actor="test")


def put_many(store: aicas.Store, clock: HandClock, count: int, *, hours: float = 2) -> None:
    for _ in range(count):
        number = store._backend.last_number()
        key = f"stage-{number % 30}"
        store.put(key, unpressed(20_000, f"{number}"), cost=usd(1), expires_in_hours=0)
        clock.pass_time(hours=hours)


def payloads(store: aicas.Store) -> int:
    return sum(found.id.kind == Kind.BLOB for found in store._backend.scan())


def test_after_any_put_the_store_is_over_its_limit_by_a_batch_at_most(
    store: aicas.Store, clock: HandClock
) -> None:
    kept = limited(store)
    over = 0
    for _ in range(120):
        put_many(kept, clock, 1)
        held = held_bytes(kept)
        assert held <= LIMIT + BATCH
        over = max(over, held)
    assert over > LIMIT - 2 * BATCH, "room is used before anything goes"
    assert kept.notice is None
    assert kept.ops(limit=1)
    evictions = [op for op in store._backend.operations() if op.verb == "evict"]
    assert 3 < len(evictions) < 60, "a batch at a time, not with every put"
    assert {op.reason for op in evictions} == {"the store was over max_cache_size_gb"}
    assert payloads(kept) > 25


def test_what_may_not_go_stays_the_put_succeeds_and_it_is_said(
    store: aicas.Store, clock: HandClock
) -> None:
    kept = limited(store)
    put_many(kept, clock, 60, hours=0)
    assert payloads(kept) == 60
    assert held_bytes(kept) > LIMIT + BATCH
    assert kept.notice is not None
    assert kept.notice.startswith("the store stays ")
    assert "over max_cache_size_gb: " in kept.notice
    assert "payloads too young to judge" in kept.notice
    clock.pass_time(hours=2)
    put_many(kept, clock, 10)
    assert held_bytes(kept) <= LIMIT + BATCH
    assert kept.notice is None


def test_nothing_goes_while_upkeep_of_its_own_accord_is_off(
    store: aicas.Store, clock: HandClock
) -> None:
    kept = limited(store, auto_maintain=False)
    put_many(kept, clock, 50)
    assert held_bytes(kept) > LIMIT + BATCH
    assert kept.notice is None
    assert {op.verb for op in store._backend.operations()} == {"put"}


def test_a_batch_of_puts_is_kept_within_the_limit_as_it_is_settled(
    store: aicas.Store, clock: HandClock
) -> None:
    kept = limited(store)
    with kept.batch() as batch:
        for number in range(40):
            batch.put(f"stage-{number}", unpressed(20_000, f"{number}"))
            clock.pass_time(hours=2)
            batch.flush()
            assert held_bytes(kept) <= LIMIT + BATCH


def test_a_put_beside_the_upkeep_of_another_goes_on_while_there_is_half_a_batch(
    store: aicas.Store, clock: HandClock
) -> None:
    kept = limited(store)
    put_many(kept, clock, 36)
    lease = kept._backend.lease("maintain")
    assert not isinstance(lease, (Taken, Left))
    kept._watch.count(kept_up_at=clock())
    kept._watch.note(Counted(LIMIT + BATCH // 4, kept._backend.used_bytes(), 0, clock()))
    kept._watch._room = 0
    kept.put("one", "more")
    assert kept.notice is None
    lease.release()


def test_what_hinders_the_upkeep_is_said_and_fails_no_put(
    store: aicas.Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = limited(store)

    def damaged(*_: object, **__: object) -> object:
        raise aicas.Damaged("snapshot 0123 cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(type(kept), "plan_evict", damaged)
        put_many(kept, clock, 40)
        assert kept.notice == (
            "the store was not kept within its size: snapshot 0123 cannot be read"
        )
    put_many(kept, clock, 2)
    assert kept.notice is None
    assert held_bytes(kept) <= LIMIT + BATCH


def test_upkeep_comes_with_a_put_once_in_an_interval(store: aicas.Store, clock: HandClock) -> None:
    kept = limited(store, cleanup_interval_hours=24.0)
    kept.put("short-lived", "x", expires_in_hours=1)

    def upkeeps() -> int:
        return sum(op.verb == "maintain" for op in store._backend.operations())

    for hours, done in ((0, 0), (23, 0), (2, 1), (0, 1), (23, 1), (2, 2)):
        clock.pass_time(hours=hours)
        fresh = limited(store, cleanup_interval_hours=24.0)
        fresh.put("plan", f"{clock()}")
        assert upkeeps() == done
    assert [*kept.refs()] == ["live/default/plan"]
    off = limited(store, cleanup_interval_hours=0.0)
    clock.pass_time(hours=100)
    off.put("plan", "last")
    assert upkeeps() == 2


@pytest.mark.parametrize("memo", [
    None, b"", b"junk", canonical.pack([1, 2, 3]), canonical.pack(["a"] * 4),
    canonical.pack([True] * 4), canonical.pack({"stored_bytes": 1}),
])  # fmt: skip
def test_a_memo_that_says_nothing_makes_for_a_count(store: aicas.Store, memo: bytes | None) -> None:
    store.put("plan", "x" * 1000)
    if memo is not None:
        store._backend.remember("size", memo)
    seen = SizeWatch(store._backend, LIMIT).look(0)
    assert seen.stored_bytes >= held_bytes(store)


PUTS = st.lists(st.integers(0, 50_000), max_size=30)


@settings(max_examples=25)
@given(mine=PUTS, others=PUTS)
def test_the_estimate_is_never_too_low_whoever_puts(mine: list[int], others: list[int]) -> None:
    clock = HandClock()
    backend = MemoryBackend()
    first, second = (aicas.Store(backend, clock=clock, actor=name) for name in "ab")
    watch = SizeWatch(backend, LIMIT)
    for number, size in enumerate(mine):
        first.put("mine", unpressed(size, f"mine {number}"))
        for each in others[number : number + 1]:
            second.put("others", unpressed(each, f"others {number}"))
        assert watch.look(clock()).stored_bytes >= held_bytes(first)
    assert watch.count(kept_up_at=HOUR) == (held_bytes(first), backend.used_bytes(), 0, HOUR)
