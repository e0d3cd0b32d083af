"""redun's value store: a value's pickle in a file named after its hash; not flushed.

It has no names: the adapter keeps those in memory, which costs it nothing.
"""

from __future__ import annotations

from pathlib import Path

from redun.backends.value_store import ValueStore
from redun.hashing import hash_bytes
from redun.utils import pickle_dumps, pickle_loads

from benchmarks.peers import Value


class Redun:
    """Hashed and pickled as redun's own backend does it."""

    def __init__(self, folder: Path) -> None:
        self._values = ValueStore(str(folder))
        self._newest: dict[str, str] = {}

    def put(self, key: str, value: Value) -> None:
        data = pickle_dumps(value)
        self._newest[key] = hash_bytes(data)
        self._values.put(self._newest[key], data)

    def get(self, key: str) -> Value:
        data, _ = self._values.get(self._newest[key])
        value: Value = pickle_loads(data)
        return value

    def close(self) -> None:
        pass
