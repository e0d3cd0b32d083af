"""Write a project's history as a git repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aicas.clock import format_time
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId, TreeId
from aicas.names import Project, TreePath
from aicas.objects.media import VALUE
from aicas.objects.snapshot import Snapshot
from aicas.objects.tree import Entry, EntryKind, walk
from aicas.store import Store
from aicas.transfer.aside import nothing_in, written_aside
from aicas.transfer.git.messages import author, date, message
from aicas.transfer.git.paths import git_path
from aicas.transfer.git.program import Git
from aicas.transfer.git.steps import Step, walk_steps
from aicas.transfer.git.stream import FastImport, GitFile


@dataclass(frozen=True, slots=True)
class GitExport:
    """What was written."""

    project: Project
    snapshots: int
    commits: int
    """One for each snapshot, and one for each operation that only moved refs."""


def export_git(store: Store, directory: str | Path, project: str | None = None) -> GitExport:
    """Write a project's history as a git repository with one branch, ``main``, checked out.

    Each snapshot is a commit, in the order they were published. A commit's tree holds a folder
    for every key that was current then: its files, or ``payload.txt``, ``payload.json`` or
    ``payload.bin``. The tree of the last commit is what is current now. Empty folders are not
    kept, git has none; see ``paths`` for names that git refuses. The same history gives the same
    commits. The repository appears whole or not at all.

    Args:
        store: the store.
        directory: new or empty.
        project: in place of the store's current one.

    Raises:
        NotFound: the project has no history, or there is no git.
        InvalidInput: ``directory`` is there and not empty.
        Damaged: an artifact cannot be read.
        StorageFailed: git or the file system refused.
    """
    view = store if project is None else store.at_project(project)
    git = Git.find()
    steps = list(walk_steps(view))
    if not steps:
        raise nothing_in(view)
    with written_aside(directory) as root:
        git.init(root)
        with git.fast_import(root) as sink:
            stream = FastImport(sink)
            stream.start()
            exporter = _Exporter(view, stream)
            for step in steps:
                exporter.commit(step)
            stream.done()
        git.check_out(root)
    published = sum(step.published is not None for step in steps)
    return GitExport(view.project, published, len(steps))


class _Exporter:
    """Turns steps into commits; gives each content to git once."""

    def __init__(self, store: Store, stream: FastImport) -> None:
        self._store = store
        self._stream = stream
        self._marks: dict[tuple[ObjectId, bool], int] = {}

    def commit(self, step: Step) -> None:
        """Write one step."""
        snapshot = None if step.published is None else self._store.snapshot(step.published)
        folders = {
            key: None if target is None else list(self._files(target))
            for key, target in step.changes.items()
        }
        made_at = snapshot.created_at if snapshot is not None else 0
        moved_at = step.operation.at if step.operation is not None else made_at
        self._stream.commit(
            author=f"{author(snapshot)} {date(made_at if snapshot is not None else moved_at)}",
            committer=f"{author(None)} {date(moved_at)}",
            message=message(step, snapshot),
            folders=folders,
        )

    def _files(self, target: SnapshotId) -> Iterator[GitFile]:
        snapshot = self._store.snapshot(target)
        payload = snapshot.payload
        evicted = self._store.eviction_of(snapshot)
        if evicted is not None:
            yield self._note(f"evicted at {format_time(evicted.at)}: {evicted.reason or ''}")
            return
        if payload.kind is not Kind.TREE:
            yield self._payload(snapshot)
            return
        for path, entry in walk(TreeId(payload.id), self._store.tree):
            yield GitFile(self._path(path, entry), entry.mode, self._blob(entry))

    def _path(self, path: TreePath, entry: Entry) -> str:
        return git_path(path, entry, lambda: self._store.blob(BlobId(entry.id)))

    def _blob(self, entry: Entry) -> int:
        mark = self._marks.get((entry.id, False))
        if mark is None:
            pieces = self._store.open_blob(BlobId(entry.id))
            mark = self._marks[entry.id, False] = self._stream.blob(entry.size, pieces)
        return mark

    def _payload(self, snapshot: Snapshot) -> GitFile:
        payload = snapshot.payload
        mode = EntryKind.FILE.value
        if payload.media_type == VALUE:
            return GitFile("payload.json", mode, self._value(snapshot))
        suffix = "txt" if payload.media_type.startswith("text/") else "bin"
        mark = self._blob(Entry(mode, payload.id, payload.size_bytes))
        return GitFile(f"payload.{suffix}", mode, mark)

    def _note(self, text: str) -> GitFile:
        """What stands in for a payload that the store does not hold any more."""
        data = text.rstrip(" :").encode() + b"\n"
        return GitFile("evicted.txt", EntryKind.FILE.value, self._stream.blob(len(data), [data]))

    def _value(self, snapshot: Snapshot) -> int:
        key = (snapshot.payload.id, True)
        mark = self._marks.get(key)
        if mark is None:
            value = self._store.payload(snapshot)
            text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
            data = text.encode()
            mark = self._marks[key] = self._stream.blob(len(data), [data])
        return mark
