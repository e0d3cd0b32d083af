"""Putting, invalidating, undoing, forking, collecting: what each moves and what it refuses."""

from __future__ import annotations

import random
import threading

import pytest
from hand_clock import HandClock

import aicas
from aicas.errors import Conflict, InvalidInput, NotFound, Vanished
from aicas.ids import Kind

PAYLOADS = {
    "text": "text \u00e9 \U0001f600\n",
    "empty text": "",
    "bytes": b"\x00\xff\n",
    "empty bytes": b"",
    "value": {"a": [1, -(2**63), 2**64 - 1, 1.5, None, True, {"": []}]},
    "number": 0,
    "none": None,
    "empty list": [],
    "empty map": {},
    "files": {"src/app.py": b"print()", "README": b"", "d\u00e9j\u00e0/vu": b"\x00" * 5000},
    "large": b"".join(random.Random(3).randbytes(1 << 20) for _ in range(2)),
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_put_is_what_is_got(store: aicas.Store, payload: object, compressed: bool) -> None:
    config = aicas.Store(store._backend, clock=store._clock).config
    chosen = type(config)(compression_enabled=compressed)
    made = aicas.Store(store._backend, config=chosen, clock=store._clock).put("code", payload)
    fresh = aicas.Store(store._backend, clock=store._clock)
    found = fresh.get("code")
    assert (dict(found) if isinstance(found, aicas.Files) else found) == payload
    assert fresh.show("code") == made


def test_the_snapshot_keeps_everything_it_was_given(store: aicas.Store, clock: HandClock) -> None:
    plan = store.put("plan", "p")
    cost = aicas.Cost(usd_nano=1_500_000_000, input_tokens=10, output_tokens=5, model="gpt-4")
    store.put(
        "code",
        {"a": b"1"},
        inputs=["plan"],
        recipe={"prompt": "go", "model": "gpt-4"},
        session="run-1",
        tags=["demo", "b"],
        meta={"by": "hand", "n": [1]},
        cost=cost,
        validation_status="passed",
        expires_in_hours=1,
        created_at=clock.now - 5,
        reason="first try",
    )
    found = store.show("code")
    assert found.session_id == "run-1"
    assert found.tags == ("demo", "b")
    assert dict(found.meta) == {"by": "hand", "n": [1]}
    assert found.cost == cost
    assert found.validation_status == "passed"
    assert found.created_at == clock.now - 5
    assert [(i.key, i.snapshot) for i in found.inputs] == [("plan", plan.id)]
    assert store.operation(2).reason == "first try"
    assert store.operation(2).session == "run-1"


@pytest.mark.parametrize(
    ("key", "payload", "options"),
    [
        ("../up", "x", {}),
        ("", "x", {}),
        ("-rf", "x", {}),
        ("a/b", "x", {}),
        ("code", object(), {}),
        ("code", float("nan"), {}),
        ("code", {"../up": b""}, {}),
        ("code", {"a": b"", "A": b""}, {}),
        ("code", "\ud800", {}),
        ("code", "x", {"tags": ["-rf"]}),
        ("code", "x", {"tags": ["\x1b[31m"]}),
        ("code", "x", {"validation_status": "maybe"}),
        ("code", "x", {"meta": {"a": object()}}),
        ("code", "x", {"recipe": {"model": float("inf")}}),
        ("code", "x", {"created_at": 1 << 62}),
        ("code", "x", {"session": "two\nlines"}),
        ("code", "x", {"media_type": "nonsense"}),
        ("code", "x", {"inputs": ["~"]}),
        ("code", "x", {"inputs": [aicas.Use("../up", "plan")]}),
    ],
)
def test_what_no_store_may_hold_is_refused_and_nothing_is_written(
    store: aicas.Store, key: str, payload: object, options: dict[str, object]
) -> None:
    store.put("plan", "p")
    before = sorted(store._backend.scan())
    with pytest.raises(InvalidInput) as caught:
        store.put(key, payload, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(list(store.ops())) == 1
    assert sorted(store._backend.scan()) == before


def test_an_input_that_does_not_exist_is_not_found(store: aicas.Store) -> None:
    with pytest.raises(NotFound):
        store.put("code", "x", inputs=["plan"])


def test_concurrent_puts_to_one_key_chain_every_version(store: aicas.Store) -> None:
    made: list[aicas.Snapshot] = []

    def work(worker: int) -> None:
        mine = aicas.Store(store._backend, clock=store._clock)
        made.extend(mine.put("code", f"{worker}.{step}") for step in range(10))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logged = [entry.snapshot for entry in store.log("code")]
    assert len(made) == 50
    assert {snapshot.id for snapshot in logged} == {snapshot.id for snapshot in made}
    assert [s.parent for s in logged[:-1]] == [s.id for s in logged[1:]]
    assert [o.number for o in store.ops()] == list(range(50, 0, -1))


def diamond(store: aicas.Store) -> None:
    store.put("plan", "p", cost=aicas.Cost(usd_nano=1))
    store.put("left", "l", inputs=["plan"], cost=aicas.Cost(usd_nano=20))
    store.put("right", "r", inputs=["plan"])
    store.put("join", "j", inputs=["left", "right"], cost=aicas.Cost(usd_nano=300))
    store.put("aside", "a")


def test_a_cascade_takes_dependents_after_what_they_were_made_from(store: aicas.Store) -> None:
    diamond(store)
    plan = store.plan_invalidate("plan")
    assert [ref.rpartition("/")[2] for ref in plan.refs] == ["plan", "left", "right", "join"]
    assert (plan.price.usd_nano, plan.price.priced, plan.price.unpriced) == (321, 3, 1)
    assert store.keys() == ["aside", "join", "left", "plan", "right"], "a plan moves nothing"
    done = store.invalidate("plan", "changed my mind")
    assert [change.ref for change in done.changes] == list(plan.refs)
    assert store.keys() == ["aside"]
    store.undo(done.number)
    assert store.keys() == ["aside", "join", "left", "plan", "right"]
    assert store.dependents("plan") == list(plan.refs[1:])


def test_only_spares_dependents(store: aicas.Store) -> None:
    diamond(store)
    store.invalidate("left", only=True)
    assert store.keys() == ["aside", "join", "plan", "right"]


def test_invalidating_what_is_not_there_is_not_found(store: aicas.Store) -> None:
    store.put("plan", "p")
    for key in ("plam", "other/plan"):
        with pytest.raises(NotFound):
            store.invalidate(key)
    store.invalidate("plan")
    with pytest.raises(NotFound, match="no current version"):
        store.invalidate("plan")


def test_stages_made_from_each_other_in_a_circle_are_taken_once(store: aicas.Store) -> None:
    store.put("a", "1")
    store.put("b", "1", inputs=["a"])
    store.put("a", "2", inputs=["b"])
    assert [ref.rpartition("/")[2] for ref in store.plan_invalidate("a").refs] == ["a", "b"]
    store.invalidate("b")
    assert store.keys() == []


def test_a_cascade_crosses_projects_by_the_names_inputs_were_given(store: aicas.Store) -> None:
    store.put("plan", "p")
    other = store.at_project("other")
    other.put("code", "c", inputs=["default/plan"])
    assert store.dependents("plan") == ["live/other/code"]
    store.invalidate("plan")
    assert other.keys() == []


def test_undo_takes_back_the_newest_that_is_still_in_effect(store: aicas.Store) -> None:
    first = store.put("plan", "1")
    store.put("plan", "2")
    store.invalidate("plan")
    assert store.undo().undoes == 3
    assert store.undo().undoes == 2
    assert store.resolve("plan") == first.id
    assert store.undo().undoes == 1
    assert store.keys() == []
    with pytest.raises(NotFound, match="no operation left"):
        store.undo()


def test_an_undo_can_itself_be_undone(store: aicas.Store) -> None:
    store.put("plan", "1")
    second = store.put("plan", "2")
    done = store.undo()
    store.undo(done.number)
    assert store.resolve("plan") == second.id
    assert store.undo().undoes == 2, "which is in effect again"


def test_undoing_what_was_moved_again_since_conflicts_and_moves_nothing(
    store: aicas.Store,
) -> None:
    diamond(store)
    done = store.invalidate("plan")
    store.put("left", "new")
    with pytest.raises(Conflict) as caught:
        store.undo(done.number)
    assert "operation 7" in str(caught.value)
    assert store.keys() == ["aside", "left"]


@pytest.mark.parametrize(("number", "kind"), [(0, NotFound), (99, NotFound), (-1, NotFound)])
def test_undoing_what_never_was_is_not_found(
    store: aicas.Store, number: int, kind: type[Exception]
) -> None:
    store.put("plan", "1")
    with pytest.raises(kind):
        store.undo(number)


def test_a_collection_cannot_be_undone_and_keeps_what_undo_needs(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "1")
    done = store.invalidate("plan")
    clock.pass_time(hours=100)
    store.put("other", "x")
    assert store.gc().number is None, "operations of the last 30 days can be undone"
    store.undo(done.number)
    gone = store.invalidate("plan")
    clock.pass_time(hours=1)
    result = store.gc(store.plan_gc(grace_hours=0, retention_hours=0))
    assert (result.objects, result.number) == (2, gone.number + 1)
    with pytest.raises(Vanished):
        store.undo(gone.number)
    with pytest.raises(InvalidInput, match="moved no ref"):
        store.undo(result.number)
    assert list(store.log("plan")) == []
    store.put("plan", "1")
    assert store.show("plan").parent is None


def test_a_plan_shows_what_would_go_and_deletes_nothing(
    store: aicas.Store, clock: HandClock
) -> None:
    made = store.put("plan", {"a": b"1" * 1000, "b": b"2" * 1000})
    store.invalidate("plan")
    clock.pass_time(hours=1)
    plan = store.plan_gc(grace_hours=0, retention_hours=0)
    kinds = sorted(found.id.kind for found in plan.condemned)
    assert kinds == [Kind.BLOB, Kind.BLOB, Kind.TREE, Kind.SNAPSHOT]
    assert plan.condemned_bytes == sum(found.stored_bytes for found in plan.condemned) > 0
    assert store.snapshot(made.id) == made
    assert store.gc(plan).objects == 4
    assert store.gc(plan).objects == 0, "a plan deletes once"


def test_a_plan_that_has_grown_old_spares_what_was_needed_since(
    store: aicas.Store, clock: HandClock
) -> None:
    made = store.put("plan", "shared")
    gone = store.invalidate("plan")
    clock.pass_time(hours=1)
    plan = store.plan_gc(grace_hours=0, retention_hours=0)
    store.undo(gone.number)
    store.put("copy", "shared")
    store.gc(plan)
    assert store.get("plan") == "shared"
    assert store.resolve("plan") == made.id


def test_young_objects_are_kept_for_whoever_is_about_to_name_them(
    store: aicas.Store, clock: HandClock
) -> None:
    store.put("plan", "1")
    store.invalidate("plan")
    clock.pass_time(hours=1)
    assert not store.plan_gc(grace_hours=2, retention_hours=0).condemned
    assert len(store.plan_gc(grace_hours=0.5, retention_hours=0).condemned) == 2


def test_a_clock_once_set_back_shortens_no_retention(store: aicas.Store, clock: HandClock) -> None:
    store.put("plan", "1")
    done = store.invalidate("plan")
    clock.pass_time(hours=-5000)
    store.put("other", "x")
    clock.pass_time(hours=5001)
    plan = store.plan_gc(grace_hours=0, retention_hours=10)
    assert not plan.condemned
    store.undo(done.number)


def test_a_fork_shares_objects_and_goes_its_own_way(store: aicas.Store) -> None:
    diamond(store)
    objects = len(list(store._backend.scan()))
    store.fork("default", "copy")
    assert len(list(store._backend.scan())) == objects
    copy = store.at_project("copy")
    assert copy.keys() == store.keys()
    assert copy.dependents("plan") == [f"live/copy/{key}" for key in ("left", "right", "join")]
    copy.invalidate("plan")
    copy.put("aside", "mine")
    assert copy.keys() == ["aside"]
    assert store.keys() == ["aside", "join", "left", "plan", "right"]
    assert [entry.snapshot.id for entry in copy.log("aside")] == [
        copy.resolve("aside"),
        store.resolve("aside"),
    ]
    assert sorted(store.projects()) == ["copy", "default"]


def test_a_fork_needs_a_source_with_keys_and_a_target_without(store: aicas.Store) -> None:
    with pytest.raises(NotFound):
        store.fork("default", "copy")
    store.put("plan", "1")
    store.at_project("copy").put("plan", "1")
    for target in ("copy", "default"):
        with pytest.raises(InvalidInput):
            store.fork("default", target)
    with pytest.raises(InvalidInput):
        store.fork("default", "../up")
    store.at_project("copy").invalidate("plan")
    store.fork("default", "copy")
    assert store.at_project("copy").get("plan") == "1"


def test_undoing_a_fork_takes_all_of_it_back(store: aicas.Store) -> None:
    diamond(store)
    store.fork("default", "copy")
    store.undo()
    assert store.at_project("copy").keys() == []
    assert store.projects() == ["default"]


def test_projects_whose_names_begin_alike_are_apart(store: aicas.Store) -> None:
    store.at_project("team").put("plan", "1")
    store.at_project("team/web").put("plan", "2")
    store.at_project("teams").put("plan", "3")
    assert store.at_project("team").keys() == ["plan"]
    assert store.resolve_view("team").refs.keys() == {"plan"}
    assert len(list(store.at_project("team").log())) == 1
    store.fork("team", "copy")
    assert store.at_project("copy").get("plan") == "1"


def test_the_log_lists_every_stage_newest_first_and_inputs_before_their_results(
    store: aicas.Store, clock: HandClock
) -> None:
    diamond(store)
    clock.pass_time(hours=-10)
    store.put("plan", "2")
    keys = [entry.snapshot.key for entry in store.log()]
    assert keys == ["plan", "aside", "join", "right", "left", "plan"]
    assert [entry.number for entry in store.log()] == [6, 5, 4, 3, 2, 1]
    assert [entry.is_current for entry in store.log("plan")] == [True, False]
    assert len(list(store.log(limit=2))) == 2
    assert [e.snapshot.key for e in store.log(until=clock.now)] == ["plan"]
    assert len(list(store.log(since=clock.now + 1))) == 5


def test_other_projects_of_the_store_share_its_files(store: aicas.Store) -> None:
    other = store.at_project("other")
    other.put("plan", "p")
    assert store.get("other/plan") == "p"
    assert store.keys() == []


def test_a_stage_whose_snapshot_is_lost_can_still_be_invalidated() -> None:
    from aicas.backends.operation import Operation

    with aicas.in_memory() as store:
        made = store.put("plan", "p")
        store.put("code", "c", inputs=["plan"])
        backend = store._backend
        backend.delete([made.id], Operation("gc", 0, "test"), 2, lambda newer: ())
        fresh = aicas.Store(backend)
        assert len(fresh.invalidate("plan").changes) == 2
        assert fresh.keys() == []
