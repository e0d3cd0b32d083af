from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("contract", "local_world")

from local_world import Folder  # noqa: E402  (rewritten first)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A folder with an empty local store."""
    made = Folder.new(tmp_path / "store")
    yield made
    made.close()
