"""Leases: a file each, which its holder keeps locked, so that a process that dies lets go at once.

Every change of who holds what happens under one short lock of the whole store, so a look at a
lease and the step that follows from it are one. A holder that lives gives signs of life by
counting in its file; one that was given up for silent finds another file in its place.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from aicas import canonical
from aicas.backends.base import LEASE_SECONDS, Fault, LeaseState, Left, Taken
from aicas.backends.leases import Watch, Word, check_lease, check_outcome
from aicas.backends.local import files, unshared
from aicas.errors import AicasError, InvalidInput, StorageFailed
from aicas.ids import ObjectId, id_of_kind

FOLDER = "leases"
_SUFFIX = ".lease"
_VERSION = b"\x01"
_BEATS = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_BEATS_END = len(_VERSION) + _BEATS.size
_HEAD_BYTES = _BEATS_END + _CHECKSUM.size
_MAX_FILE_BYTES = 4 << 20
_MICROSECONDS = 1_000_000


class Record(NamedTuple):
    """What a lease's file says besides the signs of life."""

    epoch: int
    lifetime: float
    needs: tuple[ObjectId, ...] = ()
    word: Word | None = None
    """What an earlier holder left, or, once it is given back, this one."""


_UNREADABLE = Record(0, LEASE_SECONDS)


def encode_file(record: Record) -> bytes:
    """A lease's file before the first sign of life."""
    body = canonical.pack(
        {
            "epoch": record.epoch,
            "lifetime": round(record.lifetime * _MICROSECONDS),
            "needs": [[needed.kind, needed] for needed in record.needs],
            "left": record.word,
        }
    )
    return _VERSION + _BEATS.pack(0) + _CHECKSUM.pack(zlib.crc32(body)) + body


def decode_file(data: bytes) -> Record | None:
    """What a whole file says; ``None`` for one that was cut off or damaged."""
    body = data[_HEAD_BYTES:]
    if data[:1] != _VERSION or data[_BEATS_END:_HEAD_BYTES] != _CHECKSUM.pack(zlib.crc32(body)):
        return None
    try:
        fields = canonical.unpack(body)
        needs = tuple(id_of_kind(kind, raw) for kind, raw in fields["needs"])
        left = fields["left"]
        lifetime = fields["lifetime"] / _MICROSECONDS
        return Record(fields["epoch"], lifetime, needs, Word(*left) if left else None)
    except (AicasError, KeyError, TypeError, ValueError):
        return None


class _Look(NamedTuple):
    """What a look at a lease's file found."""

    held: bool
    record: Record | None
    sign: object
    """Differs with every sign of life and every holder."""


