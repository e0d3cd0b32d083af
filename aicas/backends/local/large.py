"""Objects over the inline limit: one file each, written aside, then renamed into place."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

from aicas.backends.base import Staged
from aicas.backends.local import files
from aicas.errors import InvalidInput, StorageFailed, Vanished
from aicas.ids import BlobId, Kind, ObjectId, id_of_kind

# A write that is still under way cannot be this old; one that a crash left behind will be.
ABANDONED_AFTER_SECONDS = 24 * 3600


class LargeFiles:
    """``large/ab/<id>`` holds the frame of blob ``<id>``; ``incoming/`` what is being written."""

    def __init__(self, store: Path) -> None:
        self._folder = store / "large"
        self._incoming = store / "incoming"

    def stage(self) -> LocalStaging:
        """Begin a new file."""
        self.sweep_abandoned()
        return LocalStaging(self._incoming)

    def _path(self, object_id: ObjectId) -> Path:
        name = object_id.hex()
        return self._folder / name[:2] / name

    def open(self, object_id: ObjectId) -> LargeReader:
        """An object's frame, to read piece by piece.

        Raises:
            FileNotFoundError: it is not there.
            StorageFailed: it cannot be opened.
        """
        path = self._path(object_id)
        try:
            return LargeReader(path.open("rb", buffering=0))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageFailed(f"cannot read {path}: {error.strerror}") from error

    def read(self, object_id: ObjectId) -> bytes:
        """An object's whole frame; raises as ``open``."""
        reader = self.open(object_id)
        try:
            return reader.read()
        finally:
            reader.close()

    def adopt(self, staged: Staged) -> None:
        """Give a staged file its place, durably. Needs the writer lock.

        Raises:
            Vanished: it was abandoned so long ago that it was swept.
            StorageFailed: the disk refused.
        """
        target = self._path(staged.id)
        try:
            files.create_folder(target.parent)
            (self._incoming / staged.token).rename(target)
            files.flush_folder(target.parent)
            files.flush_folder(self._folder)
        except FileNotFoundError as error:
            raise Vanished([staged.id]) from error
        except OSError as error:
            raise StorageFailed(f"cannot place a large object: {error.strerror}") from error

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that is not needed after all."""
        with suppress(OSError):  # the commit stands; the file will be swept
            (self._incoming / staged.token).unlink(missing_ok=True)

    def ids(self) -> set[ObjectId]:
        """The blobs that have a file here, named by the log or not.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            names = [path.name for path in self._folder.glob("??/*")]
        except OSError as error:
            raise StorageFailed(f"cannot list {self._folder}: {error.strerror}") from error
        ids: set[ObjectId] = set()
        for name in names:
            with suppress(ValueError, InvalidInput):  # no file of ours
                ids.add(id_of_kind(Kind.BLOB, bytes.fromhex(name)))
        return ids

    def remove(self, object_id: ObjectId) -> int:
        """Delete an object's file; returns the bytes freed. Needs the writer lock.

        Raises:
            StorageFailed: the disk refused.
        """
        path = self._path(object_id)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StorageFailed(f"cannot delete {path}: {error.strerror}") from error
        return size

    def sweep_abandoned(self) -> None:
        """Delete what crashed writers left in ``incoming/``."""
        # The file system stamps these files, so its clock and not the store's judges their age.
        oldest = time.time() - ABANDONED_AFTER_SECONDS
        with suppress(OSError):  # a file that another process removes, or that will stay a while
            for path in self._incoming.iterdir():
                if path.stat().st_mtime < oldest:
                    path.unlink()


class LargeReader:
    """A large object's frame, read front to back; see ``FrameReader``."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """See ``FrameReader.read``; all of the rest without a size.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            return self._file.read(size) or b""
        except OSError as error:
            raise StorageFailed(f"cannot read a large object: {error.strerror}") from error

    def close(self) -> None:
        """See ``FrameReader.close``."""
        self._file.close()


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

    def __exit__(self, *details: object) -> None:
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
