"""``import`` and ``export`` lead out of the store and back in."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Shell


_NOT_RECORDED = (
    "source_phase", "composed_phase", "cycle", "deps_basis", "agent", "model", "prompt",
    "response", "more_replies", "conclusion", "tokens", "cost_usd", "calls", "started_at",
    "ended_at",
)  # fmt: skip


def record(seq: int, **fields: Any) -> str:
    """One stage record, with every field the format has."""
    absent = dict.fromkeys(_NOT_RECORDED)
    usual = {
        "project": "shop",
        "seq": seq,
        "stage_key": "prd",
        "version": seq + 1,
        "mapping": "own",
        "deps": [],
        "dep_versions": {},
        "payload": {"text": f"version {seq + 1}\n"},
        "payload_kind": "full",
        "source": {"repo": "r", "path": "p", "commit": "c"},
    }
    return json.dumps(absent | usual | fields) + "\n"


def test_a_recorded_pipeline_becomes_history_once(store: Shell) -> None:
    (store.cwd / "run.jsonl").write_text(record(0) + record(1))
    assert store("import", "run.jsonl").out == "imported 2 of 2 records into shop\n"
    again = store("import", "run.jsonl").out
    assert again == "imported 0 of 2 records into shop, 2 were there already\n"
    assert store("cat", "shop/prd~1").out == "version 1\n"
    store("import", "run.jsonl", "--project", "mine")
    assert store("cat", "mine/prd").out == "version 2\n"


def test_a_bad_record_is_one_line_and_nothing_is_written(store: Shell) -> None:
    (store.cwd / "run.jsonl").write_text(record(0) + record(1, stage_key="../x"))
    result = store("import", "run.jsonl", expect=2)
    assert len(result.err.splitlines()) <= 2
    assert store("ops").out == ""
    store("import", "nothing.jsonl", expect=3)


def test_a_cache_folder_goes_out_and_comes_back(history: Shell) -> None:
    done = history("export", "--layout", "seed", "cache").out
    assert done == "exported 3 keys of default to cache\n"
    assert "into back" in history("import", "cache", "--project", "back").out
    for target in ("features", "plan", "code:src/app.py"):
        assert history("cat", f"back/{target}").out == history("cat", target).out
    history("export", "--layout", "seed", "cache", expect=2)


def test_the_git_repository_has_a_commit_for_each_snapshot(history: Shell) -> None:
    assert "exported 4 commits of default" in history("export", "--git", "repo").out
    for command in (["fsck", "--strict"], ["log", "--oneline"]):
        subprocess.run(["git", *command], cwd=history.cwd / "repo", check=True)


def test_export_needs_to_know_as_what(history: Shell) -> None:
    assert "either --git or --layout" in history("export", "out", expect=2).err
    history("export", "--git", "--layout", "seed", "out", expect=2)
