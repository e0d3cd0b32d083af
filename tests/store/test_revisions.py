"""Every way of naming a version, and what is said when there is none."""

from __future__ import annotations

import pytest
from hand_clock import HandClock

import aicas
from aicas.clock import SECOND, format_time
from aicas.errors import AicasError, InvalidInput, InvalidName, NotFound
from aicas.ids import SnapshotId


@pytest.fixture
def versions(store: aicas.Store, clock: HandClock) -> list[SnapshotId]:
    """Three versions of ``plan``, an hour apart, oldest first; the last one an hour ago."""
    made = []
    for number in range(3):
        made.append(store.put("plan", f"plan {number}").id)
        clock.pass_time(hours=1)
    return made


def test_a_key_names_its_current_version(store: aicas.Store, versions: list[SnapshotId]) -> None:
    assert store.resolve("plan") == versions[2]
    assert store.resolve("default/plan") == versions[2]
    assert store.at_project("other").resolve("default/plan") == versions[2]


@pytest.mark.parametrize(
    ("suffix", "number"),
    [("~", 1), ("~0", 2), ("~1", 1), ("~2", 0), ("~~", 0), ("~1~1", 0), ("@{0}", 2), ("@{1}", 1),
     ("@{2}", 0), ("@{1}~", 0), ("@{op:1}", 0), ("@{op:2}", 1), ("@{op:3}", 2)],
)  # fmt: skip
def test_suffixes_go_back_from_there(
    store: aicas.Store, versions: list[SnapshotId], suffix: str, number: int
) -> None:
    assert store.resolve(f"plan{suffix}") == versions[number]
    assert store.get(f"default/plan{suffix}") == f"plan {number}"


@pytest.mark.parametrize(
    ("when", "number"),
    [("now", 2), ("1h", 2), ("61 minutes ago", 1), ("2 hours ago", 1), ("3h", 0), ("an hour", 2)],
)  # fmt: skip
def test_a_time_names_where_the_key_stood_then(
    store: aicas.Store, versions: list[SnapshotId], when: str, number: int
) -> None:
    assert store.resolve(f"plan@{{{when}}}") == versions[number]


def test_a_date_is_as_good_as_a_span(
    store: aicas.Store, versions: list[SnapshotId], clock: HandClock
) -> None:
    exactly = format_time(clock.now - 2 * 3600 * SECOND)
    assert store.resolve(f"plan@{{{exactly}}}") == versions[1]
    just_before = format_time(clock.now - 2 * 3600 * SECOND - 1)
    assert store.resolve(f"plan@{{{just_before}}}") == versions[0]
    assert store.resolve("plan@{9999-12-31}") == versions[2]
    with pytest.raises(NotFound, match="pointed at nothing"):
        store.resolve("plan@{1999-01-01}")


def test_ids_are_named_by_any_unique_prefix(store: aicas.Store, versions: list[SnapshotId]) -> None:
    for wanted in versions:
        for digits in (8, 12, 63, 64):
            assert store.resolve(wanted.hex()[:digits]) == wanted
    assert store.resolve(f"{versions[2].short}~2") == versions[0]
    with pytest.raises(NotFound):
        store.resolve("f" * 64)
    with pytest.raises(InvalidInput, match="must follow a key"):
        store.resolve(f"{versions[2].short}@{{1}}")


def test_a_prefix_of_two_snapshots_is_ambiguous(store: aicas.Store) -> None:
    seen: dict[str, SnapshotId] = {}
    for number in range(2000):
        made = store.put("plan", {"n": number % 3}, meta={"n": number}).id
        other = seen.setdefault(made.hex()[:4], made)
        if other != made:
            with pytest.raises(InvalidInput, match="ambiguous") as caught:
                store.resolve(made.hex()[:4])
            assert made.short in str(caught.value)
            assert other.short in str(caught.value)
            return
    pytest.fail("no two ids in 2000 shared four digits")


def test_the_id_of_something_else_is_said_to_be_that(store: aicas.Store) -> None:
    snapshot = store.put("code", {"a.py": b"print()"})
    with pytest.raises(InvalidInput, match="is the id of a tree, not a snapshot"):
        store.resolve(snapshot.payload.id.hex())


