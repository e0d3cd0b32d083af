"""Recordings of real use, read without the code under test."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

SAMPLES = Path(__file__).parents[1] / "data"
WHOLE = Path(__file__).parents[2].parent / "shared" / "data"


def recording(path: Path) -> list[dict[str, Any]]:
    """Every record of a file, decimals as they are written; skips where the file is not here."""
    if not path.exists():
        pytest.skip("the recording is not here")
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file).read()
    return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
