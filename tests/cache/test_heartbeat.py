"""Signs of life: given for every lease while it is held, and for none after."""

from __future__ import annotations

import os
import threading

import pytest

from aicas.cache.heartbeat import Heartbeat
from aicas.errors import StorageFailed


class Beating:
    """A lease that counts its renewals."""

    epoch = 1

    def __init__(self, *, fails: bool = False) -> None:
        self.beats = 0
        self._fails = fails
        self._enough = threading.Event()

    def renew(self) -> bool:
        self.beats += 1
        if self.beats == 3:
            self._enough.set()
        if self._fails:
            raise StorageFailed("not now")
        return True

    def release(self, outcome: bytes | None = None) -> None:
        raise AssertionError("not the heartbeat's business")

    def wait(self) -> None:
        assert self._enough.wait(timeout=60)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "aicas-heartbeat"]


def join_threads() -> None:
    for thread in threads():
        thread.join(timeout=60)
    assert threads() == []


def test_every_lease_is_renewed_by_one_thread_even_beside_one_that_fails() -> None:
    heartbeat = Heartbeat(0.001)
    leases = [Beating(fails=n == 1) for n in range(3)]
    for lease in leases:
        heartbeat.add(lease)
    for lease in leases:
        lease.wait()
    assert len(threads()) == 1
    for lease in leases:
        heartbeat.remove(lease)
    join_threads()
    beats = [lease.beats for lease in leases]
    last = Beating()
    heartbeat.add(last)
    last.wait()
    heartbeat.remove(last)
    heartbeat.remove(last)
    join_threads()
    assert [lease.beats for lease in leases] == beats


def test_the_thread_ends_with_the_last_lease_however_long_the_interval() -> None:
    heartbeat = Heartbeat(10_000)
    first, second = Beating(), Beating()
    heartbeat.add(first)
    heartbeat.add(second)
    heartbeat.remove(first)
    assert len(threads()) == 1
    heartbeat.remove(second)
    join_threads()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_renews_its_own_leases_only() -> None:
    heartbeat = Heartbeat(0.001)
    mine = Beating()
    heartbeat.add(mine)
    child = os.fork()
    if child == 0:
        heartbeat.remove(mine)
        own = Beating()
        heartbeat.add(own)
        before = mine.beats
        own.wait()
        heartbeat.remove(own)
        os._exit(0 if mine.beats == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    heartbeat.remove(mine)
    join_threads()
