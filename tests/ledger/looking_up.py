"""What the processes of the recorder's tests do: ``python looking_up.py JOB FOLDER NAME COUNT``.

Whatever is acknowledged is said in one unbuffered line.
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import pairwise
from pathlib import Path

import aicas
from aicas.backends.local.backend import LocalBackend


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def open_store(folder: str) -> aicas.Store:
    return aicas.Store(LocalBackend(Path(folder)), actor="worker")


def look_up(store: aicas.Store, name: str, first: int, last: int) -> None:
    for number in range(first, last):
        store.lookup("plan", session=f"{name}-{number}")


def many(folder: str, name: str, count: int) -> None:
    """Look up from several threads, and end without closing anything."""
    store = open_store(folder)
    shares = [count * n // 4 for n in range(5)]
    threads = [
        threading.Thread(target=look_up, args=(store, name, *pair)) for pair in pairwise(shares)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until_killed(folder: str, name: str, count: int) -> None:
    """Look up, wait to be told that it is recorded, then look up and put until killed."""
    store = open_store(folder)
    look_up(store, name, 0, count)
    say("looked up")
    sys.stdin.readline()
    number = count
    while True:
        made = store.put(f"own-{name}", str(number), cost=aicas.Cost(usd_nano=1))
        look_up(store, name, number, number + 1)
        say(str(made.id))
        number += 1


def fork(folder: str, name: str, count: int) -> None:
    """Fork while lookups wait; parent and child both go on."""
    store = open_store(folder)
    look_up(store, name, 0, count)
    child = os.fork()
    look_up(store, f"{name}-{'parent' if child else 'child'}", 0, count)
    store._recorder.flush()  # type: ignore[union-attr]
    if child == 0:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


if __name__ == "__main__":
    job, folder, name, count = sys.argv[1:]
    {"many": many, "until_killed": until_killed, "fork": fork}[job](folder, name, int(count))
