"""Knowing who waits, for tests with callers in one process."""

from __future__ import annotations

import threading

import pytest

from aicas.cache.producer import Attempt, Turn


class Waiting:
    """The attempts that have found another producing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._changed = threading.Condition()
        self._attempts: set[Attempt] = set()
        step = Attempt.step

        def noted(attempt: Attempt) -> object:
            found = step(attempt)
            if found is Turn.WAIT:
                with self._changed:
                    self._attempts.add(attempt)
                    self._changed.notify_all()
            return found

        monkeypatch.setattr(Attempt, "step", noted)

    def reach(self, count: int) -> None:
        """Return when so many have waited."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._attempts) >= count, timeout=60)
