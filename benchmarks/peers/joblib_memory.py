"""joblib.Memory: the result of a function call, pickled into a folder named after its arguments."""

from __future__ import annotations

from pathlib import Path

import joblib

from benchmarks.peers import Value


class JoblibMemory:
    """A put is the first call of a function with its key, a get the second."""

    def __init__(self, folder: Path) -> None:
        self._produced: Value = ""
        self._version: dict[str, int] = {}
        self._call = joblib.Memory(folder, verbose=0).cache(self._produce, ignore=["self"])

    def _produce(self, key: str, version: int) -> Value:
        return self._produced

    def put(self, key: str, value: Value) -> None:
        self._produced = value
        self._version[key] = self._version.get(key, 0) + 1
        self._call(key, self._version[key])

    def get(self, key: str) -> Value:
        found: Value = self._call(key, self._version[key])
        return found

    def close(self) -> None:
        pass
