from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Shell
from team import Bench

import aicas


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with aicas.in_memory() as store:
        yield Bench(store, tmp_path / "out")
        assert store.verify().clean


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    if shell.store.exists():
        with aicas.open(shell.store) as store:
            assert store.verify().clean
