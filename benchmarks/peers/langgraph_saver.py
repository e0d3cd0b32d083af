"""LangGraph's SqliteSaver: a checkpoint for each put, its thread the key.

It sets WAL and leaves ``synchronous`` at SQLite's own default, FULL: every put is flushed.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.peers import Value


class LangGraph:
    """The value is the one channel of a checkpoint."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)
        self._saver = SqliteSaver(self._db)
        self._saver.setup()

    def put(self, key: str, value: Value) -> None:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"value": value}
        config: RunnableConfig = {"configurable": {"thread_id": key, "checkpoint_ns": ""}}
        self._saver.put(config, checkpoint, {"source": "loop", "step": 1, "parents": {}}, {})

    def get(self, key: str) -> Value:
        found = self._saver.get_tuple({"configurable": {"thread_id": key, "checkpoint_ns": ""}})
        assert found
        value: Value = found.checkpoint["channel_values"]["value"]
        return value

    def close(self) -> None:
        self._db.close()
