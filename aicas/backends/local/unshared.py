"""Open files that a forked child does not keep open.

``flock`` locks the open file, which a forked child shares: one that outlives its parent would
keep the parent's locks. So whatever is open for the sake of a lock is closed in every child that
``os.fork`` makes, before it can do anything else; programs that are started never get it
(O_CLOEXEC). Closing does not unlock: the parent holds what it held.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress

_forks = threading.RLock()  # held by every fork, so that none comes between open and register
_open: set[int] = set()


def open_unshared(opener: Callable[[], int]) -> int:
    """What ``opener`` opens, which must be closed with ``close_unshared``."""
    with _forks:
        fd = opener()
        _open.add(fd)
        return fd


def close_unshared(fd: int) -> None:
    """Unlock and close it.

    A child that was forked without ``os.fork`` shares the open file; closing ours alone would
    leave it locked.
    """
    with _forks:
        if fd not in _open:
            return  # this is a forked child, which never had it
        _open.remove(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)


def try_lock(fd: int) -> bool:
    """Lock it if nobody else has; tells whether it is locked."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close_in_child() -> None:
    for fd in _open:
        with suppress(OSError):
            os.close(fd)
    _open.clear()
    _forks.release()


os.register_at_fork(
    before=_forks.acquire, after_in_parent=_forks.release, after_in_child=_close_in_child
)
