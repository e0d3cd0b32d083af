"""Value changes turn old into new, name the right place, and tell 1 from 1.0 from true."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_budget import at_most_lines

from aicas.history.valuediff import ValueChange, diff_values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, -0.0, 1.5])
    | st.text(alphabet="a/~é", max_size=2)
    | st.binary(max_size=1)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(alphabet="a/~0b", max_size=2), inner, max_size=4).map(
            lambda d: dict(sorted(d.items()))
        )
    ),
    max_leaves=25,
)


def apply_changes(old: Any, changes: list[ValueChange]) -> Any:
    """Take out, put in, set: what ``ValueChange`` documents, checking the old values named."""
    root = [copy.deepcopy(old)]
    for change in reversed([c for c in changes if c.change == "removed"]):
        parent, step = locate(root, change.path)
        assert packed(parent[step]) == packed(change.old)
        del parent[step]
    for change in [c for c in changes if c.change == "added"]:
        parent, step = locate(root, change.path)
        if isinstance(parent, list):
            assert step <= len(parent)
            parent.insert(step, change.new)
        else:
            assert step not in parent
            parent[step] = change.new
    for change in [c for c in changes if c.change == "changed"]:
        parent, step = locate(root, change.path)
        assert packed(parent[step]) == packed(change.old)
        parent[step] = change.new
    return root[0]


def locate(root: list[Any], path: str) -> tuple[Any, Any]:
    steps = ["0", *(s.replace("~1", "/").replace("~0", "~") for s in path.split("/")[1:])]
    value: Any = root
    for step in steps[:-1]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value, int(steps[-1]) if isinstance(value, list) else steps[-1]


def packed(value: Any) -> bytes:
    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: ordered(value[key]) for key in sorted(value)}
        return [ordered(item) for item in value] if isinstance(value, list) else value

    data: bytes = msgpack.packb(ordered(value))
    return data


@given(VALUES, VALUES)
def test_patching_old_with_the_changes_gives_new(old: Any, new: Any) -> None:
    assert packed(apply_changes(old, diff_values(old, new))) == packed(new)


@given(VALUES, st.data())
def test_patching_a_lightly_edited_value_gives_it(old: Any, data: st.DataObject) -> None:
    new = edited(old, random.Random(data.draw(st.integers(0, 10**6))))
    assert packed(apply_changes(old, diff_values(old, new))) == packed(new)


def edited(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        return {k: edited(v, rng) for k, v in value.items() if rng.random() > 0.1}
    if isinstance(value, list):
        items = [edited(item, rng) for item in value if rng.random() > 0.1]
        return items if rng.random() > 0.3 else [rng.randrange(3), *items]
    return value if rng.random() > 0.2 else rng.choice([None, 1, "z"])


@given(VALUES)
def test_equal_values_have_no_changes(value: Any) -> None:
    assert diff_values(value, copy.deepcopy(value)) == []


@pytest.mark.parametrize(
    ("old", "new"), [(1, 1.0), (1, True), (0, False), (0.0, -0.0), ("a", b"a")]
)
def test_look_alikes_are_different_values(old: Any, new: Any) -> None:
    assert [c.change for c in diff_values([old], [new])] == ["changed"]
    assert [c.path for c in diff_values({"k": old}, {"k": new})] == ["/k"]


def test_order_of_map_keys_is_no_difference() -> None:
    assert diff_values([{"a": 1, "b": [2]}], [{"b": [2], "a": 1}]) == []


def test_keys_are_escaped_as_json_pointer_says() -> None:
    assert diff_values({"a/b": {"m~n": 1}}, {"a/b": {"m~n": 2}}) == [
        ValueChange("/a~1b/m~0n", "changed", 1, 2)
    ]


def test_the_whole_value_is_the_empty_path() -> None:
    assert diff_values({"a": 1}, [1]) == [ValueChange("", "changed", {"a": 1}, [1])]


def test_an_inserted_item_does_not_shift_the_others() -> None:
    phases = [{"name": f"phase {n}", "files": n} for n in range(6)]
    changed = [phases[0], {"name": "new", "files": 9}, *copy.deepcopy(phases[1:])]
    changed[4]["files"] = 30
    assert diff_values({"phases": phases}, {"phases": changed}) == [
        ValueChange("/phases/1", "added", new={"name": "new", "files": 9}),
        ValueChange("/phases/4/files", "changed", 3, 30),
    ]


def test_an_edited_item_is_paired_with_itself_beside_an_insertion() -> None:
    old = [{"name": "a", "size": 1}]
    new = [{"name": "x", "size": 7}, {"name": "a", "size": 2}]
    assert diff_values(old, new) == [
        ValueChange("/0", "added", new={"name": "x", "size": 7}),
        ValueChange("/1/size", "changed", 1, 2),
    ]


def test_removed_paths_count_in_old_and_added_ones_in_new() -> None:
    assert diff_values(["a", "b", "c", "d"], ["b", "d", "e"]) == [
        ValueChange("/0", "removed", old="a"),
        ValueChange("/2", "removed", old="c"),
        ValueChange("/2", "added", new="e"),
    ]


def large_value(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "name": f"item {n}",
            "tags": [f"t{rng.randrange(50)}" for _ in range(4)],
            "box": {"x": rng.random(), "y": rng.random(), "on": True},
        }
        for n in range(11_000)
    ]


def test_four_hundred_edits_in_150_thousand_lines_take_little_work() -> None:
    rng = random.Random(1)
    old = large_value(rng)
    new = copy.deepcopy(old)
    for n in rng.sample(range(len(new)), 400):
        new[n]["box"]["x"] = 2.0
    with at_most_lines(600_000):
        changes = diff_values(old, new)
    assert len(changes) == 400


def test_unlike_long_lists_take_bounded_work() -> None:
    rng = random.Random(1)
    old = [rng.randrange(9) for _ in range(20_000)]
    new = [{"n": rng.randrange(9)} if n % 3 else rng.randrange(9) for n in range(20_000)]
    with at_most_lines(20_000_000):
        changes = diff_values(old, new)
    assert packed(apply_changes(old, changes)) == packed(new)
