"""Going on from a snapshot uses exactly what it rested on; forks start from a stage."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import Conflict, InvalidInput, NotFound

RECIPE = {"prompt": "Write it"}
STAGES = {
    "ideas": [],
    "plan": ["ideas"],
    "phase-1": ["plan#/phases/0"],
    "phase-2": ["plan#/phases/1", "phase-1"],
    "phase-3": ["plan#/phases/2", "phase-2"],
    "report": ["phase-1", "phase-2", "phase-3"],
}


def run(store: aicas.Store, turn: int) -> dict[str, aicas.Snapshot]:
    """One whole run of the pipeline; what it makes differs from turn to turn."""
    made = {}
    for key, inputs in STAGES.items():
        payload: object = f"{key} {turn}"
        if key == "plan":
            payload = {"phases": [f"{n} {turn}" for n in range(3)]}
        made[key] = store.put(
            key,
            payload,
            recipe=RECIPE,
            inputs=inputs,
            session=f"run-{turn}",
            cost=aicas.Cost(usd_nano=turn * 1_000, input_tokens=10, latency_us=100),
        )
    return made


def stands(store: aicas.Store) -> dict[str, bytes]:
    return {key: store.resolve(key) for key in list(store.keys())}


def test_resuming_pins_exactly_the_past_of_a_snapshot_and_no_more(store: aicas.Store) -> None:
    first = run(store, 1)
    second = run(store, 2)
    store.put("aside", "a")
    done = store.resume("phase-2@{1}", reason="the second run went wrong")
    assert done is not None
    assert (done.verb, done.reason) == ("resume", "the second run went wrong")
    assert done.facts == {"of": first["phase-2"].id, "revision": "phase-2@{1}"}
    pinned = {"ideas", "plan", "phase-1", "phase-2"}
    assert {change.ref for change in done.changes} == {f"live/default/{key}" for key in pinned}
    now = stands(store)
    for key in STAGES:
        assert now[key] == (first if key in pinned else second)[key].id
    for key in pinned:
        assert store.lookup(key)
        assert store.lookup(key, RECIPE, STAGES[key])
    states = {stage.key: stage.state for stage in store.status()}
    assert {key for key, state in states.items() if state != "valid"} == {"phase-3", "report"}
    later = store.lookup("phase-3", RECIPE, STAGES["phase-3"])
    assert isinstance(later, aicas.Hit)
    assert later.snapshot.id == first["phase-3"].id, "what followed then comes back free"


def test_undoing_a_resume_returns_to_where_everything_stood(store: aicas.Store) -> None:
    run(store, 1)
    run(store, 2)
    before = stands(store)
    store.resume("report@{1}")
    assert stands(store) != before
    store.undo()
    assert stands(store) == before
    assert all(stage.state == "valid" for stage in store.status())


def test_resuming_what_is_current_changes_nothing(store: aicas.Store) -> None:
    run(store, 1)
    count = len(list(store.ops()))
    assert store.resume("report") is None
    assert len(list(store.ops())) == count
    assert store.plan_resume("report").again == ()


@pytest.mark.parametrize("how", ["{1}", "~1", "id", "op", "time"])
def test_any_revision_says_where_to_go_on(store: aicas.Store, clock: HandClock, how: str) -> None:
    first = run(store, 1)
    clock.pass_time(hours=5)
    run(store, 2)
    revision = {
        "{1}": "plan@{1}",
        "~1": "plan~1",
        "id": str(first["plan"].id)[:10],
        "op": "plan@{op:6}",
        "time": "plan@{3 hours ago}",
    }[how]
    assert store.plan_resume(revision).snapshot == first["plan"]
    store.resume(revision)
    assert {k: store.resolve(k) for k in ("ideas", "plan")} == {
        k: first[k].id for k in ("ideas", "plan")
    }


def test_the_plan_says_what_is_pinned_what_follows_and_the_price(store: aicas.Store) -> None:
    first = run(store, 1)
    store.invalidate("phase-2", "wrong", only=True)
    second = run(store, 2)
    before = stands(store)
    plan = store.plan_resume("phase-1@{1}")
    assert [pin.key for pin in plan.pins] == ["ideas", "plan", "phase-1"]
    assert [pin.old for pin in plan.pins] == [second[p.key].id for p in plan.pins]
    assert [pin.snapshot for pin in plan.pins] == [first[p.key] for p in plan.pins]
    assert plan.again == tuple(f"live/default/{k}" for k in ("phase-2", "phase-3", "report"))
    assert (plan.kept.usd_nano, plan.kept.priced, plan.kept.latency_us) == (3_000, 3, 300)
    assert (plan.price.usd_nano, plan.price.priced) == (6_000, 3)
    assert (plan.project, plan.is_new, plan.others) == ("default", False, ())
    assert plan.back == ()
    assert stands(store) == before, "a plan moves nothing"


def test_what_followed_then_comes_back_and_need_not_be_paid(store: aicas.Store) -> None:
    first = run(store, 1)
    run(store, 2)
    plan = store.plan_resume("phase-1@{1}")
    assert plan.back == tuple(f"live/default/{k}" for k in ("phase-2", "phase-3", "report"))
    assert plan.again == ()
    assert (plan.price.priced, plan.price.unpriced) == (0, 0)
    store.resume(plan)
    for key in ("phase-2", "phase-3", "report"):
        found = store.lookup(key, RECIPE, STAGES[key])
        assert isinstance(found, aicas.Hit)
        assert found.snapshot.id == first[key].id


def test_what_follows_and_stays_valid_need_not_be_made_again(store: aicas.Store) -> None:
    run(store, 1)
    store.invalidate("phase-3", only=True)
    store.put("plan", {"phases": ["0 1", "1 1", "changed"]}, recipe=RECIPE, inputs=["ideas"])
    store.put("phase-3", "again", recipe=RECIPE, inputs=STAGES["phase-3"])
    plan = store.plan_resume("plan~1")
    assert plan.back == ()
    assert plan.again == ("live/default/phase-3", "live/default/report")


def test_stages_of_other_projects_that_follow_are_told_by_their_own_names(
    store: aicas.Store,
) -> None:
    other = store.at_project("other")
    store.put("plan", "1")
    store.put("code", "1", inputs=["plan"])
    other.put("plan", "theirs")
    other.put("code", "1", inputs=["default/code", "plan"])
    other.put("docs", "1", inputs=["plan"])
    store.put("plan", "2")
    store.invalidate("code")
    store.put("code", "2", inputs=["plan"])
    other.put("code", "2", inputs=["default/code", "plan"])
    plan = store.plan_resume("plan~1")
    assert plan.again == ("live/default/code", "live/other/code")
    assert store.plan_resume("plan~1", "new").again == ("live/default/code",)


def test_of_two_versions_of_one_stage_the_nearest_counts(store: aicas.Store) -> None:
    old = store.put("a", "1")
    store.put("b", "1", inputs=["a"])
    new = store.put("a", "2")
    store.put("c", "1", inputs=["a", "b"])
    store.put("a", "3")
    plan = store.plan_resume("c")
    assert {pin.key: pin.snapshot.id for pin in plan.pins}["a"] == new.id
    assert [other.id for other in plan.others] == [old.id]
    store.resume("c")
    assert store.resolve("a") == new.id
    assert store.lookup("c")
    assert not store.lookup("b"), "it used the other one"


def test_resuming_into_a_new_project_starts_it_with_the_past_alone(store: aicas.Store) -> None:
    first = run(store, 1)
    run(store, 2)
    before = stands(store)
    plan = store.plan_resume("phase-2@{1}", "again")
    assert (plan.project, plan.is_new) == ("again", True)
    assert {pin.old for pin in plan.pins} == {None}
    assert plan.again == ("live/default/phase-3", "live/default/report")
    done = store.resume("phase-2@{1}", into="again")
    assert done
    copy = store.at_project("again")
    assert stands(copy) == {k: first[k].id for k in ("ideas", "plan", "phase-1", "phase-2")}
    assert stands(store) == before
    for key in stands(copy):
        assert copy.lookup(key, RECIPE, STAGES[key])
    copy.put("phase-3", "new", recipe=RECIPE, inputs=STAGES["phase-3"])
    assert stands(store) == before
    with pytest.raises(InvalidInput, match="exists already"):
        store.resume("phase-2@{1}", into="again")
    with pytest.raises(InvalidInput):
        store.plan_resume("phase-2@{1}", "../up")


def test_resuming_a_stage_of_another_project_goes_on_there(store: aicas.Store) -> None:
    other = store.at_project("other")
    first = run(other, 1)
    run(other, 2)
    run(store, 3)
    before = stands(store)
    store.resume("other/plan@{1}")
    assert other.resolve("plan") == first["plan"].id
    assert stands(store) == before


def test_inputs_from_other_projects_stay_where_they_are(store: aicas.Store) -> None:
    far = store.at_project("far")
    far.put("spec", "1")
    store.put("plan", "1", inputs=["far/spec"])
    store.put("code", "1", inputs=["plan"])
    far.put("spec", "2")
    store.put("plan", "2", inputs=["far/spec"])
    store.resume("code")
    assert store.get("plan") == "1"
    assert far.get("spec") == "2"


def test_a_past_that_is_not_whole_any_more_is_refused(store: aicas.Store) -> None:
    with pytest.raises(NotFound):
        store.resume("nowhere")
    run(store, 1)
    with pytest.raises(NotFound):
        store.resume("plan@{7}")
    with pytest.raises(InvalidInput):
        store.resume("plan@{")


def test_a_past_that_was_collected_is_refused_and_nothing_moves(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "1")
    old = store.put("code", "1", inputs=["plan"])
    store.put("plan", "2")
    again = store.put("code", "2", inputs=["plan"])
    store.put("code", "3", inputs=["plan"])
    assert again.parent == old.id
    count = len(list(store.ops()))
    store._backend.delete(
        [store.show("plan~1").payload.id],
        aicas.backends.operation.Operation("gc", 0, "test"),  # type: ignore[attr-defined]
        store._backend.last_number(),
        lambda newer: (),
    )
    try:
        fresh = aicas.Store(store._backend, clock=clock)
        with pytest.raises(NotFound, match="plan"):
            fresh.resume("code~2")
        assert len(list(store.ops())) == count + 1
        assert fresh.get("code") == "3"
    finally:
        store.put("elsewhere", "1")  # the same content, held again


def test_two_that_resume_at_once_leave_one_whole_past(open_local: object) -> None:
    mine, other = open_local(), open_local()  # type: ignore[operator]
    first = run(mine, 1)
    run(mine, 2)
    mine.resume("report@{1}")
    assert other.resume("report@{op:6}") is None
    assert stands(other) == {key: snapshot.id for key, snapshot in first.items()}


def test_a_fork_from_a_stage_starts_with_its_past_alone(store: aicas.Store) -> None:
    first = run(store, 1)
    second = run(store, 2)
    objects = len(list(store._backend.scan()))
    plan = store.plan_fork("default", "copy", "phase-1")
    assert [pin.key for pin in plan.pins] == ["ideas", "plan", "phase-1"]
    assert (plan.price.usd_nano, plan.price.priced) == (6_000, 3)
    assert store.projects() == ["default"]
    done = store.fork("default", "copy", "try again", start="phase-1")
    assert (done.verb, done.reason) == ("fork", "try again")
    assert len(list(store._backend.scan())) == objects
    copy = store.at_project("copy")
    assert stands(copy) == {k: second[k].id for k in ("ideas", "plan", "phase-1")}
    store.fork("default", "older", start="phase-1@{1}")
    assert stands(store.at_project("older")) == {
        k: first[k].id for k in ("ideas", "plan", "phase-1")
    }
    whole = store.plan_fork("default", "third")
    assert len(whole.pins) == len(STAGES)
    with pytest.raises(NotFound):
        store.fork("default", "fourth", start="nowhere")
    with pytest.raises(InvalidInput):
        store.fork("default", "copy", start="plan")
    store.undo()
    assert "older" not in store.projects()


def test_a_start_that_others_took_meanwhile_is_a_conflict(open_local: object) -> None:
    mine, other = open_local(), open_local()  # type: ignore[operator]
    run(mine, 1)
    plan = mine.plan_resume("plan", "copy")
    other.at_project("copy").put("plan", "theirs")
    with pytest.raises(Conflict):
        mine.resume(plan)
    assert other.at_project("copy").get("plan") == "theirs"
    assert other.at_project("copy").keys() == ["plan"]
