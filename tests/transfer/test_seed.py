from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transfer_world import state

import aicas
from aicas.errors import InvalidInput, InvalidName, NotFound, StorageFailed
from aicas.transfer.seed.documents import from_document, to_document
from aicas.transfer.seed.reading import import_seed
from aicas.transfer.seed.writing import export_seed

NOW = 1_700_000_000_000_000


def _store(**more: Any) -> aicas.Store:
    return aicas.in_memory(clock=lambda: NOW, **more)


def _files() -> aicas.Files:
    return aicas.Files(
        {"run.sh": b"#!", "empty": b"", "d/link": b"../run.sh", "bin": b"\xff\0", "\u00fc": b"x"},
        modes={"run.sh": 0o100755, "d/link": 0o120000},
        empty_folders=["nothing/here"],
    )


@pytest.fixture
def store() -> aicas.Store:
    """One artifact of every kind, at every place the layout has."""
    made = _store()
    made.put("brainstorming_features", ["one", {"two": 2.5}], expires_in_hours=72)
    made.put("system_architecture_plan", "text\n", inputs=["brainstorming_features"])
    made.put("architecture_diagrams", {"a/b.mmd": b"graph"}, inputs=["system_architecture_plan"])
    made.put("project_micro_phases", {"phases": [1]}, inputs=["system_architecture_plan"])
    made.put(
        "phase-1-generated_code",
        _files(),
        inputs=["project_micro_phases"],
        recipe={"prompt": "Do it", "model": "gpt-4", "agent_version": "gpt-4-2024", "n": [1]},
        session="sess_123",
        tags=["generated_code"],
        meta={"x": {"y": None}},
        cost=aicas.Cost(1_234_567_891, 10, 20, 5, 7, "gpt-4", {"input": 30_000}, 2),
        validation_status="passed",
        created_at=1_600_000_000_000_001,
    )
    made.put("phase-1-validation_report", {"ok": True}, inputs=["phase-1-generated_code"])
    made.put("phase-2b.x-generated_code", aicas.Files({}))
    made.put("final_integration_summary", None)
    made.put("build_artifacts", _files(), inputs=["final_integration_summary"])
    made.put("custom", b"\0\xff", media_type="image/png")
    made.put("prd.md", "# Title", media_type="text/markdown")
    return made


def test_the_folder_has_every_folder_and_file_of_the_layout(
    store: aicas.Store, tmp_path: Path
) -> None:
    result = export_seed(store, tmp_path / "out")
    assert len(result.keys) == 11
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")}
    assert found >= {
        "metadata/cache_index.json",
        "metadata/micro_phases.json",
        "brainstorming/features.json",
        "brainstorming/metadata.json",
        "architecture/plan.json",
        "architecture/diagrams/a/b.mmd",
        "architecture/metadata.json",
        "phases/phase_1/generated_code.json",
        "phases/phase_1/validation_report.json",
        "phases/phase_1/metadata.json",
        "phases/phase_2b.x/generated_code.json",
        "integration/summary.json",
        "integration/build_artifacts/run.sh",
        "files/custom.json",
        "analytics/cost_reports.json",
    }


def test_documents_are_what_other_tools_expect(store: aicas.Store, tmp_path: Path) -> None:
    export_seed(store, tmp_path)

    def read(path: str) -> Any:
        return json.loads((tmp_path / path).read_text("utf-8"))

    assert read("brainstorming/features.json") == ["one", {"two": 2.5}]
    assert read("architecture/plan.json") == "text\n"
    assert read("phases/phase_1/generated_code.json") == {
        "files": {"run.sh": "#!", "empty": "", "d/link": "../run.sh", "\u00fc": "x"},
        "files_b64": {"bin": "/wA="},
        "modes": {"d/link": "120000", "run.sh": "100755"},
        "empty_folders": ["nothing/here"],
    }
    assert read("files/custom.json") == {"base64": "AP8="}
    metadata = read("phases/phase_1/metadata.json")
    assert metadata["phase-1-generated_code"] == {
        "cache_key": "phase-1-generated_code",
        "created_at": "2020-09-13T12:26:40.000001Z",
        "agent_version": "gpt-4-2024",
        "prompt_hash": store.show("phase-1-generated_code").prompt_hash,
        "dependencies": ["project_micro_phases"],
        "session_id": "sess_123",
        "validation_status": "passed",
        "expiry_time": "2023-11-17T22:13:20Z",
        "file_count": 5,
        "size_bytes": 14,
        "access_count": 0,
        "tags": ["generated_code"],
    }
    assert set(metadata) == {"phase-1-generated_code", "phase-1-validation_report"}
    assert read("brainstorming/metadata.json")["cache_key"] == "brainstorming_features"
    report = read("analytics/cost_reports.json")
    assert (report["total_usd"], report["unpriced_entries"]) == ("1.234567891", 10)


