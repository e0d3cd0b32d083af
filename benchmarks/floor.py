"""What the machine itself can do: hashing, compressing, flushing. It bounds everything else."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator

import blake3
import zstandard

from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.measure import Row, duration, interleaved

PIECES = 2_000
ROUNDS = 7
FLUSHED_BYTES = 8 * 1024


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(PIECES, least=10)
    pieces = [content for n in range(count) for content in payloads.stage(n).values()]
    size = sum(map(len, pieces))
    whole = b"".join(pieces)
    compressor = zstandard.ZstdCompressor(level=3)
    decompressor = zstandard.ZstdDecompressor()
    frames = [compressor.compress(piece) for piece in pieces]
    path = bench.place("floor") / "file"
    with path.open("wb", buffering=0) as file:

        def flush() -> None:
            file.write(os.urandom(FLUSHED_BYTES))
            os.fdatasync(file.fileno())

        taken = interleaved(
            {
                "BLAKE3, pieces of 4 KB": lambda: [blake3.blake3(p).digest() for p in pieces],
                "BLAKE3, as one piece": lambda: blake3.blake3(whole).digest(),
                "zstd-3, pieces of 4 KB": lambda: [compressor.compress(p) for p in pieces],
                "… decompressed": lambda: [decompressor.decompress(frame) for frame in frames],
                "flush": flush,
            },
            bench.rounds(ROUNDS),
        )
    flushing = statistics.median(taken.pop("flush"))
    for name, times in taken.items():
        yield Row(f"the floor: {name}", f"{size / statistics.median(times) / 1e6:,.0f} MB/s")
    yield Row("the floor: append 8 KiB + fdatasync", duration(flushing))
