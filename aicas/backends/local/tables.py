"""The tables of the index, in SQLite: refs, reflogs, edges and operations, and how far they go.

Rows of refs and reflogs carry a digest that covers the ref's name, because SQLite rows have none;
so does the row that says how far the index has come and which runs belong to it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aicas.backends.base import RefMove, RefState
from aicas.backends.local.overlay import START, Overlay, Place, Position
from aicas.backends.local.rows import (
    IndexDamagedError,
    checked_move,
    checked_state,
    move_digest,
    reached_digest,
    state_digest,
    whole_numbers,
)
from aicas.names import RefName

# What SQLite raises over a damaged file; some of it because its own message is not text.
_UNREADABLE = (sqlite3.Error, OverflowError, ValueError)
VERSION = 2
_SCHEMA = """
CREATE TABLE state (file INTEGER, offset INTEGER, last_number INTEGER, store BLOB, runs BLOB,
                    digest BLOB);
CREATE TABLE files (file INTEGER PRIMARY KEY);
CREATE TABLE operations (number INTEGER PRIMARY KEY, file INTEGER, offset INTEGER,
                         length INTEGER, at INTEGER);
CREATE TABLE refs (name TEXT PRIMARY KEY, target BLOB, last BLOB, number INTEGER,
                   digest BLOB) WITHOUT ROWID;
CREATE TABLE moves (name TEXT, number INTEGER, old BLOB, new BLOB, digest BLOB,
                    PRIMARY KEY (name, number)) WITHOUT ROWID;