def test_everything_comes_back_as_it_was(store: aicas.Store, tmp_path: Path) -> None:
    export_seed(store, tmp_path / "out")
    other = _store(project="elsewhere")
    result = import_seed(other, tmp_path / "out")
    keys = store.keys()
    assert (result.project, sorted(result.added)) == ("elsewhere", sorted(keys))
    for key in keys:
        before, after = store.show(key), other.show(key)
        for field in (
            *("payload", "created_at", "recipe", "fingerprint", "session_id", "expiry_time"),
            *("validation_status", "tags", "cost", "meta", "dependencies"),
        ):
            assert getattr(after, field) == getattr(before, field), (key, field)
        assert other.get(key) == store.get(key)
        assert [used.snapshot for used in after.inputs] == [
            other.show(used.key).id for used in before.inputs
        ]
    files = other.files("phase-1-generated_code")
    assert (files.mode("run.sh"), files.mode("d/link")) == (0o100755, 0o120000)
    assert files.empty_folders == ("nothing/here",)
    assert other.verify().clean


def test_the_parts_that_inputs_were_read_in_come_along(tmp_path: Path) -> None:
    store = _store()
    store.put("plan", {"phases": ["a", "b"]})
    store.put("code", "c", inputs=["plan#/phases/0", "plan#/phases/1"])
    export_seed(store, tmp_path / "out")
    other = _store()
    import_seed(other, tmp_path / "out")
    used = [(i.key, i.selector, i.digest) for i in store.show("code").inputs]
    assert [(i.key, i.selector, i.digest) for i in other.show("code").inputs] == used
    assert other.lookup("code", {}, ["plan#/phases/0", "plan#/phases/1"])


def test_importing_again_changes_nothing(store: aicas.Store, tmp_path: Path) -> None:
    export_seed(store, tmp_path / "out")
    other = _store()
    import_seed(other, tmp_path / "out")
    before = state(other)
    again = import_seed(other, tmp_path / "out")
    assert (len(again.added), len(again.unchanged)) == (0, 11)
    assert import_seed(store, tmp_path / "out").added == ()
    assert state(other) == before


@pytest.mark.parametrize("circle", [False, True])
def test_what_was_made_from_a_version_left_behind_stays_stale(tmp_path: Path, circle: bool) -> None:
    store = _store()
    store.put("a", "1")
    store.put("b", "1", inputs=["a"])
    store.put("a", "2", inputs=["b"] if circle else [])
    assert not store.lookup("b")
    export_seed(store, tmp_path / "out")
    other = _store()
    import_seed(other, tmp_path / "out")
    assert (other.get("a"), other.get("b")) == ("2", "1")
    assert bool(other.lookup("a")) == bool(store.lookup("a"))
    if circle:
        assert other.show("b").meta["dependencies_not_held"] == ["a"]
    else:
        assert other.show("b").dependencies == ("a",)
        assert not other.lookup("b")
    assert other.verify().clean
    assert import_seed(other, tmp_path / "out").added == ()


