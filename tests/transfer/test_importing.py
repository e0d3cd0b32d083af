from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from transfer_world import delta, entry, state, write_records

import aicas
from aicas.errors import InvalidInput, NotFound
from aicas.transfer import importing
from aicas.transfer.importing import import_records

NOW = 1_700_000_000_000_000


@pytest.fixture
def store() -> aicas.Store:
    return aicas.in_memory(clock=lambda: NOW)


def test_a_text_becomes_text_under_the_recorded_project(store: aicas.Store, tmp_path: Path) -> None:
    result = import_records(store, write_records(tmp_path, entry(0, "prd", 1)))
    assert (result.records, result.added, result.known) == (1, 1, 0)
    assert result.projects == ("demo/app",)
    assert store.get("demo/app/prd") == "prd 1"


def test_what_decided_the_result_is_in_the_recipe_and_the_rest_in_meta(
    store: aicas.Store, tmp_path: Path
) -> None:
    record = entry(
        0,
        "prd",
        1,
        agent="Architect",
        model="gpt-4",
        prompt="Plan it",
        response="Here",
        cycle=2,
        tokens={"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34},
        cost_usd=0.1 + 0.2,
        calls=[{"cost_usd": 0.3}],
        started_at="2024-01-16T15:42:48+08:00",
    )
    import_records(store, write_records(tmp_path, record))
    snapshot = store.show("demo/app/prd")
    assert {name: snapshot.recipe[name] for name in ("agent", "model", "prompt")} == {
        "agent": "Architect",
        "model": "gpt-4",
        "prompt": "Plan it",
    }
    for name in ("response", "cycle", "tokens", "calls", "started_at"):
        assert snapshot.meta[name] == record[name]
    assert snapshot.cost == aicas.Cost(300_000_000, 30, 4, model="gpt-4", calls=1)
    assert snapshot.created_at == 1_705_390_968_000_000


@pytest.mark.parametrize("tokens", [None, 34, {}, {"total_tokens": 34}])
def test_a_cost_that_was_not_recorded_is_none(
    store: aicas.Store, tmp_path: Path, tokens: object
) -> None:
    import_records(store, write_records(tmp_path, entry(0, "prd", 1, tokens=tokens)))
    assert store.show("demo/app/prd").cost is None


def test_tokens_without_a_price_are_unpriced(store: aicas.Store, tmp_path: Path) -> None:
    import_records(store, write_records(tmp_path, entry(0, "prd", 1, tokens={"prompt": 3})))
    assert store.show("demo/app/prd").cost == aicas.Cost(None, input_tokens=3)


def test_an_unrecorded_time_is_the_imports_and_says_so(store: aicas.Store, tmp_path: Path) -> None:
    import_records(store, write_records(tmp_path, entry(0, "prd", 1)))
    snapshot = store.show("demo/app/prd")
    assert (snapshot.created_at, snapshot.meta["time_recorded"]) == (NOW, False)


def test_deltas_and_what_they_leave_out_are_kept(store: aicas.Store, tmp_path: Path) -> None:
    facts = {"image.png": {"bytes": 50_000, "sha256": "ab" * 32}}
    path = write_records(
        tmp_path,
        delta(0, 1, files={"a": "1", "b/c": "2"}),
        delta(1, 2, files_b64={"bin": "AAE="}, deleted=["b/c", "not/ours"], omitted_files=facts),
        delta(2, 3, deleted=["image.png", "a", "bin"]),
    )
    import_records(store, path)
    view = store.at_project("demo/app")
    assert view.get("code~1") == {"a": b"1", "bin": b"\0\1"}
    assert view.show("code~1").meta["deleted_not_held"] == ["not/ours"]
    assert view.show("code~1").meta["omitted_files"] == facts
    assert view.get("code") == {}
    assert isinstance(view.get("code"), aicas.Files)
    assert not {"omitted_files", "deleted_not_held"} & view.show("code").meta.keys()


def test_an_import_that_was_cut_short_goes_on(store: aicas.Store, tmp_path: Path) -> None:
    entries = [
        delta(0, 1, files={"a": "1"}),
        entry(1, "prd", 1, deps=["code"], dep_versions={"code": 1}),
        delta(2, 2, files={"b": "2"}),
    ]
    import_records(store, write_records(tmp_path, *entries[:2]))
    result = import_records(store, write_records(tmp_path, *entries))
    assert (result.added, result.known) == (1, 2)
    assert store.get("demo/app/code") == {"a": b"1", "b": b"2"}


def test_what_was_invalidated_is_not_imported_again(store: aicas.Store, tmp_path: Path) -> None:
    path = write_records(tmp_path, entry(0, "prd", 1))
    import_records(store, path)
    store.at_project("demo/app").invalidate("prd")
    assert import_records(store, path).added == 0


def test_records_differing_in_anything_are_different(store: aicas.Store, tmp_path: Path) -> None:
    import_records(store, write_records(tmp_path, entry(0, "prd", 1)))
    changed = write_records(tmp_path, entry(0, "prd", 1, agent="someone"))
    assert import_records(store, changed).added == 1


def test_a_project_can_be_given_for_a_file_of_one(store: aicas.Store, tmp_path: Path) -> None:
    path = write_records(tmp_path, entry(0, "prd", 1))
    assert import_records(store, path, project="mine").projects == ("mine",)
    assert store.projects() == ["mine"]
    both = write_records(tmp_path, entry(0, "prd", 1), {**entry(0, "prd", 1), "project": "b"})
    before = state(store)
    with pytest.raises(InvalidInput, match="2 projects"):
        import_records(store, both, project="mine")
    assert state(store) == before


def test_progress_tells_how_many_of_how_many(store: aicas.Store, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = write_records(tmp_path, entry(0, "prd", 1), entry(1, "prd", 2))
    import_records(store, path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


GOOD = entry(0, "prd", 1)
BAD_RECORDS: dict[str, dict[str, Any] | str] = {
    "parent path": delta(1, 1, files={"../up": "x"}),
    "absolute path": delta(1, 1, files={"/etc/passwd": "x"}),
    "NUL in a path": delta(1, 1, files={"a\0b": "x"}),
    "device name": delta(1, 1, files={"dir/CON.txt": "x"}),
    "option as a path": delta(1, 1, files={"-rf": "x"}),
    "case collision": delta(1, 1, files={"A": "x", "a": "y"}),
    "file and folder": delta(1, 1, files={"a": "x", "a/b": "y"}),
    "too deep": delta(1, 1, files={"/".join("a" * 200): "x"}),
    "hostile deletion": delta(1, 1, deleted=["../../x"]),
    "project": {**entry(1, "prd", 2), "project": "../x"},
    "key": entry(1, "..", 1),
    "duplicate name": json.dumps(entry(1, "prd", 2))[:-1] + ', "seq": 2}',
    "NaN": json.dumps(entry(1, "prd", 2))[:-1] + ', "x": NaN}',
    "huge number": json.dumps(entry(1, "prd", 2))[:-1] + ', "x": 1e999}',
    "lone surrogate": json.dumps(entry(1, "prd", 2))[:-1] + ', "x": "\\ud800"}',
    "deep nesting": json.dumps(entry(1, "prd", 2))[:-1] + f', "x": {"[" * 120}{"]" * 120}}}',
    "not JSON": "{",
    "version skipped": entry(1, "prd", 3),
    "dependency ahead": entry(1, "b", 1, deps=["c"], dep_versions={"c": 1}),
    "negative cost": entry(1, "b", 1, cost_usd=-1),
    "endless cost": entry(1, "b", 1, cost_usd=1e300),
    "odd tokens": entry(1, "b", 1, tokens={"prompt_tokens": "many"}),
    "name no meta has": entry(1, "b", 1, **{"a\nb": 1}),
    "time": entry(1, "b", 1, ended_at="soon"),
    "year 10000": entry(1, "b", 1, ended_at="10000-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("what", BAD_RECORDS)
def test_a_bad_record_anywhere_leaves_the_store_as_it_was(
    store: aicas.Store, tmp_path: Path, what: str
) -> None:
    path = write_records(tmp_path, GOOD, BAD_RECORDS[what])
    before = state(store)
    with pytest.raises(InvalidInput) as caught:
        import_records(store, path)
    assert "\n" not in str(caught.value)
    assert "line 2" in str(caught.value)
    assert state(store) == before


@pytest.mark.parametrize("cut", [10, 100, -1])
def test_a_truncated_file_leaves_the_store_as_it_was(
    store: aicas.Store, tmp_path: Path, cut: int
) -> None:
    text = "\n".join(json.dumps(entry(n, "prd", n + 1)) for n in range(500)).encode()
    path = tmp_path / "cut.zst"
    path.write_bytes(zstandard.compress(text)[:cut])
    with pytest.raises(InvalidInput):
        import_records(store, path)
    assert store.refs() == {}


def test_a_bomb_leaves_the_store_as_it_was(store: aicas.Store, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.compress(json.dumps(GOOD).encode() + b"\n" + b" " * (64 << 20)))
    with pytest.raises(InvalidInput, match="line 2"):
        import_records(store, path)
    assert store.refs() == {}


def test_more_content_than_memory_should_hold_is_refused(
    store: aicas.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MAX_CONTENT", 10_000)
    path = write_records(tmp_path, *(delta(n, n + 1, files={str(n): ""}) for n in range(20)))
    with pytest.raises(InvalidInput, match="content"):
        import_records(store, path)
    assert store.refs() == {}


def test_a_file_that_is_not_there_is_named(store: aicas.Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        import_records(store, tmp_path / "absent")
