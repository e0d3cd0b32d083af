"""The README shows what really happens: its demonstration and its example are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aicas

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def pattern(shown: str) -> str:
    """A regular expression for output with ``…`` standing for anything left out."""
    return re.escape(shown.strip()).replace("…", ".*?")


def test_the_demonstration_prints_what_the_readme_shows(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["sh", str(REPOSITORY / "docs" / "demo.sh"), str(tmp_path / "demo")]
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(pattern(blocks("text")[0]), done.stdout, re.DOTALL), done.stdout


def test_the_example_runs_and_prints_what_its_comments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = blocks("python")[0]
    exec(compile(code, "README.md", "exec"), {})
    expected = re.findall(r"# (prompt .*|.*…|b\".*)", code)
    for line, shown in zip(capsys.readouterr().out.splitlines(), expected, strict=True):
        assert re.match(pattern(shown), line)


def test_the_decorated_function_asks_once_however_often_the_program_runs(tmp_path: Path) -> None:
    with aicas.open(tmp_path / "artifacts") as store:
        store.put("brainstorming_features", {"features": ["login", "search"]})
    program = tmp_path / "program.py"
    program.write_text(blocks("python")[1])
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        told += done.stdout.splitlines()
    assert told == ["asking a model", *["b\"print('hi')\\n\""] * 2]


def test_every_page_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target