@pytest.mark.parametrize(
    "text",
    ["", "~", "@{1}", "plan@", "plan@{", "plan@{1", "plan{1}", "plan@{}", "plan@{nonsense}",
     "plan@{1}@{1}", "plan~1@{1}", "plan@{-1}", "plan@{1e3}", "plan@{op:}", "plan@{op:-1}",
     "plan@{0000-00-00}", "../plan", "/plan", "plan/", "a//plan", "-rf", ".plan", "pl\0an",
     "plan\n", "x" * 5000, "\u202eplan", "\ud800", "con", "plan:src"],
)  # fmt: skip
def test_what_is_no_revision_is_refused_in_one_line(
    store: aicas.Store, versions: list[SnapshotId], text: str
) -> None:
    with pytest.raises(AicasError) as caught:
        store.resolve(text)
    assert isinstance(caught.value, (InvalidInput, NotFound))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["plan~3", "plan~999999999", "plan@{4}", "plan@{999999999}"])
def test_going_back_too_far_is_not_found(
    store: aicas.Store, versions: list[SnapshotId], text: str
) -> None:
    with pytest.raises(NotFound):
        store.resolve(text)


def test_before_its_first_version_a_key_pointed_at_nothing(
    store: aicas.Store, versions: list[SnapshotId]
) -> None:
    with pytest.raises(NotFound, match="pointed at nothing"):
        store.resolve("plan@{3}")
    with pytest.raises(NotFound, match="pointed at nothing"):
        store.resolve("plan@{op:0}")


def test_unknown_keys_suggest_near_ones(store: aicas.Store) -> None:
    store.put("system_architecture_plan", "x")
    store.at_project("other").put("brainstorming_features", "x")
    with pytest.raises(NotFound) as caught:
        store.get("system_architecure_plan")
    assert caught.value.near == ("system_architecture_plan",)
    assert "did you mean" in (caught.value.hint or "")
    with pytest.raises(NotFound) as caught:
        store.get("brainstorming_features")
    assert caught.value.near == ("other/brainstorming_features",)
    with pytest.raises(NotFound) as caught:
        store.get("zzz")
    assert caught.value.near == ()


def test_a_key_that_looks_like_an_id_is_a_key_first(store: aicas.Store) -> None:
    store.put("cafe", "a key")
    assert store.get("cafe") == "a key"


def test_a_key_moved_away_says_how_and_how_to_get_it_back(
    store: aicas.Store, versions: list[SnapshotId]
) -> None:
    store.invalidate("plan", "it was wrong")
    with pytest.raises(NotFound, match=r"invalidate by operation 4 at .*it was wrong") as caught:
        store.get("plan")
    assert "undo 4" in (caught.value.hint or "")
    assert store.resolve("plan@{1}") == versions[2]
    with pytest.raises(NotFound):
        store.resolve("plan@{0}")


def test_a_view_holds_every_key_as_it_stood_after_an_operation(store: aicas.Store) -> None:
    store.put("plan", "1")  # 1
    first = store.put("code", "1")  # 2
    store.put("code", "2")  # 3
    store.invalidate("code")  # 4
    assert store.resolve_view("default").refs.keys() == {"plan"}
    assert store.resolve_view("default@{op:1}").refs.keys() == {"plan"}
    assert store.resolve_view("default@{op:2}").refs["code"] == first.id  # type: ignore[index]
    assert store.resolve_view("default@{op:0}").refs == {}
    assert store.resolve_view("default").number == 4
    for text, kind in [
        ("default@{op:5}", NotFound),
        ("nobody", NotFound),
        ("default@{1}", InvalidInput),
        ("-rf", InvalidName),
    ]:
        with pytest.raises(kind):
            store.resolve_view(text)


def test_a_clock_that_goes_back_changes_no_order(store: aicas.Store, clock: HandClock) -> None:
    first = store.put("plan", "1").id
    clock.pass_time(hours=-100)
    second = store.put("plan", "2").id
    clock.pass_time(hours=1)
    third = store.put("plan", "3").id
    assert store.resolve("plan") == third
    assert [store.resolve(f"plan@{{{n}}}") for n in range(3)] == [third, second, first]
    assert [entry.snapshot.id for entry in store.log("plan")] == [third, second, first]
    assert [o.number for o in store.ops()] == [3, 2, 1]
    assert store.resolve("plan@{30 minutes ago}") == second


def test_an_operation_that_is_still_to_come_is_not_found(
    store: aicas.Store, versions: list[SnapshotId]
) -> None:
    for ask in (store.resolve, store.resolve_view):
        base = "plan" if ask == store.resolve else "default"
        with pytest.raises(NotFound, match="no operation 99; the newest is 3"):
            ask(f"{base}@{{op:99}}")
