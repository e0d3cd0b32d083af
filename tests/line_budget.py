"""Bounds on work that no noise on the machine can break: lines of aicas executed, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import aicas

_PACKAGE = str(Path(aicas.__file__).parent)


@contextmanager
def at_most_lines(limit: int) -> Iterator[None]:
    """Fail as soon as the block has executed more than ``limit`` lines of aicas."""
    executed = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal executed
        if event == "line":
            executed += 1
            assert executed <= limit, f"more than {limit} lines were executed"
        return count

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return count if frame.f_code.co_filename.startswith(_PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
