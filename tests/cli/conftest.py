"""Running ``aicas`` as its users do: as a process, through a pipe or on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """A folder, with a home of its own, in which commands run."""

    cwd: Path
    environment: dict[str, str]
    command: list[str] = field(default_factory=lambda: [sys.executable, "-m", "aicas"])

    def __call__(
        self, *arguments: str, stdin: str | bytes = b"", expect: int | None = 0, **env: str
    ) -> Result:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.cwd,
            env=self.environment | env,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert expect is None or result.code == expect, result
        return result

    def raw(self, *arguments: str) -> bytes:
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout

    def on_terminal(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Run with all three standard streams on a terminal; exit code and what it showed."""
        main_end, other_end = pty.openpty()
        process = subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.cwd,
            env=self.environment | {"TERM": "xterm"} | env,
            stdin=other_end,
            stdout=other_end,
            stderr=other_end,
            start_new_session=True,
        )
        os.close(other_end)
        shown = b"".join(_read_all(main_end))
        os.close(main_end)
        return process.wait(60), shown.decode().replace("\r\n", "\n")


def _read_all(descriptor: int) -> Iterator[bytes]:
    while select.select([descriptor], [], [], 30)[0]:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end was closed
            return
        if not piece:
            return
        yield piece


def _shell(root: Path) -> Shell:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AICAS_", "XDG_", "LESS"))
        and name not in ("NO_COLOR", "PAGER", "HOME", "PYTHONDONTWRITEBYTECODE")
    }
    for name in ("work", "home"):
        (root / name).mkdir(exist_ok=True)
    ours = {
        "HOME": str(root / "home"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONPYCACHEPREFIX": str(root.parent / "bytecode"),
    }
    return Shell(root / "work", kept | ours)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Commands in an empty folder; no store anywhere."""
    return _shell(tmp_path)


@pytest.fixture(scope="session")
def made_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``history`` is a copy of."""
    shell = _shell(tmp_path_factory.mktemp("history"))
    shell("init")
    shell("put", "features", "-", stdin="login\nlogout\n")
    shell("put", "plan", "-", "--as", "json", "--dep", "features", stdin='{"parts": ["web"]}')
    code = shell.cwd / "code"
    (code / "src").mkdir(parents=True)
    (code / "src" / "app.py").write_text("print('one')\n")
    (code / "README.md").write_text("# App\n")
    shell("put", "code", "code", "--dep", "plan", "--tag", "demo", "--meta", "by=hand")
    (code / "src" / "app.py").write_text("print('two')\n")
    shell("put", "code", "code", "--dep", "plan", "--session", "s1")
    return shell.cwd


@pytest.fixture
def store(shell: Shell) -> Shell:
    """Commands in a folder with an empty store."""
    shell("init")
    return shell


@pytest.fixture
def priced(history: Shell) -> Shell:
    """The history, and a stage with costs, a recipe and passed validation, twice."""
    program = """
import aicas
from aicas.objects.snapshot import Cost
with aicas.open() as store:
    for text in ("one\\n", "two\\n"):
        store.put("priced", text, recipe={"prompt": text * 200, "agent_version": "a-1"},
                  validation_status="passed", tags=["a", "b"], meta={"n": [1], "none": None},
                  cost=Cost(usd_nano=12_300_000, input_tokens=1500, output_tokens=20,
                            cached_tokens=7, latency_us=2_500_000, model="m"))
"""
    subprocess.run([sys.executable, "-c", program], cwd=history.cwd, env=history.environment,
                   check=True)  # fmt: skip
    return history


@pytest.fixture
def history(made_history: Path, shell: Shell) -> Shell:
    """A store with three stages that depend on each other and a second version of one."""
    shutil.copytree(made_history, shell.cwd, dirs_exist_ok=True)
    return shell
