"""Running git: by argument lists, in an environment of our own, with no one's configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aicas.errors import NotFound, StorageFailed

# Files stay byte for byte as they were exported, whatever attributes an artifact brings along.
_ATTRIBUTES = "* -text -ident -filter -working-tree-encoding\n"


@dataclass(frozen=True, slots=True)
class Git:
    """A git program."""

    program: str

    @classmethod
    def find(cls) -> Git:
        """The one on the search path.

        Raises:
            NotFound: there is none.
        """
        program = shutil.which("git")
        if program is None:
            raise NotFound("there is no git program", hint="install git, or put it on the PATH")
        return cls(program)

    def init(self, root: Path) -> None:
        """Make a repository, without templates or hooks, whose branch is ``main``."""
        self._run("init", "--quiet", "--template=", "--", str(root))
        self._run("symbolic-ref", "HEAD", "refs/heads/main", root=root)
        info = root / ".git" / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(_ATTRIBUTES, "ascii")

    def check_out(self, root: Path) -> None:
        """Write the files of the branch."""
        self._run("checkout", "--quiet", "--force", "main", "--", root=root)

    @contextmanager
    def fast_import(self, root: Path) -> Iterator[IO[bytes]]:
        """A stream into ``git fast-import``.

        Raises:
            StorageFailed: git refused it; the text says why, in git's words.
        """
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [self.program, "-C", str(root), "fast-import", "--quiet"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(),
            )
            sink = process.stdin
            assert sink is not None  # noqa: S101  (said by PIPE)
            try:
                # A git that gave up no longer reads; its own words say more than the broken pipe.
                with suppress(BrokenPipeError):
                    yield sink
                with suppress(BrokenPipeError):
                    sink.close()
            except BaseException:
                process.kill()
                with suppress(OSError):
                    sink.close()
                raise
            finally:
                code = process.wait()
            errors.seek(0)
            _check("fast-import", code, errors.read(4096))

    def _run(self, command: str, *arguments: str, root: Path | None = None) -> None:
        place = [] if root is None else ["-C", str(root)]
        done = subprocess.run(
            [self.program, *place, command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            check=False,
        )
        _check(command, done.returncode, done.stderr)


def _environment() -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


def _check(command: str, code: int, said: bytes) -> None:
    if code != 0:
        lines = said.decode(errors="replace").split("\n")
        why = next((line for line in lines if line.strip()), f"exit code {code}")
        raise StorageFailed(f"git {command} failed: {ascii(why.strip())[1:201]}")
