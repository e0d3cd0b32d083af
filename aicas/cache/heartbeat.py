"""Signs of life for the leases of those who are producing."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from aicas.backends.base import Lease
from aicas.errors import AicasError


class Heartbeat:
    """Renews leases at an interval, in one thread that lives while there are any.

    A forked child begins without: what its parent holds, it does not.
    """

    def __init__(self, interval: float) -> None:
        """Renew every ``interval`` seconds."""
        self._interval = interval
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._turn = threading.Condition()
        self._leases: set[Lease] = set()
        self._is_running = False

    def add(self, lease: Lease) -> None:
        """Renew this one from now on."""
        if os.getpid() != self._process:
            self._begin()
        with self._turn:
            self._leases.add(lease)
            if not self._is_running:
                threading.Thread(target=self._serve, name="aicas-heartbeat", daemon=True).start()
                self._is_running = True

    def remove(self, lease: Lease) -> None:
        """Stop renewing it; no renewal is under way when this returns."""
        if os.getpid() != self._process:
            return
        with self._turn:
            self._leases.discard(lease)
            if not self._leases:
                self._turn.notify()

    def _serve(self) -> None:
        with self._turn:
            while self._leases:
                self._turn.wait(self._interval)
                for lease in self._leases:
                    with suppress(AicasError):  # not heard; whoever holds it goes on all the same
                        lease.renew()
            self._is_running = False
