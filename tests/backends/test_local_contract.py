"""The local backend keeps the contract, however often it starts a new segment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import BackendContract

from aicas.backends.local import layout
from aicas.backends.local.backend import LocalBackend


class TestLocalBackend(BackendContract):
    @pytest.fixture(params=[64 << 20, 1000, 1])
    def backend(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LocalBackend]:
        layout.create(tmp_path / "store")
        backend = LocalBackend(tmp_path / "store", segment_bytes=request.param)
        yield backend
        backend.close()
