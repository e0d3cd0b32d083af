"""Write a project's current versions as the cache folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicas.errors import InvalidInput
from aicas.graph import price_of
from aicas.names import Key, Project, TreePath, check_collisions
from aicas.objects.media import TREE
from aicas.objects.snapshot import Snapshot
from aicas.store import Store
from aicas.transfer.aside import nothing_in, written_aside
from aicas.transfer.seed import layout
from aicas.transfer.seed.documents import to_document
from aicas.transfer.seed.entries import seed_fields, to_entry
from aicas.transfer.strictjson import parse_json


@dataclass(frozen=True, slots=True)
class SeedExport:
    """What was written."""

    project: Project
    keys: tuple[Key, ...]


def export_seed(store: Store, directory: str | Path) -> SeedExport:
    """Write the current version of every key of the store's project as a cache folder.

    Payloads, metadata and dependencies are written, bytes as base64; earlier versions are not.
    The folder appears whole or not at all.

    Raises:
        NotFound: the project has no current keys.
        InvalidInput: ``directory`` is there and not empty, two keys differ only by case, a key
            is too long for a file name, or an artifact too large for one JSON file.
        Damaged: an artifact cannot be read.
        StorageFailed: the file system refused.
    """
    keys = store.keys()
    if not keys:
        raise nothing_in(store)
    snapshots = {key: store.show(key) for key in keys}
    places = {key: _place(key, snapshot) for key, snapshot in snapshots.items()}
    check_collisions([*places.values(), layout.INDEX, layout.REPORTS])
    with written_aside(directory) as root:
        for folder in layout.FOLDERS:
            (root / folder).mkdir(exist_ok=True)
        for key, place in places.items():
            if place == layout.FOLDER_OF_KEY.get(key):
                store.restore(str(snapshots[key].id), root / place)
            else:
                document = to_document(store.payload(snapshots[key]))
                _write(root / place, document, what=key)
        _write_metadata(root, store.project, snapshots, places)
    return SeedExport(store.project, tuple(snapshots))


def _place(key: Key, snapshot: Snapshot) -> TreePath:
    if key in layout.FOLDER_OF_KEY and snapshot.payload.media_type == TREE:
        return TreePath(layout.FOLDER_OF_KEY[key])
    return layout.document_path(key)


def _write_metadata(
    root: Path,
    project: Project,
    snapshots: Mapping[Key, Snapshot],
    places: Mapping[Key, TreePath],
) -> None:
    entries = {key: to_entry(snapshot) for key, snapshot in snapshots.items()}
    index = {"project": project, "entries": entries}
    _write(root / layout.INDEX, index, what="the index")
    _write(root / layout.REPORTS, _report(project, snapshots), what="the cost report")
    sidecars: dict[TreePath, dict[str, Any]] = {}
    for key, place in places.items():
        sidecar = layout.sidecar_path(place)
        if sidecar is not None and place not in layout.FOLDER_OF_KEY.values():
            sidecars.setdefault(sidecar, {})[key] = seed_fields(entries[key])
    for sidecar, described in sidecars.items():
        # A phase has two artifacts and one file; the other stages have one of each.
        one = len(described) == 1 and not sidecar.startswith("phases/")
        _write(root / sidecar, next(iter(described.values())) if one else described, what=sidecar)


def _report(project: Project, snapshots: Mapping[Key, Snapshot]) -> dict[str, Any]:
    total = price_of(snapshot.cost for snapshot in snapshots.values())
    return {
        "project": project,
        "total_usd": total.usd,
        "total_usd_nano": total.usd_nano if total.priced else None,
        "input_tokens": total.input_tokens,
        "output_tokens": total.output_tokens,
        "cached_tokens": total.cached_tokens,
        "unpriced_entries": total.unpriced,
        "entries": {key: snapshot.to_json()["cost"] for key, snapshot in snapshots.items()},
    }


def _write(path: Path, document: Any, *, what: str) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        # What is written can be read back, by the same bounds.
        parse_json(text, what=f"{what} as JSON")
    except InvalidInput as error:
        raise InvalidInput(f"{error}: the cache folder cannot hold it") from error
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")
