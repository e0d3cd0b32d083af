"""The memory backend keeps the contract."""

from __future__ import annotations

import pytest
from contract import BackendContract

from aicas.backends.memory import MemoryBackend


class TestMemoryBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()
