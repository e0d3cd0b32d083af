"""What the tests of import and export share: recordings, and what they say on their own."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard

import aicas

SAMPLES = Path(__file__).parents[1] / "data"
WHOLE = Path(__file__).parents[2].parent / "shared" / "data"
NAMES = ("metagpt", "bmad")


def raw_records(path: Path) -> list[dict[str, Any]]:
    """A recording as plain JSON, read without the code under test."""
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file).read()
    return [json.loads(line) for line in text.splitlines()]


def whole_trees(records: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    """Each record with the tree its key has then, deltas replayed the plain way."""
    trees: dict[tuple[str, str], dict[str, bytes]] = {}
    for record in records:
        here = (record["project"], record["stage_key"])
        payload = record["payload"]
        tree = dict(trees.get(here, {})) if record["payload_kind"] == "delta" else {}
        for path in payload.get("deleted", []):
            tree.pop(path, None)
        tree |= {path: text.encode() for path, text in payload["files"].items()}
        binary = payload.get("files_b64", {})
        tree |= {path: base64.b64decode(text) for path, text in binary.items()}
        trees[here] = tree
        yield record, tree


def entry(seq: int, key: str, version: int, **more: Any) -> dict[str, Any]:
    return {
        "project": "demo/app",
        "seq": seq,
        "stage_key": key,
        "version": version,
        "payload_kind": "full",
        "payload": {"text": f"{key} {version}"},
        **more,
    }


def delta(seq: int, version: int, **payload: Any) -> dict[str, Any]:
    return entry(seq, "code", version, payload_kind="delta", payload={"files": {}, **payload})


def write_records(folder: Path, *entries: Mapping[str, Any] | str) -> Path:
    path = folder / "records.jsonl"
    texts = [item if isinstance(item, str) else json.dumps(item) for item in entries]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return path


def state(store: aicas.Store) -> tuple[object, ...]:
    """What must not differ after a refusal."""
    return store.refs(), [operation.number for operation in store.ops()]


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, check=True
    )
    return done.stdout.decode()


def git_tree(repository: Path, revision: str = "main") -> dict[str, tuple[str, bytes]]:
    """Mode and content of every file of a commit, as git itself reads them."""
    listed = git(repository, "ls-tree", "-r", "-z", "--full-tree", revision)
    found = {}
    for line in filter(None, listed.split("\0")):
        facts, path = line.split("\t", 1)
        mode, _, blob = facts.split()
        done = subprocess.run(
            ["git", "-C", str(repository), "cat-file", "blob", blob],
            capture_output=True,
            check=True,
        )
        found[path] = (mode, done.stdout)
    return found


def expected_git_tree(store: aicas.Store) -> dict[str, tuple[str, bytes]]:
    """What the store's current versions are as a git tree."""
    found: dict[str, tuple[str, bytes]] = {}
    keys = store.keys()
    for key in keys:
        payload = store.get(key)
        if isinstance(payload, aicas.Files):
            for path in payload:
                found[f"{key}/{path}"] = (f"{payload.mode(path):06o}", payload[path])
        elif isinstance(payload, str):
            found[f"{key}/payload.txt"] = ("100644", payload.encode())
        elif isinstance(payload, bytes):
            found[f"{key}/payload.bin"] = ("100644", payload)
        else:
            text = json.dumps(payload, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
            found[f"{key}/payload.json"] = ("100644", text.encode())
    return found
