"""The SQLite view of the log: where each object lies, refs, reflogs, edges, operations.

It is disposable: delete the folder and it comes back from the log. It is never on the durability
path: it is filled in batches from the overlay, only up to what the log has made durable, and it
knows the position it has reached. Writers take our own lock, so SQLite sees one at a time. Rows
of refs and reflogs carry a digest that covers the ref's name, because SQLite rows have none.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aicas.backends.base import RefMove, RefState
from aicas.backends.local.overlay import IN_OWN_FILE, Overlay, Place, Position
from aicas.backends.local.rows import (
    IndexDamagedError,
    checked_move,
    checked_state,
    move_digest,
    object_id,
    state_digest,
    whole_numbers,
)
from aicas.ids import ObjectId
from aicas.names import RefName

# What SQLite raises over a damaged file; some of it because its own message is not text.
_UNREADABLE = (sqlite3.Error, OverflowError, ValueError)
# Well below SQLite's own limit on the values of one query.
_IDS_AT_ONCE = 500
VERSION = 1
_SCHEMA = """
CREATE TABLE state (file INTEGER, offset INTEGER, last_number INTEGER, store BLOB);
CREATE TABLE objects (id BLOB PRIMARY KEY, kind INTEGER, file INTEGER, offset INTEGER,
                      length INTEGER, at INTEGER) WITHOUT ROWID;
CREATE TABLE files (file INTEGER PRIMARY KEY);
CREATE INDEX objects_by_file ON objects (file);
CREATE TABLE operations (number INTEGER PRIMARY KEY, file INTEGER, offset INTEGER,
                         length INTEGER, at INTEGER);
CREATE INDEX operations_by_file ON operations (file);
CREATE TABLE refs (name TEXT PRIMARY KEY, target BLOB, last BLOB, number INTEGER,
                   digest BLOB) WITHOUT ROWID;
CREATE TABLE moves (name TEXT, number INTEGER, old BLOB, new BLOB, digest BLOB,
                    PRIMARY KEY (name, number)) WITHOUT ROWID;
