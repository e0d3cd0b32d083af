"""``aicas amend``: a result corrected by hand counts as the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Shell


def test_an_amended_value_stays_a_value_and_only_the_part_that_changed_is_stale(
    store: Shell,
) -> None:
    (store.cwd / "plan.json").write_text('{"phases": [1, 2]}')
    store("put", "plan", "plan.json", "--as", "json")
    store("put", "one", "-", "--dep", "plan#/phases/0", stdin="1")
    store("put", "two", "-", "--dep", "plan#/phases/1", stdin="2")
    (store.cwd / "plan.json").write_text('{"phases": [1, 3]}')
    assert "amended" in store("amend", "plan", "plan.json", "--reason", "two was wrong").out
    states = {stage["key"]: stage["state"] for stage in store("status", "--json").json["stages"]}
    assert states == {"plan": "valid", "one": "valid", "two": "stale"}
    assert json.loads(store("cat", "plan").out) == {"phases": [1, 3]}
    assert "two was wrong" in store("log", "plan").out
    assert store("ops", "--json").json["operations"][0]["verb"] == "amend"


def test_what_lookups_found_is_found_amended(store: Shell) -> None:
    store("put", "plan", "-", stdin="a\n")
    made = store("show", "plan", "--json").json
    amended = store("amend", "plan", "-", "--reason", "a typo", "--json", stdin="b\n").json
    assert amended["fingerprint"] == made["fingerprint"]
    assert amended["parent"] == made["id"]
    store("undo")
    assert store("cat", "plan").out == "a\n"


def test_there_must_be_something_to_amend_and_a_reason(store: Shell) -> None:
    assert store("amend", "plan", "-", "--reason", "x", stdin="b", expect=3).err.startswith("aicas")
    store("put", "plan", "-", stdin="a")
    store("amend", "plan", "-", stdin="b", expect=2)
