"""docs/recovery.md is executed: a store can be read with public tools only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aicas
from aicas.backends.local.backend import LocalBackend

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
FILES = {"src/app.py": b"print('hello')\n" * 40, "README.md": b"", "large.bin": b"\x07" * 600_000}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with aicas.open(tmp_path / "store") as store:
        store.put("plan", "first\n")
        store.put("plan", "second, and rather longer so that it is worth compressing\n" * 9)
        store.put("code", FILES, inputs=["plan"])
        store.put("gone", "x")
        store.invalidate("gone")
    return tmp_path / "store"


@pytest.mark.parametrize("packed", ["", "all", "some"])
def test_the_python_reader_restores_a_payload_without_aicas(
    tmp_path: Path, folder: Path, packed: str
) -> None:
    if packed:
        with aicas.open(folder) as store:
            assert sum(done.objects for done in store.pack()) > 5
            if packed == "some":
                store.put("code", FILES | {"more": b"more"})
                store.put("code", FILES)
    script = tmp_path / "recover.py"
    # A module of the same name shadows aicas: importing it would fail.
    (tmp_path / "aicas.py").write_text("raise ImportError('not without aicas')")
    script.write_text(block("python"))
    command = [sys.executable, str(script), str(folder), "live/default/code", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {
        str(p.relative_to(tmp_path / "out")): p.read_bytes()
        for p in (tmp_path / "out").rglob("*")
        if p.is_file()
    }
    assert found == FILES
    assert "live/default/gone (moved away)" in done.stdout


@pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("zstd", "b3sum")),
    reason="needs zstd and b3sum",
)
def test_the_shell_way_recovers_a_blob(tmp_path: Path, folder: Path) -> None:
    with aicas.open(folder) as store:
        blob = store.show("plan").payload.id
        backend = LocalBackend(folder)
        backend._view.fold(wait=True)
        backend.close()
        expected = store.get("plan").encode()
    environment = {**os.environ, "STORE": str(folder), "ID": blob.hex()}
    command = ["sh", "-ec", block("sh")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "object").read_bytes() == expected
    assert blob.hex() in done.stdout
