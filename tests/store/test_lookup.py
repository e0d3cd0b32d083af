"""A lookup hits, or says everything that stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import InvalidInput, NotFound
from aicas.ids import Kind, hash_object
from aicas.validity.reasons import (
    Expired,
    InputChanged,
    Invalidated,
    NeverStored,
    PayloadUnreadable,
    Quarantined,
    RecipeChanged,
)

RECIPE = {"prompt": "Design it", "model": "gpt-4", "parameters": {"temperature": 0.2}}


def reasons(found: aicas.Hit | aicas.Miss) -> list[str]:
    assert isinstance(found, aicas.Miss), found
    assert not found
    return [reason.code for reason in found.reasons]


def test_what_was_stored_with_this_recipe_and_inputs_is_a_hit(store: aicas.Store) -> None:
    store.put("plan", "p")
    made = store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    for recipe in (None, RECIPE):
        for inputs in (None, ["plan"]):
            found = store.lookup("code", recipe, inputs)
            assert isinstance(found, aicas.Hit)
            assert (found.snapshot.id, found.moved) == (made.id, False)


def test_a_key_never_stored_is_a_miss_that_says_so(store: aicas.Store) -> None:
    found = store.lookup("code", RECIPE, [])
    assert isinstance(found, aicas.Miss)
    assert found.reasons == (NeverStored(),)
    assert str(found) == "never stored"


def test_every_component_that_changed_is_named_with_both_values(store: aicas.Store) -> None:
    store.put("code", "c", recipe=RECIPE)
    found = store.lookup("code", RECIPE | {"model": "gpt-5", "prompt": "Build it", "seed": 7})
    assert isinstance(found, aicas.Miss)
    changed = {r.component: (r.old, r.new) for r in found.reasons if isinstance(r, RecipeChanged)}
    assert changed == {
        "model": ("gpt-4", "gpt-5"),
        "prompt": ("Design it", "Build it"),
        "seed": (None, 7),
    }
    assert "model changed from 'gpt-4' to 'gpt-5'" in str(found)


def test_one_and_true_are_not_the_same_component(store: aicas.Store) -> None:
    store.put("code", "c", recipe={"stream": True})
    assert reasons(store.lookup("code", {"stream": 1})) == ["recipe_changed"]


def test_inputs_that_changed_came_or_went_are_each_named(store: aicas.Store) -> None:
    for key in ("a", "b", "c"):
        store.put(key, key)
    store.put("code", "c", inputs=["a", "b"])
    store.put("a", "a changed")
    found = store.lookup("code", None, ["a", "c"])
    assert isinstance(found, aicas.Miss)
    assert [str(reason) for reason in found.reasons] == [
        "input a changed",
        "input b is gone",
        "input c is new",
    ]


def test_an_input_made_anew_with_the_same_content_leaves_its_dependents_valid(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", {"files": 3})
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    clock.pass_time(hours=1)
    again = store.put("plan", {"files": 3}, session="another run")
    assert store.show("code").inputs[0].snapshot != again.id
    assert store.lookup("code", RECIPE, ["plan"])
    assert store.lookup("code")


def test_a_stage_whose_input_was_invalidated_misses(store: aicas.Store) -> None:
    store.put("plan", "p")
    store.put("code", "c", inputs=["plan"])
    store.invalidate("plan", only=True)
    found = store.lookup("code")
    assert isinstance(found, aicas.Miss)
    assert [type(reason) for reason in found.reasons] == [InputChanged]


def test_an_invalidated_stage_says_by_which_operation_when_and_why(store: aicas.Store) -> None:
    store.put("code", "c", recipe=RECIPE)
    done = store.invalidate("code", "wrong licence")
    found = store.lookup("code", RECIPE, [])
    assert isinstance(found, aicas.Miss)
    assert found.reasons == (Invalidated("invalidate", done.number, done.at, "wrong licence"),)


def test_an_artifact_expires_at_its_time_and_not_before(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("code", "c", expires_in_hours=2)
    store.put("forever", "c", expires_in_hours=0)
    store.put("usual", "c")
    clock.pass_time(hours=2, seconds=-1)
    assert store.lookup("code")
    clock.pass_time(seconds=1)
    found = store.lookup("code")
    assert isinstance(found, aicas.Miss)
    assert found.reasons == (Expired(clock.now),)
    clock.pass_time(hours=70)
    assert reasons(store.lookup("usual")) == ["expired"]
    assert store.lookup("forever")
    assert store.get("code") == "c", "reading what is expired is allowed"


@pytest.mark.parametrize("hours", [-1, float("nan"), float("inf"), -float("inf"), 1e300, True, "2"])
def test_a_lifetime_that_is_none_is_refused(store: aicas.Store, hours: float) -> None:
    with pytest.raises(InvalidInput):
        store.put("code", "c", expires_in_hours=hours)
    with pytest.raises(InvalidInput):
        store.plan_gc(grace_hours=hours)
    with pytest.raises(InvalidInput):
        store.plan_gc(retention_hours=hours)


def test_what_failed_its_validation_is_never_a_hit(store: aicas.Store) -> None:
    kept = store.put("code", "c", recipe=RECIPE, validation_status="failed", reason="no tests")
    found = store.lookup("code", RECIPE, [])
    assert isinstance(found, aicas.Miss)
    assert found.reasons == (Quarantined(1, kept.created_at, kept.id, "no tests"),)


def test_several_things_wrong_are_all_said(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "p")
    store.put("code", "c", recipe=RECIPE, inputs=["plan"], expires_in_hours=1)
    store.put("code", "worse", recipe=RECIPE, inputs=["plan"], validation_status="failed")
    store.put("plan", "p2")
    clock.pass_time(hours=5)
    found = store.lookup("code", RECIPE | {"model": "other"}, ["plan"])
    assert set(reasons(found)) == {
        "expired",
        "quarantined",
        "recipe_changed",
        "input_changed",
    }


def test_a_lookup_with_an_input_that_does_not_exist_says_so(store: aicas.Store) -> None:
    with pytest.raises(NotFound):
        store.lookup("code", RECIPE, ["nowhere"])
    with pytest.raises(InvalidInput):
        store.lookup("-rf")


def test_going_back_to_an_earlier_input_brings_its_result_back_for_nothing(
    store: aicas.Store,
) -> None:
    store.put("plan", "A")
    first = store.put("code", "from A", recipe=RECIPE, inputs=["plan"])
    store.put("plan", "B")
    assert not store.lookup("code", RECIPE, ["plan"])
    second = store.put("code", "from B", recipe=RECIPE, inputs=["plan"])
    for content, wanted in (("A", first), ("B", second), ("A", first)):
        store.put("plan", content)
        found = store.lookup("code", RECIPE, ["plan"])
        assert isinstance(found, aicas.Hit)
        assert (found.snapshot.id, found.moved) == (wanted.id, True)
        again = store.lookup("code", RECIPE, ["plan"])
        assert isinstance(again, aicas.Hit)
        assert not again.moved
        assert store.resolve("code") == wanted.id
    assert [o.verb for o in store.ops(limit=1)] == ["recall"]
    logged = [entry.snapshot.id for entry in store.log("code")]
    assert set(logged) == {first.id, second.id}, "a recall hides no version"


def test_an_invalidation_revokes_what_came_before_it_until_it_is_undone(store: aicas.Store) -> None:
    store.put("plan", "A")
    first = store.put("code", "from A", recipe=RECIPE, inputs=["plan"])
    done = store.invalidate("code")
    assert reasons(store.lookup("code", RECIPE, ["plan"])) == ["invalidated"]
    store.undo(done.number)
    store.put("code", "from B", recipe=RECIPE | {"model": "b"}, inputs=["plan"])
    found = store.lookup("code", RECIPE, ["plan"])
    assert isinstance(found, aicas.Hit)
    assert found.snapshot.id == first.id


@pytest.mark.parametrize(
    "kept", [{"validation_status": "failed"}, {"expires_in_hours": 1}], ids=["failed", "expired"]
)
def test_a_bad_earlier_run_is_not_recalled(
    store: aicas.Store, clock: HandClock, kept: dict[str, object]
) -> None:
    store.put("code", "first", recipe=RECIPE, **kept)  # type: ignore[arg-type]
    store.put("code", "second", recipe={"model": "other"})
    clock.pass_time(hours=2)
    assert not store.lookup("code", RECIPE, [])


def test_a_stage_whose_snapshot_or_payload_is_lost_misses_with_the_reason(
    store: aicas.Store,
) -> None:
    from aicas.backends.operation import Operation

    plan = store.put("plan", "p")
    made = store.put("code", "c" * 100, inputs=["plan"])

    def lose(*ids: object) -> None:
        operation = Operation("gc", 0, "test")
        store._backend.delete(ids, operation, store._backend.last_number(), lambda newer: ())  # type: ignore[arg-type]

    try:
        lose(made.payload.id)
        found = aicas.Store(store._backend, clock=store._clock).lookup("code")
        assert isinstance(found, aicas.Miss)
        assert [type(r) for r in found.reasons] == [PayloadUnreadable]
        lose(plan.id)
        found = aicas.Store(store._backend, clock=store._clock).lookup("code")
        assert "input_changed" in reasons(found)
        lose(made.id)
        found = aicas.Store(store._backend, clock=store._clock).lookup("code")
        assert isinstance(found, aicas.Miss)
        assert [r.object_id for r in found.reasons if isinstance(r, PayloadUnreadable)] == [made.id]
        found_damage = {finding.object_id for finding in store.verify().damage}
        assert {made.id, plan.id} <= found_damage
    finally:
        for key in ("code", "plan"):
            store.put(key, "whole again")
        store.invalidate("plan", only=True)


def test_a_payload_whose_bytes_were_spoilt_is_a_miss_and_not_a_hit_that_fails_later(
    tmp_path: Path,
) -> None:
    text = "the plan, which says little and says it often\n" * 40
    with aicas.open(tmp_path / "store") as store:
        made = store.put("plan", text, recipe=RECIPE)
        store.put("later", "so that the first commit is not the log's last")
    (segment,) = (tmp_path / "store" / "log").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(made.payload.id) + 60] ^= 1  # inside the payload's frame
    segment.write_bytes(data)
    with aicas.open(tmp_path / "store") as store:
        assert reasons(store.lookup("plan", RECIPE, [])) == ["payload_unreadable"]
        assert not store.verify().clean


@pytest.mark.parametrize("payload", ["text\n" * 400, {"a.txt": b"text\n" * 400, "b": b"other"}])
def test_what_is_damaged_is_whole_again_once_the_same_is_put_again(
    tmp_path: Path, payload: object
) -> None:
    with aicas.open(tmp_path / "store") as store:
        made = store.put("plan", payload, recipe=RECIPE)
        store.put("later", "so that the first commit is not the log's last")
        content = payload if isinstance(payload, str) else "text\n" * 400
        damaged = hash_object(Kind.BLOB, content.encode())
        assert not store._backend.missing([made.payload.id, damaged])
    (segment,) = (tmp_path / "store" / "log").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(damaged) + 50] ^= 1  # inside its frame
    segment.write_bytes(data)
    with aicas.open(tmp_path / "store") as store:
        assert not store.verify().clean
        store.put("plan", payload, recipe=RECIPE)
        assert store.lookup("plan", RECIPE, [])
        found = store.get("plan")
        assert (dict(found) if isinstance(found, aicas.Files) else found) == payload
        assert not [finding for finding in store.verify().damage if finding.object_id == damaged]


def test_a_stage_whose_snapshot_is_damaged_can_be_invalidated(tmp_path: Path) -> None:
    with aicas.open(tmp_path / "store") as store:
        made = store.put("plan", "p", recipe=RECIPE)
        store.put("later", "so that the first commit is not the log's last")
    (segment,) = (tmp_path / "store" / "log").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(made.id) + 50] ^= 1
    segment.write_bytes(data)
    with aicas.open(tmp_path / "store") as store:
        assert store.plan_invalidate("plan").price.unpriced == 1
        store.invalidate("plan", "damaged")
        store.put("plan", "p", recipe=RECIPE)
        assert store.lookup("plan", RECIPE, [])
