from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import aicas
from aicas import InvalidInput, NotFound, Store
from aicas.orchestrator.events import Event
from aicas.orchestrator.replay import replay_file

DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def store() -> Iterator[Store]:
    with aicas.in_memory() as store:
        yield store
        assert store.verify().clean


def entry(seq: int, key: str, version: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "project": "demo/app",
        "seq": seq,
        "stage_key": key,
        "version": version,
        "payload_kind": "full",
        "payload": {"text": text},
        **more,
    }


def after(key: str, version: int = 1) -> dict[str, Any]:
    return {"deps": [key], "dep_versions": {key: version}}


PIPELINE = [
    entry(0, "prd", 1, "a", prompt="Write it", model="gpt-4", agent="PM", cost_usd=0.25),
    entry(1, "plan", 1, "b", calls=[{"cost_usd": 0.1, "prompt_tokens": 7}] * 2, **after("prd")),
    entry(2, "code", 1, "c", payload={"files": {"x.py": "1"}}, **after("plan")),
    entry(3, "prd", 2, "d"),
    entry(4, "plan", 2, "e", **after("prd", 2)),
    entry(
        5,
        "code",
        2,
        "",
        payload_kind="delta",
        payload={"files": {"y.py": "2"}, "omitted_files": {"z": {"bytes": 9, "sha256": "00"}}},
        **after("plan", 2),
    ),
    entry(6, "notes", 1, "f", **after("prd", 1)),
]


def write(folder: Path, *entries: Mapping[str, Any]) -> Path:
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in entries))
    return path


async def replay(store: Store, path: Path, project: str | None = None) -> list[str]:
    """Replay a file; returns what was generated, as ``KEY VERSION``."""
    events: list[Event] = []
    await replay_file(store, path, project, "sess_test", events.append)
    told = [event.to_json() for event in events]
    assert told[-1]["complete"]
    return [f"{e['key']} {e['label']}" for e in told if e.get("status") == "generated"]


def names(*indexes: int) -> list[str]:
    chosen = [PIPELINE[index] for index in indexes]
    return [f"{item['stage_key']} version {item['version']}" for item in chosen]


async def test_the_first_pass_generates_all_and_the_second_is_all_hits(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, *PIPELINE)
    assert await replay(store, path) == names(*range(7))
    assert await replay(store, path) == []
    assert await replay(store, path) == []


async def test_stages_hold_what_was_recorded(store: Store, tmp_path: Path) -> None:
    await replay(store, write(tmp_path, *PIPELINE))
    view = store.at_project("demo/app")
    assert view.get("prd") == "d"
    assert view.get("code") == {"x.py": b"1", "y.py": b"2"}
    assert view.get("code~1") == {"x.py": b"1"}
    assert view.show("code").meta == {"omitted_files": {"z": {"bytes": 9, "sha256": "00"}}}
    first, plan = view.show("prd~1"), view.show("plan~1")
    assert (first.recipe["prompt"], first.recipe["model"]) == ("Write it", "gpt-4")
    assert first.agent_version == "PM"
    assert first.cost is not None
    assert first.cost.usd_nano == 250_000_000
    assert plan.cost is not None
    assert (plan.cost.usd_nano, plan.cost.calls, plan.cost.input_tokens) == (200_000_000, 2, 14)
    assert [item.snapshot for item in plan.inputs] == [first.id]
    unpriced = view.show("notes").cost
    assert unpriced is not None
    assert unpriced.usd_nano is None
    assert view.show("notes").inputs[0].snapshot == first.id


async def test_after_an_invalidation_the_stage_runs_again_and_what_it_led_to_comes_back(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, *PIPELINE)
    await replay(store, path)
    store.at_project("demo/app").invalidate("plan")
    assert await replay(store, path) == names(1, 4), "the same plans lead to the same code"
    assert await replay(store, path) == []


async def test_an_edited_record_runs_again_with_what_follows_it(
    store: Store, tmp_path: Path
) -> None:
    await replay(store, write(tmp_path, *PIPELINE))
    edited = [PIPELINE[0], {**PIPELINE[1], "payload": {"text": "other"}}, *PIPELINE[2:]]
    assert await replay(store, write(tmp_path, *edited)) == names(1, 2)


async def test_projects_keep_their_names_or_go_where_they_are_told(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, PIPELINE[0])
    await replay(store, path)
    await replay(store, path, "mine")
    both = write(tmp_path, PIPELINE[0], {**PIPELINE[0], "project": "other"})
    await replay(store, both, "all")
    assert store.projects() == ["all/demo/app", "all/other", "demo/app", "mine"]


@pytest.mark.parametrize(
    "bad",
    [
        {"stage_key": "../x"},
        {"payload": {"files": {"a/../b": ""}}},
        {"version": 7},
        {"deps": ["ghost"], "dep_versions": {"ghost": 1}},
        {"cost_usd": -1},
        {"calls": [{"prompt_tokens": "many"}]},
        {"calls": [{"cost_usd": "NaN"}]},
    ],
)
async def test_a_file_with_one_bad_record_is_refused_whole(
    store: Store, tmp_path: Path, bad: dict[str, Any]
) -> None:
    path = write(tmp_path, *PIPELINE, {**entry(7, "last", 1, "x"), **bad})
    with pytest.raises(InvalidInput):
        await replay(store, path)
    assert store.projects() == []


async def test_a_file_of_nothing_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no records"):
        await replay(store, write(tmp_path))
    with pytest.raises(NotFound):
        await replay(store, tmp_path / "absent")


@pytest.mark.skipif(not DATA.exists(), reason="the recorded pipelines are not here")
@pytest.mark.parametrize(("name", "count"), [("metagpt", 40), ("bmad", 390)])
async def test_recorded_pipelines_replay(store: Store, name: str, count: int) -> None:
    path = DATA / f"{name}_projects.jsonl.zst"
    assert len(await replay(store, path)) == count
    assert await replay(store, path) == []
