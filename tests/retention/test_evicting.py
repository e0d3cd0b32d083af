"""An eviction drops exactly what its plan names, and leaves everything else as it was."""

from __future__ import annotations

import pytest
from hand_clock import HandClock
from hypothesis import given
from hypothesis import strategies as st
from retention_world import codes, contents, held_bytes, pipeline, snapshots, unpressed, usd

import aicas
from aicas.backends.memory import MemoryBackend
from aicas.errors import Conflict, Damaged, InvalidInput, NotFound
from aicas.ids import TreeId
from aicas.names import RefName

RECIPE = {"prompt": "p", "agent_version": "a"}


def evict(store: aicas.Store, *keys: str) -> None:
    assert store.evict(store.plan_evict(keys, grace_hours=0), "room").payloads == len(keys)


def test_what_was_planned_goes_and_nothing_else(store: aicas.Store, clock: HandClock) -> None:
    pipeline(store)
    pipeline(store.at_project("other"))
    clock.pass_time(hours=1)
    before, refs, held = contents(store), store.refs(), held_bytes(store)
    plan = store.plan_evict(to_bytes=held // 2, grace_hours=0)
    result = store.evict(plan, "room")
    gone = {victim.payload for victim in plan.victims}
    assert gone
    assert (result.payloads, result.objects) == (
        len(gone),
        sum(len(v.objects) for v in plan.victims),
    )
    assert held_bytes(store) == plan.kept_bytes <= held // 2
    assert contents(store) == {i: None if i in gone else held for i, held in before.items()}
    assert store.refs() == refs
    assert store.verify().damage == ()
    assert set(snapshots(store)) >= set(refs.values())


def test_a_lookup_says_that_it_was_evicted_and_a_new_run_that_it_was_its_cause(
    store: aicas.Store, clock: HandClock
) -> None:
    made = store.put("plan", "one", recipe=RECIPE, cost=usd(1))
    clock.pass_time(hours=1)
    assert store.lookup("plan", RECIPE, [])
    evict(store, "plan")
    found = store.lookup("plan", RECIPE, [])
    assert codes(found) == ["evicted"]
    assert "evicted by operation 2" in str(found)
    assert str(found).endswith("room")
    assert store.why("plan").cost == usd(1)
    assert store.show("plan") == made
    with pytest.raises(NotFound, match=r"what plan held in .* was evicted by operation 2"):
        aicas.Store(store._backend, clock=clock).get("plan")
    store.put("plan", "one again", recipe=RECIPE, cost=usd(2))
    assert store.operation(store._backend.last_number()).facts["cause"] == "evicted"
    assert store.lookup("plan", RECIPE, [])


def test_what_is_put_again_is_held_again(store: aicas.Store, clock: HandClock) -> None:
    files = {"a": b"1" * 100, "b/c": unpressed(5000, "b").encode()}
    store.put("code", files)
    clock.pass_time(hours=1)
    evict(store, "code")
    assert codes(store.lookup("code")) == ["evicted"]
    store.put("code", files)
    assert store.lookup("code")
    assert dict(store.files("code")) == files
    clock.pass_time(hours=1)
    evict(store, "code")
    assert codes(store.lookup("code")) == ["evicted"]


def test_what_was_made_from_it_stays_valid(store: aicas.Store, clock: HandClock) -> None:
    pipeline(store)
    clock.pass_time(hours=1)
    evict(store, "stage-1")
    states = {stage.key: stage.state for stage in store.status()}
    assert states == {
        "stage-0": "valid", "stage-1": "evicted", "stage-2": "valid", "stage-3": "valid"
    }  # fmt: skip
    assert store.invalidate("stage-0").changes[1].ref == "live/default/stage-1"
    store.undo()
    assert codes(store.lookup("stage-1")) == ["evicted"]


def test_undo_refuses_an_eviction_and_passes_it_over(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "one")
    store.put("plan", "two")
    clock.pass_time(hours=1)
    evict(store, "plan")
    number = next(op.number for op in store.ops() if op.verb == "evict")
    with pytest.raises(InvalidInput, match="which nothing brings back"):
        store.undo(number)
    assert store.undo().undoes == 2
    assert store.get("plan") == "one"
    assert store.resolve("plan@{1}") == store.resolve("plan@{op:2}")


def test_a_move_ago_is_before_the_eviction_of_what_is_there(
    store: aicas.Store, clock: HandClock
) -> None:
    one = store.put("plan", "one")
    store.put("plan", "two")
    clock.pass_time(hours=1)
    evict(store, "plan")
    assert store.resolve("plan@{1}") == one.id


def test_a_version_left_behind_is_evicted_wherever_it_comes_back(
    store: aicas.Store, clock: HandClock
) -> None:
    recipes = [{"prompt": "1"}, {"prompt": "2"}]
    for recipe in recipes:
        store.put("plan", recipe["prompt"], recipe=recipe)
    clock.pass_time(hours=1)
    store.evict(store.plan_evict(to_bytes=held_bytes(store) - 1, grace_hours=0))
    assert codes(store.lookup("plan", recipes[0], [])) == ["recipe_changed"], "no trace of it left"
    store.undo(2)
    assert codes(store.lookup("plan")) == ["evicted"]
    store.fork("default", "copy")
    assert codes(store.at_project("copy").lookup("plan")) == ["evicted"]


def test_what_was_moved_away_when_it_was_evicted_comes_back_evicted(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "one")
    store.invalidate("plan")
    clock.pass_time(hours=1)
    store.evict(store.plan_evict(to_bytes=0, grace_hours=0))
    assert codes(store.lookup("plan")) == ["invalidated"]
    store.undo(2)
    assert codes(store.lookup("plan")) == ["evicted"]


def test_collecting_goes_on_after_an_eviction(store: aicas.Store, clock: HandClock) -> None:
    store.put("code", {"a": b"1", "b/c": b"2" * 500})
    store.put("plan", "kept")
    clock.pass_time(hours=1)
    evict(store, "code")
    assert store.gc(store.plan_gc(grace_hours=0, retention_hours=0)).objects == 0
    store.invalidate("code")
    clock.pass_time(hours=1)
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert contents(store) == {store.show("plan").payload.id: "kept"}


def test_what_was_evicted_is_told_from_what_was_lost(clock: HandClock) -> None:
    backend = MemoryBackend()
    store = aicas.Store(backend, clock=clock, actor="test")
    for key in ("evicted", "again", "lost"):
        store.put(key, {"a": key.encode(), "d/b": b"2" * 50})
    clock.pass_time(hours=1)
    evict(store, "evicted", "again")
    assert store.verify().damage == ()
    clock.pass_time(hours=1)
    again = store.put("again", {"a": b"again", "d/b": b"2" * 50})
    for payload in (again.payload.id, store.show("lost").payload.id):
        del backend._frames[payload]
    missing = {finding.object_id for finding in store.verify().damage}
    assert missing == {again.payload.id, store.show("lost").payload.id}
    with pytest.raises(Damaged):
        store.plan_gc()


def test_what_is_damaged_or_lost_can_be_evicted_by_name_alone(clock: HandClock) -> None:
    backend = MemoryBackend()
    store = aicas.Store(backend, clock=clock, actor="test")
    store.put("lost", "lost")
    store.put("parts", {"a": b"1", "d/b": b"2" * 50})
    store.put("spoiled", {"a": b"3", "d/b": b"4" * 50})
    store.put("whole", {"d/b": b"4" * 50, "own": b"5"})
    clock.pass_time(hours=1)
    below = next(iter(store.tree(TreeId(store.show("parts").payload.id)).values())).id
    spoiled = store.show("spoiled").payload.id
    del backend._frames[store.show("lost").payload.id]
    del backend._frames[below]
    backend._frames[spoiled] = (backend._frames[spoiled][0][:-12] + b"no such tree", 0)
    store = aicas.Store(backend, clock=clock, actor="test")
    assert len(store.verify().damage) == 3
    with pytest.raises(Damaged, match="holds is damaged"):
        store.plan_evict(to_bytes=0, grace_hours=0)
    evict(store, "lost", "parts", "spoiled")
    assert store.verify().damage == ()
    for key in ("lost", "parts", "spoiled"):
        assert codes(store.lookup(key)) == ["evicted"]
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert dict(store.files("whole")) == {"d/b": b"4" * 50, "own": b"5"}
    assert store.plan_evict(to_bytes=0, grace_hours=0).victims[0].key == "whole"


def test_a_plan_spares_what_was_put_recalled_or_leased_since(
    store: aicas.Store, clock: HandClock
) -> None:
    common = unpressed(3000, "common").encode()
    recipes = {name: {"prompt": name} for name in ("recalled", "other")}
    store.put("traced", "recalled", recipe=recipes["recalled"])
    store.put("traced", "other", recipe=recipes["other"])
    store.put("again", {"common": common, "own": b"again"})
    store.put("partly", {"common": common, "own": b"partly"})
    leased = store.put("leased", "leased")
    store.put("victim", "victim")
    clock.pass_time(hours=1)
    plan = store.plan_evict(to_bytes=0, grace_hours=0)
    assert len(plan.victims) == 6
    assert store.lookup("traced", recipes["recalled"], [])
    store.at_project("elsewhere").put("copy", {"common": common, "own": b"again"})
    store._backend.lease("work", needs=[leased.id])
    assert store.evict(plan).payloads == 3
    known = store.keys()
    found = {key: codes(store.lookup(key)) for key in known}
    assert found == {
        "again": [], "leased": [], "partly": ["evicted"], "traced": [], "victim": ["evicted"]
    }  # fmt: skip
    assert dict(store.files("again"))["common"] == common
    assert dict(store.at_project("elsewhere").files("copy"))["common"] == common


def test_a_ref_that_moved_on_since_the_plan_does_not_stop_it(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "one")
    clock.pass_time(hours=1)
    plan = store.plan_evict(["plan"], grace_hours=0)
    store.put("plan", "two")
    assert store.evict(plan).payloads == 1
    assert store.get("plan") == "two"
    store.undo(2)
    assert codes(store.lookup("plan")) == ["evicted"]


def test_others_that_keep_moving_the_refs_are_a_conflict(
    local_store: aicas.Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_store.put("plan", "one")
    clock.pass_time(hours=1)
    plan = local_store.plan_evict(["plan"], grace_hours=0)
    real = local_store._backend.publish
    busy = iter(range(1000))

    def meanwhile(*arguments: object) -> object:
        monkeypatch.undo()
        try:
            local_store.put("plan", f"{next(busy)}")
        finally:
            monkeypatch.setattr(local_store._backend, "publish", meanwhile)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(local_store._backend, "publish", meanwhile)
    with pytest.raises(Conflict):
        local_store.evict(plan)
    monkeypatch.undo()
    assert local_store.get("plan") == "99"


Step = tuple[str, int, int]


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "tree", "invalidate", "lookup", "evict", "gc"]),
                  st.integers(0, 3), st.integers(0, 5)),
        max_size=25,
    ),
    st.integers(0, 100),
)  # fmt: skip
def test_whatever_happened_before_only_what_is_recorded_is_missing(
    steps: list[Step], share: int
) -> None:
    clock = HandClock()
    store = aicas.Store(MemoryBackend(), clock=clock, actor="test")
    for verb, key, content in steps:
        clock.pass_time(hours=1)
        _step(store, verb, f"key-{key}", content)
    clock.pass_time(hours=1)
    before, held = contents(store), held_bytes(store)
    plan = store.plan_evict(to_bytes=held * share // 100, grace_hours=0)
    store.evict(plan)
    gone = {victim.payload for victim in plan.victims}
    assert contents(store) == {i: None if i in gone else found for i, found in before.items()}
    assert held_bytes(store) == plan.kept_bytes
    assert plan.kept_bytes - plan.short_by_bytes <= held * share // 100
    assert store.verify().damage == ()
    for ref in store.refs("live/"):
        reasons = codes(store.lookup(ref.rpartition("/")[2]))
        payload = store.snapshot(store.refs()[RefName(ref)]).payload.id
        assert ("evicted" in reasons) == (before[payload] is None or payload in gone)
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert store.verify().damage == ()


def _step(store: aicas.Store, verb: str, key: str, content: int) -> None:
    parts = {f"{n}": unpressed(200, str(n)).encode() for n in range(content + 1)}
    try:
        if verb == "put":
            store.put(key, parts[f"{content}"], cost=usd(content) if content else None)
        elif verb == "tree":
            known = store.keys()
            inputs = [name for name in known if name < key]
            store.put(key, {**parts, "own/key": key.encode()}, inputs=inputs, cost=usd(content))
        elif verb == "lookup":
            store.lookup(key)
        elif verb == "invalidate":
            store.invalidate(key)
        elif verb == "evict":
            store.evict(store.plan_evict([key], grace_hours=0))
        else:
            store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    except NotFound:
        pass
