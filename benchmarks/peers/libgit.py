"""pygit2: a commit for each put, its ref the key; loose objects, as libgit2 writes them."""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import FileMode, Option

from benchmarks.peers import Value

_TEXT = "text"
_BY = pygit2.Signature("benchmark", "benchmark@example.org", 0, 0)


class PyGit2:
    """As it comes: nothing is flushed."""

    _flushed = False

    def __init__(self, folder: Path) -> None:
        self._repository = pygit2.init_repository(str(folder), bare=True)

    def put(self, key: str, value: Value) -> None:
        # The option is the library's own, not a repository's.
        pygit2.option(Option.ENABLE_FSYNC_GITDIR, self._flushed)
        files = {_TEXT: value.encode()} if isinstance(value, str) else value
        name = f"refs/heads/{key}"
        known = self._repository.references.get(name)
        parents = [known.target] if known else []
        self._repository.create_commit(name, _BY, _BY, "put", self._tree(files), parents)

    def _tree(self, files: dict[str, bytes]) -> pygit2.Oid:
        builder = self._repository.TreeBuilder()
        folders: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = content
            else:
                builder.insert(path, self._repository.create_blob(content), FileMode.BLOB)
        for name, inside in folders.items():
            builder.insert(name, self._tree(inside), FileMode.TREE)
        return builder.write()

    def get(self, key: str) -> Value:
        commit = self._repository[self._repository.references[f"refs/heads/{key}"].target]
        files = self._files(commit.tree, "")
        return files[_TEXT].decode() if _TEXT in files else files

    def _files(self, tree: pygit2.Tree, prefix: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for entry in tree:
            path = f"{prefix}{entry.name}"
            if isinstance(entry, pygit2.Tree):
                found.update(self._files(entry, f"{path}/"))
            elif isinstance(entry, pygit2.Blob):
                found[path] = entry.data
        return found

    def close(self) -> None:
        self._repository.free()


class PyGit2Flushed(PyGit2):
    """With ``GIT_OPT_ENABLE_FSYNC_GITDIR``: every object and ref is flushed."""

    _flushed = True
