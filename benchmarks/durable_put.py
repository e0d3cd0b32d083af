"""How many flushes does a durable put of one stage make, and how long does it take?

Flushes are counted twice: by the engine, and by the kernel (strace, where it is installed).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import aicas
from aicas.backends.local.backend import LocalBackend
from benchmarks.measure import interleaved, report

PUTS = 200
FILE_BYTES = 4096


def stage(number: int) -> dict[str, bytes]:
    """Five files of 4 KB of text-like content, two of them new in each version."""
    text = os.urandom(FILE_BYTES // 2).hex().encode()
    return {f"src/f{i}.py": text if i < 2 else b"%04d" % i * (FILE_BYTES // 4) for i in range(5)}


def put_many(folder: str) -> None:
    """Make one store and put ``PUTS`` versions of a stage; run under strace."""
    with aicas.open(folder) as store:
        for number in range(PUTS):
            store.put("phase-1-generated_code", stage(number))


def counted_by_kernel(folder: Path) -> str:
    """The flushes strace saw per put, after those that made the store."""
    if not shutil.which("strace"):
        return "strace is not installed"
    trace = folder / "trace"
    code = "import sys; from benchmarks.durable_put import put_many; put_many(sys.argv[1])"
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,sync,msync,sync_file_range"]
    command += ["-o", str(trace), sys.executable, "-c", code, str(folder / "traced")]
    subprocess.run(command, check=True, capture_output=True)
    calls = re.findall(r"\b(fsync|fdatasync|sync|msync|sync_file_range)\(", trace.read_text())
    flushes = calls.count("fdatasync")
    # A put's flush is an fdatasync; making the store and folding the index account for the rest.
    return f"{flushes / PUTS:.2f} fdatasync and {(len(calls) - flushes) / PUTS:.2f} others each"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with aicas.open(folder / "store") as store:
            backend = store._backend
            assert isinstance(backend, LocalBackend)
            store.put("phase-1-generated_code", stage(0))
            before = backend.flushes
            for number in range(PUTS):
                store.put("phase-1-generated_code", stage(number))
            flushes = backend.flushes - before
            plain = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT)
            size = sum(len(content) for content in stage(0).values()) // 3

            def append_and_flush() -> None:
                os.write(plain, os.urandom(size))
                os.fdatasync(plain)

            taken = interleaved(
                {
                    "put": lambda: store.put("phase-1-generated_code", stage(0)),
                    "append + fdatasync": append_and_flush,
                },
                PUTS,
            )
        report("durable put of 5 x 4 KB", taken, "none in this issue")
        print(f"flushes in {PUTS} puts, by the engine's counter: {flushes} (bar: 1 each)")
        print(f"flushes by the kernel's count: {counted_by_kernel(folder)}")


if __name__ == "__main__":
    main()
