"""How many bytes does a store take before ``maintain``, against those of its contents alone?

Its contents: every object (files, trees, snapshots) compressed by itself with zstd at level 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import zstandard

import aicas
from aicas.objects.reader import ObjectReader
from benchmarks.bench import Bench
from benchmarks.measure import Bar, Row, disk_bytes

STAGES = 10_000
BAR = Bar(1.15)


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.store_of(bench.size(STAGES))
    with aicas.open(folder) as store:
        ids = [found.id for found in store._backend.scan()]
        reading = ObjectReader(store._backend)
        compressor = zstandard.ZstdCompressor(level=3)
        alone = sum(len(compressor.compress(reading.raw(object_id))) for object_id in ids)
    taken = disk_bytes(folder)
    beside = disk_bytes(folder / "index")
    yield Row(
        f"bytes on disk before maintain, {len(ids):,} objects, index included",
        aicas.format_size(taken),
        f"zstd-3 of each object: {aicas.format_size(alone)}",
        taken / alone,
        BAR,
    )
    yield Row(
        "… without the index, which can be deleted",
        aicas.format_size(taken - beside),
        f"zstd-3 of each object: {aicas.format_size(alone)}",
        (taken - beside) / alone,
    )
