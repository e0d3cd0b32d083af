"""disk-objectstore, AiiDA's: loose files that are flushed one by one, packs with a SQLite index.

It has no names: the adapter keeps those in memory, which costs it nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from disk_objectstore import Container

from benchmarks.peers import Value


class DiskObjectStore:
    """Files of a stage and a list of them as objects; a text is one object."""

    def __init__(self, folder: Path) -> None:
        self._container = Container(folder / "container")
        self._container.init_container()
        self._newest: dict[str, tuple[str, bool]] = {}

    def put(self, key: str, value: Value) -> None:
        if isinstance(value, str):
            self._newest[key] = self._container.add_object(value.encode()), False
            return
        ids = {name: self._container.add_object(content) for name, content in value.items()}
        self._newest[key] = self._container.add_object(json.dumps(ids).encode()), True

    def put_all(self, stages: Sequence[tuple[str, dict[str, bytes]]]) -> None:
        """Straight into packs, compressed: its own way for many, with few flushes."""
        contents = [content for _, files in stages for content in files.values()]
        ids = iter(self._container.add_objects_to_pack(contents, compress=True))
        lists = [json.dumps({name: next(ids) for name in files}).encode() for _, files in stages]
        packed = self._container.add_objects_to_pack(lists, compress=True)
        self._newest.update((key, (i, True)) for (key, _), i in zip(stages, packed, strict=True))

    def get(self, key: str) -> Value:
        object_id, is_stage = self._newest[key]
        content = self._container.get_object_content(object_id)
        if not is_stage:
            return content.decode()
        return {
            name: self._container.get_object_content(i) for name, i in json.loads(content).items()
        }

    def close(self) -> None:
        self._container.close()
