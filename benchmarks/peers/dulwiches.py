"""dulwich: git in Python; a commit for each put, its ref the key, objects loose."""

from __future__ import annotations

from pathlib import Path

from dulwich.index import commit_tree
from dulwich.objects import Blob, Commit
from dulwich.refs import Ref
from dulwich.repo import Repo

from benchmarks.peers import Value

_TEXT = "text"
_BY = b"benchmark <benchmark@example.org>"


class Dulwich:
    """As it comes: refs are flushed, objects are not."""

    _flushed = False

    def __init__(self, folder: Path) -> None:
        Repo.init_bare(str(folder)).close()
        if self._flushed:
            with (folder / "config").open("a", encoding="ascii") as config:
                config.write("[core]\n\tfsyncObjectFiles = true\n")
        self._repository = Repo(str(folder))

    def put(self, key: str, value: Value) -> None:
        files = {_TEXT: value.encode()} if isinstance(value, str) else value
        store = self._repository.object_store
        entries = []
        for path, content in files.items():
            blob = Blob.from_string(content)
            store.add_object(blob)
            entries.append((path.encode(), blob.id, 0o100644))
        name = Ref(b"refs/heads/" + key.encode())
        commit = Commit()
        commit.tree = commit_tree(store, entries)
        commit.parents = [self._repository.refs[name]] if name in self._repository.refs else []
        commit.author = commit.committer = _BY
        commit.author_time = commit.commit_time = 0
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"put"
        store.add_object(commit)
        self._repository.refs[name] = commit.id

    def get(self, key: str) -> Value:
        commit = self._repository[self._repository.refs[Ref(b"refs/heads/" + key.encode())]]
        assert isinstance(commit, Commit)
        store = self._repository.object_store
        files = {
            entry.path.decode(): store[entry.sha].as_raw_string()
            for entry in store.iter_tree_contents(commit.tree)
        }
        return files[_TEXT].decode() if _TEXT in files else files

    def close(self) -> None:
        self._repository.close()


class DulwichFlushed(Dulwich):
    """With ``core.fsyncObjectFiles``."""

    _flushed = True
