"""Other stores, each behind the same few methods; one module each.

Every peer stores a text or a stage's files under a key, in the way its documentation suggests. A
peer whose library is not installed is named as such and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

Value = str | dict[str, bytes]


class Peer(Protocol):
    """A store to be compared with, empty, in a folder of its own."""

    def put(self, key: str, value: Value) -> None:
        """Store a value as the newest of its key."""

    def get(self, key: str) -> Value:
        """The newest value of a key."""

    def close(self) -> None:
        """Release files; nothing is called afterwards."""


class BulkPeer(Peer, Protocol):
    """A peer with a way of its own to put many stages at once."""

    def put_all(self, stages: Sequence[tuple[str, dict[str, bytes]]]) -> None:
        """Store them; they are on the medium at the end."""


# What each is called in the table, with whether a put is on the medium when it returns, and where
# its class is.
NAMES = {
    "files": ("files (flushes)", "files.Files"),
    "sqlite": ("SQLite WAL FULL, same records (flushes)", "reference.Reference"),
    "diskcache": ("diskcache (does not flush)", "diskcaches.DiskCache"),
    "diskcache_full": ("diskcache FULL (flushes)", "diskcaches.DiskCacheFull"),
    "objectstore": ("disk-objectstore (flushes)", "objectstore.DiskObjectStore"),
    "pygit2": ("pygit2 (does not flush)", "libgit.PyGit2"),
    "pygit2_fsync": ("pygit2 with fsync (flushes)", "libgit.PyGit2Flushed"),
    "dulwich": ("dulwich (does not flush)", "dulwiches.Dulwich"),
    "dulwich_fsync": ("dulwich with fsync (flushes)", "dulwiches.DulwichFlushed"),
    "langgraph": ("LangGraph SqliteSaver (flushes)", "langgraph_saver.LangGraph"),
    "joblib": ("joblib.Memory (does not flush)", "joblib_memory.JoblibMemory"),
    "redun": ("redun's value store (does not flush)", "redun_values.Redun"),
}


def open_peers(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, Peer]]:
    """Those of the named peers that are installed, under the names of the table."""
    for name in names:
        shown, where = NAMES[name]
        module, _, class_name = where.partition(".")
        try:
            opened = import_module(f"benchmarks.peers.{module}")
        except ImportError as error:
            print(f"{shown}: not measured, {error}")
            continue
        place = folder / name
        place.mkdir(parents=True)
        yield shown, getattr(opened, class_name)(place)
