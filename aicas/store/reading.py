"""What a store can be asked for: revisions, snapshots, payloads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aicas.clock import format_time
from aicas.errors import InvalidInput, NotFound
from aicas.ids import BlobId, Kind, SnapshotId, TreeId
from aicas.names import check_tree_path
from aicas.store.base import StoreBase

if TYPE_CHECKING:
    from aicas.backends.operation import Operation
    from aicas.history.revisions import ProjectView
    from aicas.objects.files import Files
    from aicas.objects.payload import Payload
    from aicas.objects.snapshot import Snapshot
    from aicas.objects.tree import Tree

_RESOLVED_LIMIT = 10_000


class StoreReader(StoreBase):
    """The part of a ``Store`` that reads what is there. Nothing here changes anything."""

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
        known = self._reader.payloads.get(snapshot.id)
        if known is not None:
            return known
        from aicas.objects.payload import decode_payload

        with self._naming_evictions(snapshot):
            found = decode_payload(snapshot.payload, self._reader.blob, self._reader.tree)
        if isinstance(found, (str, bytes)) and snapshot.id:
            self._reader.payloads.put(snapshot.id, found, sys.getsizeof(found))
        return found

    def eviction_of(self, snapshot: Snapshot) -> Operation | None:
        """What dropped the payload of a snapshot; ``None`` if it is held, or was lost."""
        from aicas.history.evicted import find_eviction

        return find_eviction(self._backend, snapshot.payload.id)

    def check_not_evicted(self, *snapshots: Snapshot | None) -> None:
        """Refuse snapshots whose payloads were evicted.

        Raises:
            NotFound: one was; the error says when.
        """
        for snapshot in snapshots:
            done = self.eviction_of(snapshot) if snapshot else None
            if snapshot and done:
                raise NotFound(
                    f"what {snapshot.key} held in {snapshot.id.short} was evicted by operation"
                    f" {done.number} at {format_time(done.at)}",
                    hint="what is made again is held again",
                )

    @contextmanager
    def _naming_evictions(self, *snapshots: Snapshot | None) -> Iterator[None]:
        """Where what these hold is not found because it was evicted, the error says so."""
        try:
            yield
        except NotFound:
            self.check_not_evicted(*snapshots)
            raise

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

        snapshot = self.show(revision)
        payload = snapshot.payload
        entry = Entry(
            EntryKind.TREE.value if payload.kind is Kind.TREE else EntryKind.FILE.value,
            payload.id,
            payload.size_bytes,
        )
        if path is not None and payload.kind is not Kind.TREE:
            raise InvalidInput(f"{revision} holds no files")
        with self._naming_evictions(snapshot):
            if path is not None:
                entry = find(TreeId(payload.id), check_tree_path(path), self._reader.tree)
            return restore(
                entry,
                destination,
                read_tree=self._reader.tree,
                stream_blob=self._reader.pieces,
                overwrite=overwrite,
            )