def test_a_dependency_that_did_not_come_along_is_noted(tmp_path: Path) -> None:
    store = _store()
    store.put("a", "1")
    store.put("b", "1", inputs=["a"])
    store.invalidate("a", only=True)
    export_seed(store, tmp_path / "out")
    other = _store()
    import_seed(other, tmp_path / "out")
    assert other.show("b").meta == {"dependencies_not_held": ["a"]}
    assert import_seed(store, tmp_path / "out", "again").added == ("b",)
    assert store.at_project("again").show("b").dependencies == ("a",)


_PATHS = st.sampled_from(["a", "b.txt", "d/e", "d/f/g", "\u4e2d"])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
_PAYLOADS = (
    st.text()
    | st.binary()
    | _VALUES
    | st.dictionaries(_PATHS, st.binary(max_size=9)).map(aicas.Files)
)


@given(_PAYLOADS)
@settings(max_examples=200, deadline=None)
def test_every_payload_survives_its_document(payload: Any) -> None:
    store = _store()
    snapshot = store.put("key", payload)
    document = json.loads(json.dumps(to_document(store.get("key"))))
    back = from_document(document, snapshot.payload.media_type, "files/key.json")
    assert store.put("key", back).payload == snapshot.payload


def _seed(root: Path, entries: dict[str, Any], files: dict[str, Any]) -> Path:
    for path, document in {"metadata/cache_index.json": entries, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        text = document if isinstance(document, str) else json.dumps(document)
        (root / path).write_text(text, "utf-8")
    return root


def test_a_folder_of_the_seeds_own_is_understood(tmp_path: Path) -> None:
    entry = {
        "cache_key": "phase-1-generated_code",
        "created_at": "2025-07-02T10:30:00Z",
        "agent_version": "gpt-4-2024",
        "prompt_hash": "abc123...",
        "dependencies": ["project_micro_phases"],
        "session_id": "sess_123",
        "validation_status": "pending",
        "expiry_time": "2025-07-05T10:30:00Z",
        "file_count": 5,
        "size_bytes": 15420,
        "access_count": 3,
        "tags": ["generated_code", "micro_phase"],
        "note": "kept",
    }
    folder = _seed(
        tmp_path,
        {"phase-1-generated_code": entry, "project_micro_phases": {}},
        {
            "metadata/micro_phases.json": {"phases": []},
            "phases/phase_1/generated_code.json": {"src/a.py": "print()"},
            "phases/phase_1/metadata.json": entry,
            "analytics/cost_reports.json": {},
        },
    )
    (folder / "architecture" / "diagrams").mkdir(parents=True)
    (folder / "architecture" / "diagrams" / "a.svg").write_text("<svg/>")
    store = _store()
    result = import_seed(store, folder, "mine")
    assert set(result.added) == {
        "phase-1-generated_code",
        "project_micro_phases",
        "architecture_diagrams",
    }
    assert result.added.index("project_micro_phases") < result.added.index("phase-1-generated_code")
    view = store.at_project("mine")
    snapshot = view.show("phase-1-generated_code")
    assert view.get("phase-1-generated_code") == {"src/a.py": b"print()"}
    assert view.get("architecture_diagrams") == {"a.svg": b"<svg/>"}
    assert snapshot.agent_version == "gpt-4-2024"
    assert snapshot.dependencies == ("project_micro_phases",)
    assert snapshot.created_at == 1_751_452_200_000_000
    assert snapshot.expiry_time == 1_751_711_400_000_000
    assert (snapshot.validation_status, snapshot.meta) == (
        "unchecked",
        {"note": "kept", "validation_status": "pending"},
    )


CODE = "phase-1-generated_code"
CODE_FILE = "phases/phase_1/generated_code.json"
TREE = {CODE: {"media_type": "application/vnd.aicas.tree"}}


def _bad(entries: Any, files: Any) -> Callable[[Path], object]:
    return lambda root: _seed(root, {"good": {}, **entries}, {"files/good.json": 1, **files})


def _link_in(path: str, target: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        _seed(root, {"good": {}}, {"files/good.json": 1})
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)

    return make


def _linked_payload(root: Path) -> None:
    _seed(root, {"good": {}, "x": {}}, {"files/good.json": 1})
    (root / "secret").write_text("1")
    (root / "files" / "x.json").symlink_to(root / "secret")


BAD_FOLDERS: dict[str, Callable[[Path], object]] = {
    "missing file": _bad({"absent": {}}, {}),
    "unknown file": _bad({}, {"files/extra.json": 1}),
    "unknown file elsewhere": _bad({}, {"stray.txt": "x"}),
    "key with a parent path": _bad({"../../etc/passwd": {}}, {}),
    "absolute key": _bad({"/etc/passwd": {}}, {}),
    "key with NUL": _bad({"a\0b": {}}, {}),
    "reserved key": _bad({"CON": {}}, {"files/CON.json": 1}),
    "parent path": _bad(TREE, {CODE_FILE: {"files": {"../up": "x"}}}),
    "parent path, untyped": _bad({CODE: {}}, {CODE_FILE: {"../up": "x"}}),
    "absolute path": _bad(TREE, {CODE_FILE: {"files": {"/etc/x": "x"}}}),
    "colliding paths": _bad(TREE, {CODE_FILE: {"files": {"A": "x", "a": "y"}}}),
    "link with no target": _bad(TREE, {CODE_FILE: {"files": {"a": ""}, "modes": {"a": "120000"}}}),
    "odd mode": _bad(TREE, {CODE_FILE: {"files": {"a": ""}, "modes": {"a": "104755"}}}),
    "mode of no file": _bad(TREE, {CODE_FILE: {"files": {}, "modes": {"a": "100755"}}}),
    "a path twice": _bad(TREE, {CODE_FILE: {"files": {"a": ""}, "files_b64": {"a": ""}}}),
    "not base64": _bad(TREE, {CODE_FILE: {"files": {}, "files_b64": {"a": "?"}}}),
    "no files": _bad(TREE, {CODE_FILE: {}}),
    "more than files": _bad(TREE, {CODE_FILE: {"files": {}, "more": 1}}),
    "text that is none": _bad({"t": {"media_type": "text/plain"}}, {"files/t.json": 1}),
    "bytes that are none": _bad({"t": {"media_type": "image/png"}}, {"files/t.json": {}}),
    "media type": _bad({"t": {"media_type": "nonsense"}}, {"files/t.json": {"base64": ""}}),
    "another key": _bad({"t": {"cache_key": "u"}}, {"files/t.json": 1}),
    "odd time": _bad({"t": {"created_at": "soon"}}, {"files/t.json": 1}),
    "odd tag": _bad({"t": {"tags": ["a\x1b"]}}, {"files/t.json": 1}),
    "odd cost": _bad({"t": {"cost": {"usd_nano": -1}}}, {"files/t.json": 1}),
    "odd digest": _bad(
        {"t": {"inputs": [{"key": "good", "snapshot": "x", "digest": "00"}]}}, {"files/t.json": 1}
    ),
    "digest no hex": _bad(
        {"t": {"inputs": [{"key": "good", "snapshot": "x", "digest": "?"}]}}, {"files/t.json": 1}
    ),
    "odd dependency": _bad({"t": {"dependencies": [1]}}, {"files/t.json": 1}),
    "circle": _bad(
        {"t": {"dependencies": ["u"]}, "u": {"dependencies": ["t"]}},
        {"files/t.json": 1, "files/u.json": 1},
    ),
    "NaN": _bad({"t": {}}, {"files/t.json": "[NaN]"}),
    "duplicate names": _bad({"t": {}}, {"files/t.json": '{"a": 1, "a": 2}'}),
    "deep nesting": _bad({"t": {}}, {"files/t.json": "[" * 200 + "]" * 200}),
    "too large": _bad({"t": {}}, {"files/t.json": '"' + "x" * (9 << 20) + '"'}),
    "index no object": lambda root: _seed(root, [], {}),  # type: ignore[arg-type]
    "no index": lambda root: (root / "x").mkdir(),
    "a diagram twice": _bad(
        {"architecture_diagrams": {}},
        {"files/architecture_diagrams.json": 1, "architecture/diagrams/a": "x"},
    ),
    "link for diagrams": _link_in("architecture/diagrams", "/etc"),
    "link for a folder": _link_in("architecture", "/etc"),
    "link for a payload": _linked_payload,
    "deep folders": _bad({}, {"a/b/c/d/e/f/g": "x"}),
    "hostile file name": _bad({}, {"files/a\x1bb.json": "1"}),
}


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_a_bad_folder_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, what: str
) -> None:
    BAD_FOLDERS[what](tmp_path)
    store = _store()
    with pytest.raises(InvalidInput) as caught:
        import_seed(store, tmp_path)
    assert "\n" not in str(caught.value)
    assert state(store) == ({}, [])


