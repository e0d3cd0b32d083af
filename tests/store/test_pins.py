"""A pinned version stays, whatever becomes of its key; a pin is an operation like any other."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import InvalidInput, InvalidName, NotFound


def test_what_is_pinned_is_neither_collected_nor_evicted(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "first " * 50)
    store.pin("plan", "agreed")
    store.put("plan", "second " * 50)
    store.put("other", "third " * 50)
    store.clear()
    clock.pass_time(hours=24 * 365)
    store.evict(store.plan_evict(to_bytes=0))
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert store.get("pins/default/agreed") == "first " * 50
    assert store.evict(store.plan_evict(["pins/default/agreed"])).number is None
    with pytest.raises(NotFound):
        store.get("plan@{1}")
    store.unpin("agreed")
    clock.pass_time(hours=1)
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert list(store._backend.scan()) == []


def test_pins_are_listed_by_name_in_their_project(store: aicas.Store) -> None:
    plan, code = store.put("plan", "1"), store.put("code", {"a": b"1"})
    other = store.at_project("default/other")
    other.put("plan", "2")
    done = [store.pin("plan"), store.pin("code", "b-release"), store.pin("plan", "a", "agreed")]
    other.pin("plan")
    other.pin("default/plan", "theirs")
    assert [(pin.name, pin.snapshot, pin.number) for pin in store.pins()] == [
        ("a", plan, done[2].number),
        ("b-release", code, done[1].number),
        ("plan", plan, done[0].number),
    ]
    assert [pin.ref for pin in other.pins()] == [
        "pins/default/other/plan",
        "pins/default/other/theirs",
    ]
    assert [(op.verb, op.reason, len(op.changes)) for op in done] == [
        ("pin", None, 1), ("pin", None, 1), ("pin", "agreed", 1)
    ]  # fmt: skip


def test_pinning_and_unpinning_can_be_undone(store: aicas.Store) -> None:
    plan = store.put("plan", "1")
    store.pin("plan")
    store.undo()
    assert store.pins() == []
    store.pin("plan")
    store.unpin("plan", "over")
    assert store.pins() == []
    store.undo()
    assert [pin.snapshot for pin in store.pins()] == [plan]


def test_a_pin_is_not_moved_by_another_and_has_a_name_that_can_be(store: aicas.Store) -> None:
    store.put("plan", "1")
    store.pin("plan")
    with pytest.raises(InvalidInput, match="holds that already"):
        store.pin("plan")
    store.put("plan", "2")
    with pytest.raises(InvalidInput, match="the pin plan holds another version"):
        store.pin("plan")
    for name in ("", "a/b", "-x", "a b", "../x"):
        with pytest.raises(InvalidName):
            store.pin("plan", name)
    with pytest.raises(NotFound):
        store.pin("nothing")
    with pytest.raises(NotFound) as caught:
        store.unpin("plam")
    assert caught.value.near == ("plan",)
    assert len(store.pins()) == 1


def test_what_was_evicted_cannot_be_pinned(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "1")
    clock.pass_time(hours=48)
    store.evict(store.plan_evict(["plan"]))
    with pytest.raises(NotFound, match="was evicted"):
        store.pin("plan")


def test_a_pin_is_no_dependent_and_invalidating_leaves_it(store: aicas.Store) -> None:
    store.put("features", "1")
    plan = store.put("plan", "2", inputs=["features"])
    store.pin("plan")
    assert store.plan_invalidate("features").refs == ("live/default/features", "live/default/plan")
    store.invalidate("features")
    assert [pin.snapshot for pin in store.pins()] == [plan]
