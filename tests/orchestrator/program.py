"""Running ``ai-orchestrator``, and ``aicas`` beside it, as their users do: as processes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from aicas.orchestrator import cli

PROGRAMS = {
    "ai-orchestrator": "from aicas.orchestrator.cli.main import main; main()",
    "aicas": "from aicas.cli.main import main; main()",
}


class Shell:
    """A folder, with a home and a store of its own, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "AICAS_STORE": str(self.store),
            "PYTHONPATH": str(Path(cli.__file__).parents[3]),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *words: str, program: str = "ai-orchestrator"
    ) -> subprocess.CompletedProcess[str]:
        process = self.start("-c", PROGRAMS[program], *words)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def lines(self, *words: str, expect: int = 0, program: str = "ai-orchestrator") -> list[str]:
        """The lines a command prints; it must end with the exit code expected."""
        done = self.run(*words, program=program)
        assert done.returncode == expect, (done.stdout, done.stderr)
        return done.stdout.splitlines()

    def document(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """The JSON document a command prints."""
        found = json.loads("\n".join(self.lines(*words, "--json", expect=expect)))
        assert isinstance(found, dict)
        return found

    def say(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line as it would be typed, with both programs on the path."""
        binaries = self.folder / "bin"
        for name, program in PROGRAMS.items():
            path = binaries / name
            if not path.exists():
                binaries.mkdir(exist_ok=True)
                path.write_text(
                    f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(program)} "$@"\n'
                )
                path.chmod(0o755)
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment | {"PATH": f"{binaries}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
