from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aicas.errors import InvalidInput
from aicas.transfer.records import Omitted, Record, read_records
from aicas.transfer.replayer import Replayed, Replayer

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def entry(seq: int, key: str, version: int, **more: Any) -> dict[str, Any]:
    return {
        "project": "demo/app",
        "seq": seq,
        "stage_key": key,
        "version": version,
        "payload_kind": "full",
        "payload": {"text": "hello"},
        **more,
    }


def files(seq: int, version: int, kind: str = "delta", **payload: Any) -> dict[str, Any]:
    return entry(seq, "code", version, payload_kind=kind, payload={"files": {}, **payload})


def write(folder: Path, *entries: Mapping[str, Any] | str) -> Path:
    path = folder / "records.jsonl"
    texts = [item if isinstance(item, str) else json.dumps(item) for item in entries]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return path


def read(folder: Path, *entries: Mapping[str, Any] | str) -> list[Record]:
    return list(read_records(write(folder, *entries)))


def replay(folder: Path, *entries: Mapping[str, Any]) -> Iterator[Replayed]:
    replayer = Replayer()
    return (replayer.replay(record) for record in read(folder, *entries))


def test_a_record_keeps_every_recorded_field_and_invents_none(tmp_path: Path) -> None:
    plain, rich = read(
        tmp_path,
        entry(0, "prd", 1, agent=None, deps=[], dep_versions={}, cycle=None),
        entry(
            1,
            "plan",
            1,
            deps=["prd"],
            dep_versions={"prd": 1},
            agent="Architect",
            model="gpt-4",
            prompt="Plan it",
            tokens={"prompt": 3},
            cost_usd=0.25,
            calls=[{"cost_usd": 0.25}],
            ended_at="2024-01-16T15:42:48+08:00",
            source={"repo": "a/b"},
        ),
    )
    assert (plain.agent, plain.deps, plain.recorded_at, plain.rest) == (None, (), None, {})
    assert rich.deps == (("prd", 1),)
    assert (rich.agent, rich.model, rich.prompt) == ("Architect", "gpt-4", "Plan it")
    assert (rich.tokens, rich.cost_usd, rich.calls) == ({"prompt": 3}, 0.25, ({"cost_usd": 0.25},))
    assert rich.recorded_at == 1_705_390_968_000_000
    assert rich.rest == {"source": {"repo": "a/b"}}


@pytest.mark.parametrize(
    "change",
    [
        {"project": "../up"},
        {"project": None},
        {"stage_key": "-rf"},
        {"stage_key": ""},
        {"stage_key": 3},
        {"seq": -1},
        {"seq": True},
        {"seq": 1.5},
        {"version": 0},
        {"version": "1"},
        {"deps": ["a"], "dep_versions": {}},
        {"deps": ["a", "a"], "dep_versions": {"a": 1}},
        {"deps": ["a/../b"], "dep_versions": {"a/../b": 1}},
        {"deps": "abc"},
        {"deps": [1]},
        {"dep_versions": []},
        {"payload_kind": "patch"},
        {"payload_kind": "delta"},
        {"payload": None},
        {"payload": {}},
        {"payload": []},
        {"payload": {"text": 1}},
        {"payload": {"text": "a", "files": {}}},
        {"payload": {"files": {"../a": "x"}}},
        {"payload": {"files": {"/a": "x"}}},
        {"payload": {"files": {"a": 1}}},
        {"payload": {"files": {"a/" * 200 + "b": ""}}},
        {"payload": {"files": {"a": "x"}, "files_b64": {"a": "eA=="}}},
        {"payload": {"files": {}, "files_b64": {"a": "e"}}},
        {"payload": {"files": {}, "files_b64": {"a": "\u00e9"}}},
        {"payload": {"files": {}, "deleted": ["CON"]}},
        {"payload": {"files": {}, "omitted_files": {"a": {"bytes": 1}}}},
        {"payload": {"files": {}, "omitted_files": {"a": 3}}},
        {"payload": {"files": {}, "mystery": 1}},
        {"cost_usd": "free"},
        {"calls": [1]},
        {"prompt": ["a"]},
        {"ended_at": "yesterday"},
    ],
)
def test_a_bad_record_is_refused_and_its_line_named(tmp_path: Path, change: dict[str, Any]) -> None:
    records = read_records(write(tmp_path, entry(0, "prd", 1), {**entry(1, "a", 1), **change}))
    next(records)
    with pytest.raises(InvalidInput, match="line 2 of"):
        next(records)


