"""How long does it take to collect a store that is half garbage, its space returned?

A million objects; and a tenth as many, which must take a tenth of the time. Two projects took
turns in filling the store, and one of them is dropped. The SQLite reference of the same records
finds what is reachable by following links it was given beforehand, deletes the rest and vacuums.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import aicas
from aicas.ids import ObjectId, SnapshotId, TreeId
from benchmarks.bench import PROJECTS, Bench, fill
from benchmarks.measure import Bar, Row, apart, disk_bytes, duration, peak_mib

STAGES = 142_858
OBJECTS_EACH = 7
FASTER, MEMORY = Bar(3, at_least=True), Bar(300)
LINEAR = Bar(1.2)
_AT_ONCE = 10_000


def collect(folder: str) -> dict[str, float]:
    """Seconds, peak memory and counts of one collection; run in a process of its own."""
    with aicas.open(folder) as store:
        before = disk_bytes(Path(folder))
        began = time.perf_counter()
        plan = store.plan_gc(grace_hours=0, retention_hours=0)
        planned = time.perf_counter()
        done = store.gc(plan)
        ended = time.perf_counter()
    return {
        "seconds": ended - began,
        "planning": planned - began,
        "peak_mib": peak_mib(),
        "objects": done.objects,
        "freed": before - disk_bytes(Path(folder)),
    }


def half_garbage(folder: Path, stages: int) -> None:
    """A store of so many stages in which every second batch has become unreachable."""
    fill(folder, stages)
    with aicas.open(folder, project=PROJECTS[1]) as store:
        store.clear()


_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE objects(number INTEGER PRIMARY KEY, id BLOB, frame BLOB);
CREATE UNIQUE INDEX by_id ON objects(id);
CREATE TABLE links(source INTEGER, target INTEGER, PRIMARY KEY(source, target)) WITHOUT ROWID;
CREATE TABLE refs(name TEXT PRIMARY KEY, target INTEGER) WITHOUT ROWID;
"""
_REACHABLE = """
CREATE TEMP TABLE reachable AS
WITH RECURSIVE found(number) AS (
    SELECT target FROM refs
    UNION SELECT links.target FROM found JOIN links ON links.source = found.number)
SELECT number FROM found;
CREATE UNIQUE INDEX temp.by_number ON reachable(number);
"""
_DROP = """
BEGIN;
DELETE FROM objects WHERE number NOT IN (SELECT number FROM reachable);
DELETE FROM links WHERE source NOT IN (SELECT number FROM reachable);
COMMIT;
VACUUM;
PRAGMA wal_checkpoint(TRUNCATE);
"""


def copy_to_reference(folder: Path, database: Path) -> None:
    """The objects of a store, as it holds them, with links and with the refs that are left."""
    db = sqlite3.connect(database)
    db.executescript(_SCHEMA)
    with aicas.open(folder, project=PROJECTS[0]) as store:
        ids = [found.id for found in store._backend.scan()]
        numbers = {object_id: number for number, object_id in enumerate(ids)}
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            frames = store._backend.read(some)
            objects = ((numbers[i], bytes(i), frame) for i, frame in frames.items())
            db.executemany("INSERT INTO objects VALUES (?, ?, ?)", objects)
            linked = ((numbers[i], numbers[j]) for i in some for j in links(store, i))
            db.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", linked)
        states = store._backend.refs("live/").items()
        refs = ((name, numbers[state.target]) for name, state in states if state.target)
        db.executemany("INSERT INTO refs VALUES (?, ?)", refs)
    db.commit()
    db.close()


def links(store: aicas.Store, object_id: ObjectId) -> Iterator[ObjectId]:
    """What an object of these stores refers to."""
    if isinstance(object_id, SnapshotId):
        yield store.snapshot(object_id).payload.id
    elif isinstance(object_id, TreeId):
        yield from (entry.id for entry in store.tree(object_id).values())


def collect_reference(database: str) -> dict[str, float]:
    """As ``collect``, of the reference."""
    db = sqlite3.connect(database, isolation_level=None)
    began = time.perf_counter()
    db.executescript(_REACHABLE)
    db.executescript(_DROP)
    seconds = time.perf_counter() - began
    (left,) = db.execute("SELECT count(*) FROM objects").fetchone()
    db.close()
    return {"seconds": seconds, "left": left, "peak_mib": peak_mib()}


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("collecting")
    stages = bench.size(STAGES, least=100)
    seconds_each = []
    for share in (10, 1):
        count = stages // share
        store, database = folder / f"store of {count}", folder / f"{count}.sqlite"
        half_garbage(store, count)
        copy_to_reference(store, database)
        theirs = apart(collect_reference, str(database))
        ours = apart(collect, str(store))
        assert ours["objects"] > 0
        seconds_each.append(ours["seconds"] / count)
    yield Row(
        f"collecting half of {count * OBJECTS_EACH:,} objects, space returned",
        f"{duration(ours['seconds'])}, of it planning {duration(ours['planning'])}",
        f"SQLite with VACUUM: {duration(theirs['seconds'])}",
        theirs["seconds"] / ours["seconds"],
        FASTER,
    )
    fewer, more = (seconds * 1e6 / OBJECTS_EACH for seconds in seconds_each)
    yield Row(
        "… for each object",
        f"{more:.1f} us",
        f"of a tenth as many: {fewer:.1f} us",
        more / fewer,
        LINEAR,
    )
    peak = ours["peak_mib"]
    yield Row("… memory at its peak", f"{peak} MiB", "", peak, MEMORY, " MiB")
