"""How small and how fast does ``maintain`` pack the history of a source tree, against git?

Every commit of a repository's current branch is put as a version of one stage, parents first, so
both hold the same files and folders. git packs a clone of that branch with ``gc --aggressive``.
File modes, and links to other repositories, are left out of ours.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import aicas
from aicas.backends.local.packreader import Pack
from aicas.ids import BlobId, Kind, blob_id
from benchmarks.bench import AT_ONCE, Bench
from benchmarks.githistory import Contents, commits, git
from benchmarks.measure import Bar, Row, disk_bytes, duration, timed
from benchmarks.verified_hit import forgetful

GIT = "git gc --aggressive"
READS = 2_000
PAYLOAD, WITH_INDEX = Bar(0.8), Bar(0.95)
FASTER, READING = Bar(20, at_least=True), Bar(1.2)


class Packed(NamedTuple):
    """What packs take, in bytes."""

    files_and_trees: int
    contents: int
    """Of everything: snapshots, or commits, too."""
    tables: int
    share: float
    """Of all objects, those that are files and trees."""

    @property
    def with_their_index(self) -> int:
        """Files and trees with the part of the index that is theirs."""
        return self.files_and_trees + int(self.tables * self.share)

    @property
    def all(self) -> int:
        """Everything."""
        return self.contents + self.tables


def load(repository: Path, store: aicas.Store) -> dict[str, BlobId]:
    """Put the history; the ids of every version of a file, by git's."""
    ids: dict[str, BlobId] = {}
    state: dict[str, bytes] = {}
    history = commits(repository)
    with Contents(repository) as contents:
        while some := list(islice(history, AT_ONCE)):
            with store.batch() as batch:
                for changes in some:
                    for change in changes:
                        if change.blob is None:
                            state.pop(change.path, None)
                        else:
                            content = contents.read(change.blob)
                            ids[change.blob] = blob_id(content)
                            state[change.path] = content
                    batch.put("source", state)
    return ids


def pack_with_git(repository: Path, clone: Path) -> float:
    """Seconds of ``git gc --aggressive`` on a clone of the current branch."""
    quiet = ["--quiet", "--bare", "--single-branch", "--no-tags"]
    git(repository, "clone", *quiet, f"file://{repository}", str(clone))
    return timed(lambda: git(clone, "gc", "--aggressive", "--prune=now", "--quiet"))


def packed_by_git(clone: Path) -> Packed:
    (pack,) = (clone / "objects" / "pack").glob("*.pack")
    sizes: list[int] = []
    total = 0
    for line in git(clone, "verify-pack", "-v", str(pack)).splitlines():
        words = line.split()
        if len(words) >= 5 and words[1] in ("blob", "tree", "commit"):
            total += 1
            if words[1] != "commit":
                sizes.append(int(words[3]))
    index = pack.with_suffix(".idx").stat().st_size
    return Packed(sum(sizes), pack.stat().st_size, index, len(sizes) / total)


def packed_by_us(store: aicas.Store) -> Packed:
    assert store.location
    found = list(store._backend.scan())
    sizes = [one.stored_bytes for one in found if one.id.kind in (Kind.BLOB, Kind.TREE)]
    packs = [Pack(path) for path in (store.location / "packs").glob("*.pack")]
    contents = sum(pack.block(n).stored for pack in packs for n in range(pack.blocks))
    tables = sum(pack.size for pack in packs) - contents
    return Packed(sum(sizes), contents, tables, len(sizes) / len(found))


def reads(store: aicas.Store, clone: Path, ids: Mapping[str, BlobId], count: int) -> Row:
    """Random file versions, one at a time, hash verified by ours; medians of single reads."""
    chosen = random.Random(3).sample(sorted(ids), min(count, len(ids)))
    reading = forgetful(store)
    ours: list[float] = []
    theirs: list[float] = []
    with Contents(clone) as contents:
        for name in chosen:
            began = time.perf_counter()
            mine = reading.blob(ids[name])
            between = time.perf_counter()
            rival = contents.read(name)
            theirs.append(time.perf_counter() - between)
            ours.append(between - began)
            assert mine == rival
    median, rivals = statistics.median(ours), statistics.median(theirs)
    slow = statistics.quantiles(ours, n=100)[98]
    return Row(
        "… a random file version read, median",
        f"{duration(median)} (99th percentile {duration(slow)})",
        f"git cat-file --batch: {duration(rivals)}",
        median / rivals,
        READING,
    )


def run(bench: Bench) -> Iterator[Row]:
    if not bench.repositories:
        print("source_history: not measured, no --repository was given")
    for number, repository in enumerate(bench.repositories):
        folder = bench.place(f"source_history{number}")
        clone = folder / "clone.git"
        git_seconds = pack_with_git(repository, clone)
        with aicas.open(folder / "store") as store:
            began = time.perf_counter()
            ids = load(repository, store)
            seconds = time.perf_counter() - began
            head = git(clone, "rev-parse", "HEAD").strip()
            print(f"{repository} at {head}: {len(ids):,} file versions, put in {duration(seconds)}")
            yield from sizes(store, clone, git_seconds)
            yield reads(store, clone, ids, bench.size(READS, least=20))


def sizes(store: aicas.Store, clone: Path, git_seconds: float) -> Iterator[Row]:
    assert store.location
    before = disk_bytes(store.location)
    seconds = timed(store.maintain)
    after = disk_bytes(store.location)
    ours, theirs = packed_by_us(store), packed_by_git(clone)
    size = aicas.format_size
    pairs = (
        (
            "a source history after maintain: files and trees",
            ours.files_and_trees,
            theirs.files_and_trees,
            PAYLOAD,
        ),
        ("… with both indexes", ours.with_their_index, theirs.with_their_index, WITH_INDEX),
        ("… everything in packs: snapshots, and commits, too", ours.all, theirs.all, None),
    )
    for question, mine, rival, bar in pairs:
        yield Row(question, size(mine), f"{GIT}: {size(rival)}", mine / rival, bar)
    yield Row(
        "… bytes on disk in all", size(after), f"before maintain: {size(before)}", after / before
    )
    yield Row(
        "… packed",
        duration(seconds),
        f"{GIT}: {duration(git_seconds)}",
        git_seconds / seconds,
        FASTER,
    )
