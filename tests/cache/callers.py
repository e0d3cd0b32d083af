"""A process with several callers of ``get_or_create``, for the tests of one producer.

Run as ``python callers.py KIND FOLDER COUNT POLICY``. KIND is ``threads`` or ``tasks``. Whoever
produces writes its process number to ``FOLDER/../calls`` and then does what it reads from the pipe
``FOLDER/../gate``: ``value`` or ``raise``. Each caller says in one line when it waits, and in
another what it got in the end. With POLICY ``race`` nobody stops at the gate, and every caller
asks for many outputs.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aicas
from aicas import AicasError, AsyncCache, Cache, Recipe, Store
from aicas.cache.producer import Attempt, Turn

LIFETIME = 10_000.0
"""No lease is taken over for silence while a test runs."""
KEYS = 30
RECIPE = Recipe(prompt="write it", model="m", agent_version="1.0")


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def tell_who_waits() -> None:
    """Say of each attempt when it first has to wait."""
    step, told = Attempt.step, set()

    def told_step(attempt: Attempt) -> object:
        found = step(attempt)
        if found is Turn.WAIT and attempt not in told:
            told.add(attempt)
            say("waits")
        return found

    Attempt.step = told_step  # type: ignore[assignment, method-assign]


def note_call(base: Path, what: object) -> None:
    with (base / "calls").open("ab", buffering=0) as calls:
        calls.write(f"{what}\n".encode())


def produce(base: Path) -> str:
    note_call(base, os.getpid())
    order = (base / "gate").read_text()
    if order == "raise":
        raise ValueError(f"as told, in {os.getpid()}")
    return f"made by {os.getpid()}"


def produce_at_once(base: Path, key: str) -> str:
    note_call(base, key)
    return f"{key} made"


def told(payload: object) -> None:
    say(f"got {payload}")


def failed(error: Exception) -> None:
    say(f"failed {type(error).__name__}: {error}")


def in_threads(store: Store, base: Path, count: int, policy: Any) -> None:
    cache = Cache(store, lease_seconds=LIFETIME)

    def call() -> None:
        try:
            if policy == "race":
                for n in range(KEYS):
                    make = partial(produce_at_once, base, f"key{n}")
                    told(cache.get_or_create(f"key{n}", make, recipe=RECIPE).payload)
            else:
                make = partial(produce, base)
                told(cache.get_or_create("key", make, recipe=RECIPE, on_failure=policy).payload)
        except (AicasError, ValueError) as error:
            failed(error)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def in_tasks(store: Store, base: Path, count: int, policy: Any) -> None:
    cache = AsyncCache(store, lease_seconds=LIFETIME)

    async def aside(function: Callable[..., str], *args: Any) -> str:
        return await asyncio.to_thread(function, *args)

    async def call() -> None:
        try:
            if policy == "race":
                for n in range(KEYS):
                    make = partial(aside, produce_at_once, base, f"key{n}")
                    told((await cache.get_or_create(f"key{n}", make, recipe=RECIPE)).payload)
            else:
                make = partial(aside, produce, base)
                found = await cache.get_or_create("key", make, recipe=RECIPE, on_failure=policy)
                told(found.payload)
        except (AicasError, ValueError) as error:
            failed(error)

    await asyncio.gather(*(call() for _ in range(count)))


def main(kind: str, folder: str, count: str, policy: str) -> None:
    tell_who_waits()
    base = Path(folder).parent
    with aicas.open(Path(folder)) as store:
        if kind == "threads":
            in_threads(store, base, int(count), policy)
        else:
            asyncio.run(in_tasks(store, base, int(count), policy))


if __name__ == "__main__":
    main(*sys.argv[1:])
