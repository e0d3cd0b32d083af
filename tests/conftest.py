"""What the tests of every layer share: a clock they control, and stores that end clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hand_clock import HandClock
from hypothesis import HealthCheck, settings

import aicas
from aicas.backends.local import layout
from aicas.backends.local.backend import LocalBackend
from aicas.backends.memory import MemoryBackend
from aicas.config import Config

settings.register_profile(
    "bounded",
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("bounded"), max_examples=2_000)
settings.load_profile("bounded")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


OpenStore = Callable[..., aicas.Store]


@pytest.fixture
def open_local(tmp_path: Path, clock: HandClock) -> Iterator[OpenStore]:
    """Opens the local store of this test, again and again; at the end it must verify clean."""
    opened: list[aicas.Store] = []
    folder = tmp_path / "store"

    def open_store(*, segment_bytes: int = 64 << 20, config: Config | None = None) -> aicas.Store:
        if not layout.is_store(folder):
            layout.create(folder)
        backend = LocalBackend(folder, segment_bytes=segment_bytes)
        opened.append(
            aicas.Store(backend, config=config, location=folder, clock=clock, actor="test")
        )
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()
    if layout.is_store(folder):
        with aicas.open(folder, clock=clock) as store:
            assert store.verify().damage == ()


@pytest.fixture(params=["memory", "local", "tiny segments"])
def store(
    request: pytest.FixtureRequest, clock: HandClock, open_local: OpenStore
) -> Iterator[aicas.Store]:
    """An empty store of each kind; at the end it must verify clean."""
    if request.param == "memory":
        made = aicas.Store(MemoryBackend(), clock=clock, actor="test")
    else:
        made = open_local(segment_bytes=64 << 20 if request.param == "local" else 1)
    yield made
    assert made.verify().damage == ()
    made.close()


@pytest.fixture
def local_store(open_local: OpenStore) -> aicas.Store:
    """An empty store in a folder; at the end it must verify clean."""
    return open_local()