def test_a_fifo_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    _seed(tmp_path, {"x": {}}, {})
    (tmp_path / "files").mkdir()
    os.mkfifo(tmp_path / "files" / "x.json")
    with pytest.raises(InvalidInput, match="regular file"):
        import_seed(_store(), tmp_path)


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        import_seed(_store(), tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput):
        import_seed(_store(), tmp_path / "file")


def test_keys_that_differ_only_by_case_are_not_exported(tmp_path: Path) -> None:
    store = _store()
    store.put("Prd", "1")
    store.put("prd", "2")
    with pytest.raises(InvalidName, match="case"):
        export_seed(store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_key_too_long_for_a_file_is_not_exported(tmp_path: Path) -> None:
    store = _store()
    store.put("k" * 255, "1")
    with pytest.raises(InvalidName, match="longer"):
        export_seed(store, tmp_path / "out")


def test_a_phase_whose_folder_no_system_takes_lies_with_the_custom_keys(tmp_path: Path) -> None:
    store = _store()
    store.put("phase-1.-generated_code", {"a": b"1"})
    export_seed(store, tmp_path / "out")
    assert (tmp_path / "out" / "files" / "phase-1.-generated_code.json").exists()
    other = _store()
    import_seed(other, tmp_path / "out")
    assert other.get("phase-1.-generated_code") == {"a": b"1"}


def test_an_artifact_too_large_for_its_file_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    store = _store()
    store.put("big", "x" * (9 << 20))
    with pytest.raises(InvalidInput, match="big as JSON is longer"):
        export_seed(store, tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


def test_only_a_new_or_empty_folder_is_written(store: aicas.Store, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InvalidInput, match="not empty"):
        export_seed(store, tmp_path)
    with pytest.raises(NotFound, match="nothing to export"):
        export_seed(store.at_project("empty"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_large_files_and_texts_come_along(tmp_path: Path) -> None:
    store = _store()
    store.put("build_artifacts", {"big.bin": os.urandom(1_500_000), "again.bin": b"\0" * 1_500_000})
    store.put("text", "x" * 3_000_000)
    export_seed(store, tmp_path / "out")
    other = _store()
    import_seed(other, tmp_path / "out")
    assert other.show("build_artifacts").payload == store.show("build_artifacts").payload
    assert other.show("text").payload == store.show("text").payload
    assert import_seed(other, tmp_path / "out").added == ()


@pytest.mark.parametrize(
    ("document", "payload"),
    [
        ({"files": {"a": "x"}, "modes": {"a": "100755"}}, aicas.Files({"a": "x"})),
        ({"a": "x"}, aicas.Files({"a": "x"})),
        ({"phase": 1, "a": "x"}, {"phase": 1, "a": "x"}),
        ({}, {}),
        ('"text"', "text"),
        ([1], [1]),
    ],
)
def test_generated_code_of_no_known_type_is_files_where_it_maps_paths_to_texts(
    tmp_path: Path, document: Any, payload: Any
) -> None:
    store = _store()
    import_seed(store, _seed(tmp_path, {CODE: {}}, {CODE_FILE: document}))
    assert store.get(CODE) == payload
    assert isinstance(store.get(CODE), aicas.Files) == isinstance(payload, aicas.Files)


def test_a_place_that_cannot_be_written_is_named(store: aicas.Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot write"):
        export_seed(store, tmp_path / "file" / "below" / "out")
