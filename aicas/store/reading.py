"""What a store can be asked: revisions, payloads, history, differences.

Modules that only some questions need are imported where they are used, so that a short-lived
process which only lists does not pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from aicas.errors import InvalidInput, NotFound
from aicas.history.log import LogEntry, ReflogEntry, read_reflog, walk_log
from aicas.history.revisions import ProjectView, Resolver
from aicas.ids import BlobId, Kind, SnapshotId, TreeId
from aicas.names import (
    Key,
    Project,
    RefName,
    check_key,
    check_label,
    check_project,
    check_tree_path,
    live_ref,
    split_ref,
)

if TYPE_CHECKING:
    from aicas.backends.base import Backend, RefState
    from aicas.backends.operation import Operation
    from aicas.clock import Clock
    from aicas.config import Config
    from aicas.history.diff import Diff, KeyChange
    from aicas.objects.files import Files
    from aicas.objects.payload import Payload
    from aicas.objects.reader import ObjectReader
    from aicas.objects.snapshot import Snapshot
    from aicas.objects.tree import Tree

_RESOLVED_LIMIT = 10_000


class StoreReader:
    """The reading half of a ``Store``: nothing here changes anything.

    Attributes:
        project: the project that bare keys belong to.
        config: the settings in force.
        location: its folder; ``None`` for a store in memory.
    """

    def __init__(
        self,
        backend: Backend,
        reader: ObjectReader,
        clock: Clock,
        *,
        config: Config,
        project: str,
        location: Path | None,
    ) -> None:
        self.config = config
        self.project = check_project(project)
        self.location = location
        self._backend = backend
        self._reader = reader
        self._clock = clock
        self._resolved: dict[str, tuple[object, Snapshot]] = {}

    def _resolver(self) -> Resolver:
        return Resolver(self._backend, self._reader, self.project, self._clock())

    def resolve(self, revision: str) -> SnapshotId:
        """The snapshot a revision names: ``KEY``, ``PROJECT/KEY``, an id prefix, ``KEY~2``,
        ``KEY@{1}``, ``KEY@{2026-11-20}``, ``KEY@{3 days ago}`` or ``KEY@{op:41}``.

        Raises:
            InvalidInput: not a revision.
            NotFound: there is none; ``near`` holds similar keys.
        """
        return self.show(revision).id

    def resolve_view(self, text: str) -> ProjectView:
        """All live refs of ``PROJECT``, now, or after an operation: ``PROJECT@{op:41}``.

        Raises:
            InvalidInput, NotFound: as ``resolve``.
        """
        return self._resolver().view(text)

    def show(self, revision: str) -> Snapshot:
        """The snapshot a revision names.

        Raises:
            InvalidInput, NotFound: as ``resolve``.
            Damaged: its bytes are not what its id says.
        """
        stamp = self._backend.stamp()
        known = self._resolved.get(revision)
        if known is not None and known[0] == stamp:
            return known[1]
        snapshot = self._reader.snapshot(self._resolver().snapshot_id(revision))
        if "{" not in revision:  # what a time in a revision means changes without a commit
            if len(self._resolved) > _RESOLVED_LIMIT:
                self._resolved.clear()
            self._resolved[revision] = (stamp, snapshot)
        return snapshot

    def get(self, revision: str) -> Payload:
        """The payload of a revision, as it was put. Files are read when asked for.

        Whether it is still valid is not judged; ``lookup`` does that.

        Raises:
            InvalidInput, NotFound, Damaged: as ``show``.
        """
        return self.payload(self.show(revision))

    def payload(self, snapshot: Snapshot) -> Payload:
        """The payload of a snapshot.

        Raises:
            NotFound, Damaged: it cannot be read.
        """
        from aicas.objects.payload import decode_payload

        return decode_payload(snapshot.payload, self._reader.blob, self._reader.tree)

    def snapshot(self, snapshot_id: SnapshotId) -> Snapshot:
        """A snapshot by its id.

        Raises:
            NotFound, Damaged: it cannot be read.
        """
        return self._reader.snapshot(snapshot_id)

    def tree(self, tree_id: TreeId) -> Tree:
        """A tree by its id; raises as ``snapshot``."""
        return self._reader.tree(tree_id)

    def blob(self, blob_id: BlobId) -> bytes:
        """A blob's whole content by its id; raises as ``snapshot``."""
        return self._reader.blob(blob_id)

    def open_blob(self, blob_id: BlobId) -> Iterator[bytes]:
        """A blob's content in pieces of bounded size; see ``ObjectReader.pieces``."""
        return self._reader.pieces(blob_id)

    def files(self, revision: str) -> Files:
        """The files of a revision.

        Raises:
            InvalidInput: its payload is not files.
            NotFound, Damaged: as ``show``.
        """
        from aicas.objects.files import Files

        payload = self.get(revision)
        if not isinstance(payload, Files):
            raise InvalidInput(f"{revision} holds no files")
        return payload

    def restore(
        self,
        revision: str,
        destination: Path,
        *,
        path: str | None = None,
        overwrite: bool = False,
    ) -> int:
        """Write a payload to disk, byte for byte; returns the number of files written.

        Args:
            revision: what to write.
            destination: the file or folder to become it.
            path: only what lies at this path of a tree.
            overwrite: replace files that differ; otherwise they are an error.

        Raises:
            InvalidInput: a file that differs stands there. Nothing was written.
            NotFound, Damaged, StorageFailed: nothing half-written stays.
        """
        from aicas.objects.checkout import restore
        from aicas.objects.tree import Entry, EntryKind, find

        payload = self.show(revision).payload
        entry = Entry(
            EntryKind.TREE.value if payload.kind is Kind.TREE else EntryKind.FILE.value,
            payload.id,
            payload.size_bytes,
        )
        if path is not None:
            if payload.kind is not Kind.TREE:
                raise InvalidInput(f"{revision} holds no files")
            entry = find(TreeId(payload.id), check_tree_path(path), self._reader.tree)
        return restore(
            entry,
            destination,
            read_tree=self._reader.tree,
            stream_blob=self._reader.pieces,
            overwrite=overwrite,
        )

    # History

    def dependents(self, key: str) -> list[RefName]:
        """The refs made from a key's artifact, directly or not, in the order they were made.

        Raises:
            NotFound: there is no such key.
        """
        from aicas import graph

        return graph.dependents(self._backend, self._ref(key))

    def _ref(self, key: str) -> RefName:
        """The live ref of ``KEY`` or ``PROJECT/KEY``, which some operation must have moved."""
        resolver = self._resolver()
        ref = resolver.ref_of(key)
        if ref is None:
            raise resolver.unknown(key)
        return ref

    def log(
        self,
        key: str | None = None,
        *,
        limit: int | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[LogEntry]:
        """Versions, newest first: of a key (or any revision), or of every key of the project.

        Args:
            key: ``None`` for all stages of the project, invalidated ones included.
            limit: at most so many.
            since, until: only those created in between, in microseconds since 1970 UTC.

        Raises:
            NotFound: there is no such key.
        """
        entries = (
            walk_log(self._backend, self._reader, self._states())
            if key is None
            else self._log_of(key)
        )
        shown = 0
        for entry in entries:
            created = entry.snapshot.created_at
            if (since is None or created >= since) and (until is None or created <= until):
                if shown == limit:
                    return
                shown += 1
                yield entry

    def _log_of(self, revision: str) -> Iterator[LogEntry]:
        ref = self._resolver().ref_of(revision)
        if ref is None:
            return self._ancestry(self.show(revision))
        state = self._backend.ref(ref)
        return walk_log(self._backend, self._reader, {ref: state} if state else {})

    def _ancestry(self, snapshot: Snapshot) -> Iterator[LogEntry]:
        ref = live_ref(self.project, check_key(snapshot.key))
        state = self._backend.ref(ref)
        found: Snapshot | None = snapshot
        while found is not None:
            current = state is not None and state.target == found.id
            yield LogEntry(found, ref, None, current)
            found = self._reader.snapshot(found.parent) if found.parent else None

    def _states(self) -> dict[RefName, RefState]:
        states = self._backend.refs(f"live/{self.project}/")
        return {ref: s for ref, s in states.items() if split_ref(ref)[1] == self.project}

    def reflog(self, key: str) -> list[ReflogEntry]:
        """Every move of a key's ref, newest first; raises NotFound for an unknown key."""
        return read_reflog(self._backend, self._ref(key))

    def ops(self, *, limit: int | None = None, since: int = 0) -> Iterator[Operation]:
        """Operations of the whole store with a number above ``since``, newest first."""
        return islice(self._backend.operations(since=since), limit)

    def operation(self, number: int) -> Operation:
        """One operation; raises NotFound if there is none of that number."""
        found = self._backend.operation(number)
        if found is None:
            raise NotFound(
                f"there is no operation {number}; the newest is {self._backend.last_number()}"
            )
        return found

    def refs(self, prefix: str = "") -> dict[RefName, SnapshotId]:
        """The refs that point at something, by whole name, e.g. under ``live/``.

        Raises:
            InvalidName: no ref can begin like that.
        """
        if prefix:
            check_label("prefix", prefix)
        states = self._backend.refs(prefix).items()
        return {ref: state.target for ref, state in states if state.target}

    def keys(self) -> list[Key]:
        """The keys of this project that have a current version."""
        return [split_ref(ref)[2] for ref, state in self._states().items() if state.target]

    def projects(self) -> list[Project]:
        """The projects that have any current version."""
        return sorted({split_ref(ref)[1] for ref in self.refs("live/")})

    def diff(self, old: str, new: str | None = None, *, context: int = 3) -> Diff:
        """What changed between two revisions; with one, between its parent and itself.

        Args:
            old, new: revisions.
            context: unchanged lines shown around changed ones.

        Raises:
            InvalidInput, NotFound, Damaged: as ``show``.
        """
        from aicas.history.diff import diff_snapshots

        if new is None:
            after = self.show(old)
            before = self._reader.snapshot(after.parent) if after.parent else None
            return diff_snapshots(before, after, self, context=context)
        return diff_snapshots(self.show(old), self.show(new), self, context=context)

    def diff_views(self, old: str, new: str) -> tuple[KeyChange, ...]:
        """Which keys differ between two views, each ``PROJECT`` or ``PROJECT@{op:N}``.

        Raises:
            InvalidInput, NotFound: as ``resolve_view``.
        """
        from aicas.history.diff import diff_views

        return diff_views(self.resolve_view(old).refs, self.resolve_view(new).refs)
