"""The index was deleted: how long until the store answers as it did before?"""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Iterator

import aicas
from benchmarks.bench import FIRST_KEY, PROJECTS, Bench
from benchmarks.measure import Bar, Row, apart, duration

STAGES = 100_000
SAMPLE = 1_000
BAR = Bar(10)


def first_answer(folder: str, name: str) -> float:
    """Seconds until a new process has opened the store and read one key; what it read stays."""
    began = time.perf_counter()
    with aicas.open(folder, project=PROJECTS[0]) as store:
        dict(store.files(name))
    return time.perf_counter() - began


def answers(folder: str) -> list[object]:
    """A digest of what a store answers: objects, refs, the log, and a sample of payloads."""
    with aicas.open(folder, project=PROJECTS[0]) as store:
        backend = store._backend
        objects = sorted(backend.scan())
        refs = backend.refs("live/")
        chosen = random.Random(1).sample(sorted(refs), min(SAMPLE, len(refs)))
        payloads = [dict(store.files(name.removeprefix("live/"))) for name in chosen]
        operation = backend.operation(backend.last_number())
        told = repr((objects, refs, [backend.reflog(name) for name in chosen], operation, payloads))
    return [len(objects), hashlib.sha256(told.encode()).hexdigest()]


def run(bench: Bench) -> Iterator[Row]:
    folder = bench.place("rebuilding") / "store"
    shutil.copytree(bench.store_of(bench.size(STAGES, least=20)), folder)
    before = apart(answers, str(folder))
    shutil.rmtree(folder / "index")
    seconds = apart(first_answer, str(folder), FIRST_KEY)
    after = apart(answers, str(folder))
    assert after == before, "the index was built anew, and the answers are others"
    yield Row(
        f"first answer after the index of {before[0]:,} objects was deleted; same answers after",
        duration(seconds),
        "",
        seconds,
        BAR,
        " s",
    )