CREATE TABLE edges (input TEXT, consumer TEXT, PRIMARY KEY (input, consumer)) WITHOUT ROWID;
CREATE INDEX edges_by_consumer ON edges (consumer);
"""


_NAME_BYTES = 16


class Reached(NamedTuple):
    """How far an index has come."""

    position: Position
    last_number: int
    runs: tuple[bytes, ...]
    """The names of the live runs, the newest first."""


class Tables:
    """One process's connection to the tables. Safe for many threads."""

    def __init__(self, path: Path, store: bytes) -> None:
        """Open or create the tables of the store whose random identity is ``store``.

        Raises:
            IndexDamagedError: they are of another store or version, or SQLite cannot read them.
        """
        self._path = path
        self._store = store
        self._lock = threading.RLock()
        with self._translated():
            self._db = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare()
            self._file = _identity(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA busy_timeout = 60000")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";")[:-1]:
                    db.execute(statement)
                db.execute("INSERT INTO state (store) VALUES (?)", (self._store,))
                self._set_reached(Reached(START, 0, ()))
                db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
        elif version != VERSION:
            raise IndexDamagedError(f"view has version {version}")
        db.execute("PRAGMA synchronous = NORMAL")
        row = db.execute("SELECT store FROM state").fetchone()
        if row is None or row[0] != self._store:
            raise IndexDamagedError("view of another store")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except _UNREADABLE as error:
                raise IndexDamagedError(str(error)) from error

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except _UNREADABLE as error:
                raise IndexDamagedError(str(error)) from error

    def is_current(self) -> bool:
        """Whether the path still leads to this index: another process may have made it anew."""
        return _identity(self._path) == self._file

    def reached(self) -> Reached:
        """How far the index has come, whichever process brought it there."""
        rows = self._rows("SELECT file, offset, last_number, runs, digest FROM state")
        if len(rows) != 1:
            raise IndexDamagedError("the view does not say how far it has come")
        *numbers, runs, stated = rows[0]
        told = whole_numbers(tuple(numbers))
        if not isinstance(runs, bytes) or reached_digest(self._store, told, runs) != stated:
            raise IndexDamagedError("the view's position does not match its digest")
        names = (runs[at : at + _NAME_BYTES] for at in range(0, len(runs), _NAME_BYTES))
        return Reached(Position(*told[:2]), told[2], tuple(names))

    def operation_place(self, number: int) -> Place | None:
        """Where an operation's record lies."""
        rows = self._rows(
            "SELECT file, offset, length, at FROM operations WHERE number = ?", (number,)
        )
        return Place(*whole_numbers(rows[0])) if rows else None

    def ref(self, name: RefName) -> RefState | None:
        """Where a ref stands."""
        rows = self._rows("SELECT target, last, number, digest FROM refs WHERE name = ?", (name,))
        return checked_state(name, *rows[0]) if rows else None

    def refs(self, prefix: str) -> tuple[Position, dict[RefName, RefState]]:
        """All refs under a prefix, and the position at which they stood so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"
        with self._translated():
            self._db.execute("BEGIN")
            try:
                position = self.reached().position
                rows = self._rows(
                    "SELECT name, target, last, number, digest FROM refs"
                    " WHERE name >= ? AND name < ?",
                    (prefix, end),
                )
            finally:
                self._db.execute("COMMIT")
        return position, {RefName(row[0]): checked_state(*row) for row in rows}

    def moves(self, name: RefName) -> list[RefMove]:
        """A ref's moves, oldest first."""
        rows = self._rows(
            "SELECT number, old, new, digest FROM moves WHERE name = ? ORDER BY number", (name,)
        )
        return [checked_move(name, *row) for row in rows]

    def consumers(self, name: RefName) -> set[RefName]:
        """The refs whose snapshot was made from ``name``."""
        rows = self._rows("SELECT consumer FROM edges WHERE input = ?", (name,))
        return {RefName(row[0]) for row in rows}

    def files(self) -> set[int]:
        """The segment files that objects or operations are placed in."""
        return {row[0] for row in self._rows("SELECT file FROM files")}

    def apply(self, overlay: Overlay, reached: Reached) -> None:
        """Take in the operations and refs of an overlay; the tables then reach ``reached``."""
        with self._transaction():
            self._write(overlay)
            self._set_reached(reached)

    def move_operations(
        self, old: int, new: int, operations: Mapping[int, Place], reached: Reached
    ) -> None:
        """Operations that lay in the segment ``old`` lie in ``new`` now."""
        with self._transaction():
            self._db.executemany(
                "UPDATE operations SET file = ?, offset = ? WHERE number = ? AND file = ?",
                ((new, place.offset, number, old) for number, place in operations.items()),
            )
            self._db.execute("UPDATE OR IGNORE files SET file = ? WHERE file = ?", (new, old))
            self._set_reached(reached)

    def reach(self, reached: Reached) -> None:
        """Say how far the index has come, or of which runs it is made now."""
        with self._transaction():
            self._set_reached(reached)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if not self.is_current():  # or leftovers would be swept that are another's live runs
            raise IndexDamagedError("the index was made anew")
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # some errors end it by themselves
                    self._db.execute("ROLLBACK")
                raise

    def _write(self, overlay: Overlay) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?)",
            ((number, *place) for number, place in overlay.operations.items()),
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO files VALUES (?)", ((file,) for file in overlay.files())
        )
        refs = overlay.refs
        self._db.executemany(
            "INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, ?)",
            (
                (name, s.target, s.last, s.number, state_digest(name, s))
                for name, s in refs.states.items()
            ),
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO moves VALUES (?, ?, ?, ?, ?)",
            (
                (name, m.number, m.old, m.new, move_digest(name, m))
                for name, moves in refs.moves.items()
                for m in moves
            ),
        )
        self._db.executemany("DELETE FROM edges WHERE consumer = ?", ((n,) for n in refs.inputs))
        self._db.executemany(
            "INSERT OR IGNORE INTO edges VALUES (?, ?)",
            ((name, consumer) for consumer, inputs in refs.inputs.items() for name in inputs),
        )

    def _set_reached(self, reached: Reached) -> None:
        numbers, runs = (*reached.position, reached.last_number), b"".join(reached.runs)
        self._db.execute(
            "UPDATE state SET file = ?, offset = ?, last_number = ?, runs = ?, digest = ?",
            (*numbers, runs, reached_digest(self._store, numbers, runs)),
        )

    def close(self) -> None:
        """Close the connection; closing twice is allowed."""
        with self._lock:
            self._db.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another that has its path now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
