"""What the processes of these tests do. Run as ``python workers.py JOB FOLDER NUMBER SECONDS``.

Whatever is acknowledged is written to stdout in one unbuffered line, so that a test knows what
must be found in the store even of a process that was killed.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aicas
from aicas.backends.local.backend import LocalBackend
from aicas.errors import AicasError, Conflict, NotFound

SEGMENT_BYTES = 20_000
SHARED = [f"shared payload {n}" * 20 for n in range(6)]
Say = Callable[[str], None]


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def open_store(folder: str) -> aicas.Store:
    return aicas.Store(LocalBackend(Path(folder), segment_bytes=SEGMENT_BYTES), actor="worker")


def put(store: aicas.Store, rng: random.Random, name: str) -> None:
    """Put to a key everybody shares, or to one's own; payloads recur, so they are deduplicated."""
    key = rng.choice(["common", f"own-{name}"])
    known = store.keys()
    inputs = ["common"] if key != "common" and "common" in known else []
    payload = rng.choice(SHARED) if rng.random() < 0.7 else {"a": rng.randbytes(50)}
    try:
        made = store.put(key, payload, inputs=inputs, meta={"by": name, "n": rng.getrandbits(60)})
    except NotFound:
        return  # the input was invalidated between the look and the put
    except Conflict:
        return  # ... or collected: nothing was acknowledged
    say(f"{key} {made.id}")


def read(store: aicas.Store, rng: random.Random, name: str) -> None:
    known = store.keys()
    for key in known:
        try:
            found = store.get(key)
        except NotFound:
            continue  # invalidated or collected since it was listed
        assert found in SHARED or isinstance(found, aicas.Files), found
        if isinstance(found, aicas.Files):
            try:
                assert len(found["a"]) == 50
            except NotFound:
                continue
    store.lookup("common")


def invalidate(store: aicas.Store, rng: random.Random, name: str) -> None:
    with suppress(NotFound, Conflict):
        store.invalidate(rng.choice(["common", f"own-{name}"]), only=rng.random() < 0.5)


def undo(store: aicas.Store, rng: random.Random, name: str) -> None:
    with suppress(NotFound, Conflict):  # moved again, or collected, since
        store.undo()


def collect(store: aicas.Store, rng: random.Random, name: str) -> None:
    store.gc(store.plan_gc(grace_hours=0, retention_hours=0))


def pack(store: aicas.Store, rng: random.Random, name: str) -> None:
    for _ in store.pack():
        pass


def check(store: aicas.Store, rng: random.Random, name: str) -> None:
    report = store.verify()
    assert report.clean, report.damage


Step = Callable[[aicas.Store, random.Random, str], None]
JOBS: dict[str, list[tuple[Step, int]]] = {
    "mixed": [(put, 8), (read, 3), (invalidate, 1), (undo, 2), (collect, 1)],
    "keep": [(put, 8), (read, 2)],
    "collect": [(collect, 5), (check, 1)],
    "pack": [(pack, 4), (collect, 1), (check, 1)],
    "put": [(put, 1)],
}


def main(job: str, folder: str, name: str, seconds: str) -> None:
    rng = random.Random(name)
    steps = [step for step, weight in JOBS[job] for _ in range(weight)]
    end = time.monotonic() + float(seconds)
    with open_store(folder) as store:
        say("ready")
        while time.monotonic() < end:
            rng.choice(steps)(store, rng, name)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AicasError as error:
        sys.exit(f"{type(error).__name__}: {error}")