CREATE TABLE edges (input TEXT, consumer TEXT, PRIMARY KEY (input, consumer)) WITHOUT ROWID;
CREATE INDEX edges_by_consumer ON edges (consumer);
"""


class Index:
    """One process's connection to the view. Safe for many threads."""

    def __init__(self, path: Path, store: bytes) -> None:
        """Open or create the view of the store whose random identity is ``store``.

        Raises:
            IndexDamagedError: it is of another store or version, or SQLite cannot read it.
        """
        self._lock = threading.RLock()
        with self._translated():
            self._db = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare(store)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, store: bytes) -> None:
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
                db.execute("INSERT INTO state VALUES (0, 0, 0, ?)", (store,))
                db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
        elif version != VERSION:
            raise IndexDamagedError(f"view has version {version}")
        db.execute("PRAGMA synchronous = NORMAL")
        row = db.execute("SELECT store FROM state").fetchone()
        if row is None or row[0] != store:
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

    def state(self) -> tuple[Position, int]:
        """The position reached, and the number of the last operation before it."""
        for row in self._rows("SELECT file, offset, last_number FROM state"):
            file, offset, last_number = whole_numbers(row)
            return Position(file, offset), last_number
        raise IndexDamagedError("the view does not say how far it has come")

    def place(self, object_id: ObjectId) -> Place | None:
        """Where an object lies, as of the position reached."""
        rows = self._rows(
            "SELECT file, offset, length, at FROM objects WHERE id = ? AND kind = ?",
            (object_id, int(object_id.kind)),
        )
        return Place(*whole_numbers(rows[0])) if rows else None

    def locate(self, ids: Sequence[ObjectId]) -> dict[ObjectId, Place]:
        """Where several objects lie, for those that are held: one question for many."""
        found: dict[ObjectId, Place] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._rows(
                f"SELECT id, kind, file, offset, length, at FROM objects WHERE id IN ({marks})",  # noqa: S608  (only question marks)
                tuple(some),
            )
            places = {row[0]: (row[1], Place(*whole_numbers(row[2:]))) for row in rows}
            for wanted in some:
                kind, place = places.get(wanted, (None, None))
                if place and kind == wanted.kind:
                    found[wanted] = place
        return found

    def operation_place(self, number: int) -> Place | None:
        """Where an operation's record lies."""
        rows = self._rows(
            "SELECT file, offset, length, at FROM operations WHERE number = ?", (number,)
        )
        return Place(*whole_numbers(rows[0])) if rows else None

    def find(self, hex_prefix: str, limit: int) -> list[ObjectId]:
        """Held ids that start with a hexadecimal prefix."""
        low = bytes.fromhex(hex_prefix.ljust(64, "0"))
        high = bytes.fromhex(hex_prefix.ljust(64, "f"))
        rows = self._rows(
            "SELECT kind, id FROM objects WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (low, high, limit),
        )
        return [object_id(kind, raw) for kind, raw in rows]

    def objects(self) -> list[tuple[ObjectId, Place]]:
        """Every object and its place."""
        rows = self._rows("SELECT kind, id, file, offset, length, at FROM objects")
        return [(object_id(*row[:2]), Place(*whole_numbers(row[2:]))) for row in rows]

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
                position, _ = self.state()
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

    def fold(self, overlay: Overlay) -> None:
        """Take in an overlay, unless the view is already past it. Needs the index lock."""
        with self._transaction():
            reached, _ = self.state()
            if reached < overlay.base:
                raise IndexDamagedError("view went back behind what was read from it")
            if reached < overlay.position:
                self._write(overlay)

    def move_file(
        self,
        old: int,
        new: int,
        moved: Mapping[ObjectId, Place],
        packed: Collection[ObjectId],
        operations: Mapping[int, Place],
    ) -> None:
        """A segment was rewritten: its records lie elsewhere now. Needs the index lock.

        What the index places in another file than ``old`` stays where it is.

        Args:
            old: its file id.
            new: the file id of what replaces it.
            moved: where the objects it kept are.
            packed: objects that are not in the log any more.
            operations: where the operations it kept are.
        """
        with self._transaction():
            self._db.executemany(
                "UPDATE objects SET file = ?, offset = ? WHERE id = ? AND file = ?",
                ((new, place.offset, i, old) for i, place in moved.items()),
            )
            self._db.executemany(
                "DELETE FROM objects WHERE id = ? AND file = ?", ((i, old) for i in packed)
            )
            self._db.executemany(
                "UPDATE operations SET file = ?, offset = ? WHERE number = ? AND file = ?",
                ((new, place.offset, number, old) for number, place in operations.items()),
            )
            self._db.execute("UPDATE OR IGNORE files SET file = ? WHERE file = ?", (new, old))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
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
        gone = [(i,) for i, place in overlay.places.items() if place is None]
        self._db.executemany("DELETE FROM objects WHERE id = ?", gone)
        self._put_objects((i, place) for i, place in overlay.places.items() if place)
        self._put_operations(overlay.operations.items())
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
        self._db.execute(
            "UPDATE state SET file = ?, offset = ?, last_number = ?",
            (*overlay.position, overlay.last_number),
        )

    def _put_objects(self, places: Iterable[tuple[ObjectId, Place]]) -> None:
        rows = [(i, int(i.kind), *place) for i, place in places]
        self._db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._put_files(row[2] for row in rows)

    def _put_operations(self, places: Iterable[tuple[int, Place]]) -> None:
        rows = [(number, *place) for number, place in places]
        self._db.executemany("INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?)", rows)
        self._put_files(row[1] for row in rows)

    def _put_files(self, files: Iterable[int]) -> None:
        named = [(file,) for file in set(files) if file != IN_OWN_FILE]
        self._db.executemany("INSERT OR IGNORE INTO files VALUES (?)", named)

    def close(self) -> None:
        """Close the connection; closing twice is allowed."""
        with self._lock:
            self._db.close()
