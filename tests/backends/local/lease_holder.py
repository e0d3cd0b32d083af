"""A process that holds things, one command a line: ``python lease_holder.py FOLDER``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from aicas.backends.base import Lease, Left, Taken
from aicas.backends.local.backend import LocalBackend
from aicas.backends.local.files import FileLock


def live_on() -> int:
    """Fork a child that outlives this process; returns its number once it runs."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(0)
        os.close(1)
        os.write(there, b".")
        signal.pause()
    os.read(here, 1)
    return child


def start_program() -> int:
    """Start a program that outlives this process; returns its number once it runs."""
    code = "import os, signal; os.write(1, b'.'); os.close(1); signal.pause()"
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert program.stdout
    program.stdout.read(1)
    return program.pid


def main(folder: str) -> None:
    backend = LocalBackend(Path(folder))
    held: dict[str, Lease] = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command == "take":
            lease = backend.lease(words[0], lifetime=float(words[1]))
            if not isinstance(lease, (Taken, Left)):
                held[words[0]] = lease
            answer: object = lease.epoch if not isinstance(lease, Left) else "left"
        elif command == "renew":
            answer = held[words[0]].renew()
        elif command == "release":
            answer = held[words[0]].release(words[1].encode())
        elif command == "fork":
            answer = live_on()
        elif command == "fork-locked":
            with FileLock(Path(folder) / "lock").held():
                answer = live_on()
                print(answer, flush=True)
                signal.pause()
        elif command == "start":
            answer = start_program()
        print(answer, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
