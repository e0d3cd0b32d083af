"""Work that dies between any two changes it makes on disk."""

from __future__ import annotations

import os
from collections.abc import Callable

CRASHED, FAILED = 77, 78
_CALLS = ("pwrite", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "mkdir", "fchmod")


def crashes_at(call: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a child that dies without a trace instead of making its N-th change on disk.

    Returns:
        Whether it died; otherwise it made fewer changes and finished.
    """
    child = os.fork()
    if child == 0:
        _die_at(call)
        try:
            work()
        except BaseException:
            os._exit(FAILED)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, CRASHED), "the work itself failed"
    return code == CRASHED


def _die_at(call: int) -> None:
    left = [call]

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os._exit(CRASHED)
            return real(*args, **kwargs)

        return wrapper

    for name in _CALLS:
        setattr(os, name, dying(getattr(os, name)))
