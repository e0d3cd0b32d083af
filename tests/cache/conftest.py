from __future__ import annotations

import pytest
from attempts import Waiting


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)
