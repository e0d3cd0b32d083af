"""diskcache: SQLite with a file for each larger value; by default it does not flush."""

from __future__ import annotations

from pathlib import Path

import diskcache

from benchmarks.peers import Value


class DiskCache:
    """As it comes: ``synchronous=NORMAL``, so a power cut may take the newest values."""

    _settings: dict[str, int] = {}  # noqa: RUF012  (the library's own keyword arguments)

    def __init__(self, folder: Path) -> None:
        # Nothing may be evicted while it is measured.
        self._cache = diskcache.Cache(folder, eviction_policy="none", **self._settings)

    def put(self, key: str, value: Value) -> None:
        self._cache.set(key, value)

    def get(self, key: str) -> Value:
        found: Value = self._cache.get(key)
        return found

    def close(self) -> None:
        self._cache.close()


class DiskCacheFull(DiskCache):
    """With ``synchronous=FULL``: the database is flushed at each commit; files it makes are not."""

    _settings = {"sqlite_synchronous": 2}  # noqa: RUF012
