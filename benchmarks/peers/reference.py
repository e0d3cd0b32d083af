"""The plain answer: the same records (objects by BLAKE3, refs, a log) in one SQLite database.

WAL with ``synchronous=FULL``: a put is on the medium when it returns. Files are hashed and
compressed as ours are; there is no history, no index of dependents, no judging and no ledger.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import blake3
import msgpack
import zstandard

from benchmarks.peers import Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects(id BLOB PRIMARY KEY, frame BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refs(name TEXT PRIMARY KEY, target BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations(number INTEGER PRIMARY KEY, record BLOB);
"""


class Reference:
    """Objects, refs and operations in three tables; several processes may use one database."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "reference.sqlite", isolation_level=None, timeout=60)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
        self._compressor = zstandard.ZstdCompressor(level=3)
        self._decompressor = zstandard.ZstdDecompressor()

    def put(self, key: str, value: Value) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._insert(key, value)
        self._db.execute("COMMIT")

    def put_all(self, stages: Sequence[tuple[str, dict[str, bytes]]]) -> None:
        """One transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        for key, files in stages:
            self._insert(key, files)
        self._db.execute("COMMIT")

    def _insert(self, key: str, value: Value) -> None:
        files = {"": value.encode()} if isinstance(value, str) else value
        objects = [self._object(content) for content in files.values()]
        tree = self._object(msgpack.packb([*zip(files, (i for i, _ in objects), strict=True)]))
        snapshot = self._object(msgpack.packb([key, tree[0], time.time_ns()]))
        record = msgpack.packb([time.time_ns(), key, snapshot[0]])
        rows = [*objects, tree, snapshot]
        self._db.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?)", rows)
        self._db.execute("INSERT OR REPLACE INTO refs VALUES (?, ?)", (key, snapshot[0]))
        self._db.execute("INSERT INTO operations(record) VALUES (?)", (record,))

    def _object(self, data: bytes) -> tuple[bytes, bytes]:
        return blake3.blake3(data).digest(), self._compressor.compress(data)

    def get(self, key: str) -> Value:
        (target,) = self._db.execute("SELECT target FROM refs WHERE name = ?", (key,)).fetchone()
        _, tree, _ = msgpack.unpackb(self._read(target))
        files = {name: self._read(blob) for name, blob in msgpack.unpackb(self._read(tree))}
        return files[""].decode() if "" in files else files

    def _read(self, object_id: bytes) -> bytes:
        question = "SELECT frame FROM objects WHERE id = ?"
        (frame,) = self._db.execute(question, (object_id,)).fetchone()
        return self._decompressor.decompress(frame)

    def close(self) -> None:
        self._db.close()