class LeaseFiles:
    """The leases of one store. Safe for many threads and processes.

    A forked child may go on using it; what its parent holds it does not hold.
    """

    def __init__(self, store: Path, watch: Watch | None = None) -> None:
        self._store = store
        self._folder = store / FOLDER
        self._watch = watch or Watch()  # touched only under the lock
        self._held: set[LocalLease] = set()

    def lease(
        self, name: str, needs: Collection[ObjectId], waited_on: int | None, lifetime: float
    ) -> LocalLease | Taken | Left:
        """See ``Backend.lease``."""
        path = self._folder / (check_lease(name, lifetime) + _SUFFIX)
        with self.turn():
            found = _look(path)
            record = (found and found.record) or _UNREADABLE
            if record.word and record.word.is_for(waited_on):
                return Left(record.word.outcome)
            if (
                found
                and found.held
                and not self._watch.sees_silent(name, found.sign, record.lifetime)
            ):
                return Taken(record.epoch)
            self._watch.forget(name)
            mine = Record(record.epoch + 1, lifetime, tuple(needs), record.word)
            lease = LocalLease(self, path, mine, _take(path, encode_file(mine)))
            self._held.add(lease)
            return lease

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The right to change who holds what, for one process and thread at a time.

        Raises:
            StorageFailed: the medium refused, here or within the context.
        """
        with files.FileLock(self._store / "leases.lock").held():
            try:
                yield
            except OSError as error:
                raise StorageFailed(f"a lease cannot be used: {error.strerror}") from error

    def given_back(self, lease: LocalLease) -> None:
        """It need not be released any more."""
        self._held.discard(lease)

    def leases(self) -> list[LeaseState]:
        """See ``Backend.leases``."""
        if not self._folder.exists():
            return []
        states = []
        with self.turn():
            for path in self._paths():
                found = _look(path)
                if found and found.held:
                    record = found.record or _UNREADABLE
                    states.append(LeaseState(path.stem, record.epoch, record.needs))
        return states

    def check(self) -> list[Fault]:
        """Remove what no living process holds; report what cannot be removed or read."""
        if not self._folder.exists():
            return []
        try:
            with self.turn():
                return [fault for path in self._paths() if (fault := _clear(path))]
        except StorageFailed as error:
            return [Fault(f"{FOLDER} cannot be cleared: {error}")]

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.suffix == _SUFFIX)

    def close(self) -> None:
        """Give back everything held."""
        for lease in list(self._held):
            lease.release()


class LocalLease:
    """A lease held by this process. See ``Lease``; any thread may use it."""

    def __init__(self, owner: LeaseFiles, path: Path, record: Record, fd: int) -> None:
        self._owner = owner
        self._path = path
        self._record = record
        self._fd: int | None = fd
        self._beats = 0
        self._process = os.getpid()
        # Not only for form's sake: a closed descriptor's number may be that of another file.
        self._lock = threading.Lock()

    @property
    def epoch(self) -> int:
        """See ``Lease.epoch``."""
        return self._record.epoch

    def renew(self) -> bool:
        """See ``Lease.renew``; a sign of life that the disk does not take is not given."""
        if os.getpid() != self._process:
            return False
        with self._lock:
            if self._fd is None or not _is_at(self._path, self._fd):
                return False
            self._beats += 1
            with suppress(OSError):
                os.pwrite(self._fd, _BEATS.pack(self._beats), len(_VERSION))
            return True

    def release(self, outcome: bytes | None = None) -> None:
        """See ``Lease.release``; where the disk takes no word, it is given back without."""
        check_outcome(outcome)
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._fd is None:
                return
            fd, self._fd = self._fd, None
            self._owner.given_back(self)
            try:
                with suppress(OSError, StorageFailed), self._owner.turn():
                    if _is_at(self._path, fd):
                        self._leave(fd, outcome)
            finally:
                unshared.close_unshared(fd)

    def _leave(self, fd: int, outcome: bytes | None) -> None:
        if outcome is None:
            self._path.unlink()
            return
        word = Word(self.epoch, outcome)
        data = encode_file(self._record._replace(needs=(), word=word))
        files.write_all(fd, data, 0)
        os.ftruncate(fd, len(data))


def _look(path: Path) -> _Look | None:
    """What a lease's file says, if there is one; needs the store's lock."""
    try:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = unshared.open_unshared(lambda: os.open(path, flags))
    except FileNotFoundError:
        return None
    try:
        held = not unshared.try_lock(fd)
        data = os.pread(fd, _MAX_FILE_BYTES, 0)
        return _Look(held, decode_file(data), (os.fstat(fd).st_ino, data[:_HEAD_BYTES]))
    finally:
        unshared.close_unshared(fd)


def _take(path: Path, data: bytes) -> int:
    """A new locked file in place of whatever is there; needs the store's lock.

    Raises:
        InvalidInput: what it needs does not fit.
    """
    if len(data) > _MAX_FILE_BYTES:
        raise InvalidInput("a lease cannot need so many objects")
    files.create_folder(path.parent)
    path.unlink(missing_ok=True)
    fd = unshared.open_unshared(lambda: files.create_file(path))
    try:
        unshared.try_lock(fd)
        files.write_all(fd, data, 0)
    except BaseException:
        unshared.close_unshared(fd)
        path.unlink(missing_ok=True)
        raise
    return fd


def _is_at(path: Path, fd: int) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _clear(path: Path) -> Fault | None:
    """Remove a lease's file unless a living process holds it; needs the store's lock."""
    try:
        found = _look(path)
        if found and not found.held:
            path.unlink()
    except OSError as error:
        return Fault(f"{FOLDER}/{path.name} cannot be removed: {error.strerror}")
    if found and found.held and found.record is None:
        return Fault(f"{FOLDER}/{path.name} is damaged while its holder lives")
    return None
