"""What failed its validation is kept and never served; accept and promote leave their trail."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import InvalidInput, NotFound
from aicas.validity.reasons import Quarantined

RECIPE = {"prompt": "Write it", "model": "m"}
COST = aicas.Cost(usd_nano=2_000_000_000, input_tokens=5)


def codes(found: aicas.Hit | aicas.Miss) -> list[str]:
    assert isinstance(found, aicas.Miss), found
    return [reason.code for reason in found.reasons]


def refs(store: aicas.Store) -> list[str]:
    return list(store.refs())


def test_a_failed_output_is_kept_aside_and_the_current_version_stays(store: aicas.Store) -> None:
    good = store.put("code", "good", recipe=RECIPE)
    bad = store.put("code", "bad", recipe=RECIPE, validation_status="failed", reason="no tests")
    assert bad.parent == good.id
    assert refs(store) == ["live/default/code", "quarantine/default/code"]
    assert store.lookup("code", RECIPE, [])
    assert store.get("code") == "good"
    assert store.get("quarantine/default/code") == "bad"
    assert store.get(str(bad.id)) == "bad"
    logged = [(e.snapshot.id, e.is_current, e.is_quarantined) for e in store.log("code")]
    assert logged == [(bad.id, False, True), (good.id, True, False)]
    assert store.diff("code", "quarantine/default/code").summary.insertions == 1


def test_an_output_that_only_ever_failed_is_in_every_listing_but_no_hit(
    store: aicas.Store,
) -> None:
    bad = store.put("code", "bad", recipe=RECIPE, validation_status="failed", cost=COST)
    assert codes(store.lookup("code", RECIPE, [])) == ["quarantined"]
    assert codes(store.lookup("code")) == ["quarantined"]
    with pytest.raises(NotFound, match="in quarantine") as caught:
        store.get("code")
    assert "quarantine/default/code" in str(caught.value.hint)
    for listing in (store.log("code"), store.log()):
        assert [(e.snapshot.id, e.is_quarantined) for e in listing] == [(bad.id, True)]
    (stage,) = store.status()
    assert (stage.key, stage.state) == ("code", "quarantined")
    assert stage.snapshot == bad
    assert store.why("code").cost == COST
    with pytest.raises(InvalidInput, match="in quarantine"):
        store.accept("code", "looks good")


def test_failing_twice_keeps_both_in_history_and_the_last_aside(store: aicas.Store) -> None:
    made = [store.put("code", f"bad {n}", validation_status="failed") for n in range(3)]
    assert [e.snapshot.id for e in store.log("code")] == [s.id for s in reversed(made)]
    assert [e.is_quarantined for e in store.log("code")] == [True, False, False]


def test_a_good_output_takes_the_place_of_what_is_in_quarantine(store: aicas.Store) -> None:
    bad = store.put("code", "bad", recipe=RECIPE, validation_status="failed")
    good = store.put("code", "good", recipe=RECIPE)
    assert good.parent == bad.id
    assert refs(store) == ["live/default/code"]
    assert store.lookup("code", RECIPE, [])
    with pytest.raises(NotFound):
        store.promote("code", "really?")
    store.undo()
    assert refs(store) == ["quarantine/default/code"]
    assert codes(store.lookup("code", RECIPE, [])) == ["invalidated", "quarantined"]


def test_putting_a_current_version_aside_moves_it_and_undo_brings_it_back(
    store: aicas.Store,
) -> None:
    store.put("plan", "p")
    made = store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    store.put("tests", "t", inputs=["code"])
    done = store.quarantine("code", "broken")
    assert (done.verb, done.reason) == ("quarantine", "broken")
    found = store.lookup("code", RECIPE, ["plan"])
    assert isinstance(found, aicas.Miss)
    assert found.reasons == (Quarantined(done.number, done.at, made.id, "broken"),)
    assert codes(store.lookup("tests")) == ["input_changed"]
    states = {stage.key: stage.state for stage in store.status()}
    assert states == {"plan": "valid", "code": "quarantined", "tests": "stale"}
    why = store.why("tests").cause
    assert why
    assert why.path == ("live/default/code",)
    assert isinstance(why.reason, Quarantined)
    with pytest.raises(NotFound):
        store.quarantine("code", "again")
    store.undo()
    assert store.lookup("code", RECIPE, ["plan"])
    assert store.lookup("tests")
    assert refs(store) == ["live/default/code", "live/default/plan", "live/default/tests"]


def test_what_was_put_aside_is_not_recalled(store: aicas.Store) -> None:
    store.put("code", "first", recipe=RECIPE)
    store.quarantine("code", "broken")
    store.put("code", "second", recipe={"model": "other"})
    assert not store.lookup("code", RECIPE, [])
    assert store.get("code") == "second"
    older = store.put("code", "good", recipe=RECIPE)
    store.put("code", "third", recipe={"model": "third"})
    found = store.lookup("code", RECIPE, [])
    assert isinstance(found, aicas.Hit)
    assert found.snapshot.id == older.id, "what was put aside hides no other result"


def test_promoting_makes_it_current_and_keeps_who_when_and_why(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("code", "good", recipe=RECIPE)
    bad = store.put("code", "bad", recipe=RECIPE, validation_status="failed", cost=COST)
    clock.pass_time(hours=1)
    made = store.promote("code", "the test was wrong", session="s1")
    assert (made.parent, made.payload, made.cost) == (bad.id, bad.payload, bad.cost)
    assert (made.validation_status, made.fingerprint) == ("overridden", bad.fingerprint)
    assert made.created_at == clock.now
    assert refs(store) == ["live/default/code"]
    found = store.lookup("code", RECIPE, [])
    assert isinstance(found, aicas.Hit)
    assert found.snapshot.id == made.id
    entry = next(store.log("code"))
    assert entry.number is not None
    done = store.operation(entry.number)
    assert (done.verb, done.reason, done.actor, done.at) == (
        "promote",
        "the test was wrong",
        "test",
        clock.now,
    )
    assert done.facts == {"of": bad.id}
    store.undo()
    assert store.get("code") == "good"
    assert store.get("quarantine/default/code") == "bad"


def test_promoting_what_was_current_before_it_was_put_aside(store: aicas.Store) -> None:
    store.put("code", "c", recipe=RECIPE)
    store.quarantine("code", "broken")
    made = store.promote("code", "it was not")
    assert store.resolve("code") == made.id
    assert store.lookup("code", RECIPE, [])
    numbers = [entry.numbers for entry in store.log("code")]
    assert numbers == [(3,), (1, 2)]
    verbs = [[store.operation(n).verb for n in each] for each in numbers]
    assert verbs == [["promote"], ["put", "quarantine"]]


@pytest.mark.parametrize("key", ["nowhere", "code"])
def test_there_must_be_something_to_promote_or_put_aside(store: aicas.Store, key: str) -> None:
    store.put("code", "c")
    with pytest.raises(NotFound):
        store.promote(key, "x")
    store.invalidate("code")
    with pytest.raises(NotFound):
        store.quarantine(key, "x")


def test_accepting_a_stale_stage_makes_it_valid_at_no_cost(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", {"a": 1, "b": 1})
    old = store.put("code", "c", recipe=RECIPE, inputs=["plan#/a"], cost=COST, tags=["x"])
    store.put("tests", "t", inputs=["code"])
    plan = store.put("plan", {"a": 2, "b": 1})
    assert not store.lookup("code", RECIPE, ["plan#/a"])
    clock.pass_time(hours=5)
    made = store.accept("code", "the change does not matter", session="s1")
    assert (made.payload, made.parent, made.cost, made.tags) == (
        old.payload,
        old.id,
        old.cost,
        ("x",),
    )
    assert [(i.key, i.snapshot, i.selector) for i in made.inputs] == [("plan", plan.id, "/a")]
    same = store.at_project("elsewhere")
    same.put("plan", {"a": 2, "c": 9})
    anew = same.put("code", "other", recipe=RECIPE, inputs=["plan#/a"])
    assert made.fingerprint == anew.fingerprint != old.fingerprint
    assert store.lookup("code", RECIPE, ["plan#/a"])
    assert store.lookup("tests"), "what it holds is what it held"
    assert made.expiry_time == clock.now + 72 * 3_600_000_000
    entry = next(store.log("code"))
    done = store.operation(entry.number or 0)
    assert (done.verb, done.reason, done.session, done.facts) == (
        "accept",
        "the change does not matter",
        "s1",
        {"of": old.id},
    )


def test_accepting_for_another_recipe_and_other_inputs(store: aicas.Store) -> None:
    store.put("plan", "p")
    store.put("spec", "s")
    store.put("code", "c", recipe=RECIPE, inputs=["plan"])
    wanted = {**RECIPE, "model": "n"}
    made = store.accept("code", "same result", wanted, ["plan", "spec"])
    assert {k: v for k, v in made.recipe.items() if k != "prompt_hash"} == wanted
    assert store.lookup("code", wanted, ["plan", "spec"])
    found = store.lookup("code", RECIPE, ["plan"])
    assert isinstance(found, aicas.Hit)
    assert found.moved, "the result for the old recipe is not lost"


def test_accepting_what_was_invalidated_or_has_expired(
    store: aicas.Store, clock: HandClock
) -> None:
    first = store.put("code", "c", recipe=RECIPE, expires_in_hours=1)
    clock.pass_time(hours=2)
    made = store.accept("code", "still good")
    assert store.lookup("code", RECIPE, [])
    store.invalidate("code")
    again = store.accept("code", "was right after all")
    assert (made.parent, again.parent) == (first.id, made.id)
    assert store.lookup("code", RECIPE, [])


def test_nothing_to_accept_is_refused_and_changes_nothing(store: aicas.Store) -> None:
    store.put("plan", {"a": 1})
    store.put("code", "c", recipe=RECIPE, inputs=["plan#/a"])
    count = len(list(store.ops()))
    with pytest.raises(InvalidInput, match="nothing to accept"):
        store.accept("code", "x")
    with pytest.raises(InvalidInput, match="nothing to accept"):
        store.accept("code", "x", RECIPE, ["plan#/a"])
    with pytest.raises(NotFound):
        store.accept("nowhere", "x")
    with pytest.raises(InvalidInput, match="matches nothing"):
        store.accept("code", "x", inputs=["plan#/zzz"])
    assert len(list(store.ops())) == count
    store.invalidate("plan", only=True)
    with pytest.raises(NotFound):
        store.accept("code", "its input is gone")


def test_two_stages_of_one_name_in_two_projects_are_put_aside_apart(store: aicas.Store) -> None:
    other = store.at_project("other")
    for each in (store, other):
        each.put("code", "c")
    store.quarantine("other/code", "bad")
    assert store.lookup("code")
    assert codes(other.lookup("code")) == ["quarantined"]
    assert [e.is_quarantined for e in other.log()] == [True]
    assert [e.is_quarantined for e in store.log("other/code")] == [True]
    assert [e.is_quarantined for e in store.log()] == [False]
    other.promote("code", "good")
    assert refs(store) == ["live/default/code", "live/other/code"]


def test_no_way_leads_from_what_failed_to_a_hit_but_promoting_it(store: aicas.Store) -> None:
    bad = store.put("code", "bad", recipe=RECIPE, validation_status="failed")
    store.put("code", "good", recipe={"model": "other"})
    store.put("tests", "t", inputs=["code~1"])
    count = len(list(store.ops()))
    for make_current in (
        lambda: store.choose("code", "code~1"),
        lambda: store.resume(str(bad.id)),
        lambda: store.resume("tests"),
        lambda: store.resume("tests", into="copy"),
        lambda: store.fork("default", "copy", start="tests"),
        lambda: store.fork("default", "copy", start="code~1"),
    ):
        with pytest.raises(InvalidInput, match="failed its validation"):
            make_current()
    assert len(list(store.ops())) == count
    assert not store.lookup("code", RECIPE, [])
    assert not store.lookup("code", RECIPE, [], sample=1)
