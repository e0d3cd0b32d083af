"""Objects over the inline limit: one file each, written aside, then renamed into place."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType

from aicas.backends.base import Staged
from aicas.backends.local import files
from aicas.errors import StorageFailed, Vanished
from aicas.ids import BlobId, ObjectId

# A write that is still under way cannot be this old; one that a crash left behind will be.
ABANDONED_AFTER_SECONDS = 24 * 3600


class LargeFiles:
    """``large/ab/<id>`` holds the frame of blob ``<id>``; ``incoming/`` what is being written."""

    def __init__(self, store: Path) -> None:
        self._folder = store / "large"
        self._incoming = store / "incoming"

    def stage(self) -> LocalStaging:
        """Begin a new file."""
        return LocalStaging(self._incoming)

    def path(self, object_id: ObjectId) -> Path:
        """Where an object's file is, or would be."""
        name = object_id.hex()
        return self._folder / name[:2] / name

    def adopt(self, staged: Staged) -> None:
        """Give a staged file its place, durably. Needs the writer lock.

        Raises:
            Vanished: it was abandoned so long ago that it was swept.
        """
        target = self.path(staged.id)
        files.create_folder(target.parent)
        try:
            (self._incoming / staged.token).rename(target)
        except FileNotFoundError as error:
            raise Vanished([staged.id]) from error
        files.flush_folder(target.parent)
        files.flush_folder(self._folder)

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that is not needed after all."""
        (self._incoming / staged.token).unlink(missing_ok=True)

    def remove(self, object_id: ObjectId) -> int:
        """Delete an object's file; returns the bytes freed. Needs the writer lock."""
        path = self.path(object_id)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def sweep_abandoned(self) -> None:
        """Delete what crashed writers left in ``incoming/``."""
        # The file system stamps these files, so its clock and not the store's judges their age.
        oldest = time.time() - ABANDONED_AFTER_SECONDS
        for path in self._incoming.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                continue


class LocalStaging:
    """A large object's frame on its way to disk."""

    def __init__(self, incoming: Path) -> None:
        self._path = incoming / os.urandom(16).hex()
        self._fd = -1
        self._size = 0
        self._finished = False

    def __enter__(self) -> LocalStaging:
        try:
            self._fd = files.create_file(self._path)
        except OSError as error:
            raise StorageFailed(f"cannot write a large object: {error.strerror}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)
        if not self._finished:
            self._path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> object:
        """See ``Staging.write``.

        Raises:
            StorageFailed: the disk is full or refuses.
        """
        try:
            files.write_all(self._fd, piece, self._size)
        except OSError as error:
            raise StorageFailed(f"cannot write a large object: {error.strerror}") from error
        self._size += len(piece)
        return len(piece)

    def finish(self, blob: BlobId) -> Staged:
        """See ``Staging.finish``."""
        try:
            files.flush_file(self._fd)
        except OSError as error:
            raise StorageFailed(f"cannot flush a large object: {error.strerror}") from error
        self._finished = True
        return Staged(blob, self._size, self._path.name)