@pytest.mark.parametrize("line", ["[]", "3", '{"a": NaN}', '{"seq": 1, "seq": 1}', "{"])
def test_a_line_that_is_no_strict_object_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match="line 1 of"):
        read(tmp_path, line)


def test_seq_must_rise_within_a_project(tmp_path: Path) -> None:
    other = {**entry(0, "prd", 1), "project": "other"}
    assert len(read(tmp_path, entry(4, "prd", 1), other, entry(9, "plan", 1))) == 3
    with pytest.raises(InvalidInput, match="seq 4 does not follow 4"):
        read(tmp_path, entry(4, "prd", 1), entry(4, "plan", 1))


def test_deltas_replay_to_whole_trees(tmp_path: Path) -> None:
    trees = replay(
        tmp_path,
        files(0, 1, files={"a": "1", "b/c": "2"}),
        files(1, 2, files={"a": "3"}, deleted=["b/c", "never/there"]),
        files(2, 3, files_b64={"bin": "AAE="}),
        files(3, 4, kind="full", files={"only": "4"}),
    )
    assert [dict(tree.payload) for tree in trees if not isinstance(tree.payload, str)] == [
        {"a": b"1", "b/c": b"2"},
        {"a": b"3"},
        {"a": b"3", "bin": b"\x00\x01"},
        {"only": b"4"},
    ]


def test_a_file_whose_bytes_were_left_out_is_listed_not_kept_stale(tmp_path: Path) -> None:
    facts = {"bytes": 50_000, "sha256": "ab"}
    first, second, third = replay(
        tmp_path,
        files(0, 1, files={"image": "small"}),
        files(1, 2, omitted_files={"image": facts}),
        files(2, 3, files={"image": "small again"}),
    )
    assert first.omitted == {}
    assert (second.payload, second.omitted) == ({}, {"image": Omitted(50_000, "ab")})
    assert (third.payload, third.omitted) == ({"image": b"small again"}, {})


def test_texts_replace_and_are_replaced(tmp_path: Path) -> None:
    text, tree = replay(tmp_path, entry(0, "code", 1), files(1, 2, files={"a": "1"}))
    assert (text.payload, tree.payload) == ("hello", {"a": b"1"})


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([entry(0, "a", 2)], "version 2 does not follow 0"),
        ([entry(0, "a", 1), entry(1, "a", 3)], "version 3 does not follow 1"),
        ([entry(0, "a", 1), entry(1, "a", 1)], "version 1 does not follow 1"),
        ([entry(0, "a", 1, deps=["b"], dep_versions={"b": 1})], "not seen yet"),
        (
            [entry(0, "b", 1), entry(1, "a", 1, deps=["b"], dep_versions={"b": 2})],
            "not seen yet",
        ),
        ([files(0, 1, files={"A/x": "", "a/y": ""})], "only by case"),
        ([files(0, 1, files={"a": ""}), files(1, 2, files={"a/b": ""})], "file and a folder"),
    ],
)
def test_a_history_that_cannot_be_is_refused(
    tmp_path: Path, entries: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        list(replay(tmp_path, *entries))


@pytest.mark.skipif(not DATA.exists(), reason="the recorded pipelines are not here")
@pytest.mark.parametrize(("name", "count"), [("bmad_projects", 390), ("metagpt_projects", 40)])
def test_every_recorded_pipeline_replays(name: str, count: int) -> None:
    replayer = Replayer()
    trees: dict[tuple[str, str], Mapping[Any, bytes] | str] = {}
    total = 0
    for record in read_records(DATA / f"{name}.jsonl.zst"):
        replayed = replayer.replay(record)
        total += 1
        assert not isinstance(replayed.payload, str)
        for path, content in record.payload.files.items():
            assert replayed.payload[path] == content
        trees[record.project, record.stage_key] = replayed.payload
    assert total == count
