"""The benchmark scripts at tiny sizes: each runs to its end, checks answers, tells figures."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks import payloads, peers  # noqa: E402
from benchmarks.bench import Bench  # noqa: E402
from benchmarks.measure import Bar, Row  # noqa: E402

SCRIPTS = sorted(
    path.stem
    for path in (REPOSITORY / "benchmarks").glob("*.py")
    if "\ndef run(bench: Bench)" in path.read_text()
)


def small_repository(folder: Path) -> Path:
    """Thirty commits of two files, one of which is gone in the end."""
    run = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    folder.mkdir()
    subprocess.run([*run, "init", "--quiet"], check=True)
    for number in range(30):
        (folder / "code.py").write_text("print(1)\n" * number)
        (folder / "docs").mkdir(exist_ok=True)
        (folder / "docs" / "page.md").write_text(f"page {number // 7}\n")
        subprocess.run([*run, "add", "--all"], check=True)
        subprocess.run([*run, "commit", "--quiet", "-m", f"{number}"], check=True)
    return folder


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_runs_and_tells_figures(script: str, tmp_path: Path) -> None:
    repository = small_repository(tmp_path / "repository")
    (tmp_path / "work").mkdir()
    bench = Bench(tmp_path / "work", scale=0.0002, repositories=(repository,))
    rows = list(import_module(f"benchmarks.{script}").run(bench))
    assert rows
    for row in rows:
        assert row.ours
        assert str(row).count(" | ") == 4


@pytest.mark.parametrize("name", peers.NAMES)
def test_every_peer_gives_back_the_newest_of_what_was_put(name: str, tmp_path: Path) -> None:
    opened = dict(peers.open_peers(tmp_path, [name]))
    if not opened:
        pytest.skip(f"{name} is not installed")
    (peer,) = opened.values()
    for number in range(4):
        peer.put(f"stage-{number % 2}", payloads.stage(number))
        peer.put(f"text-{number % 2}", payloads.text(number))
    assert peer.get("stage-0") == payloads.stage(2)
    assert peer.get("text-1") == payloads.text(3)
    peer.close()


def test_no_two_stages_share_a_file() -> None:
    contents = [content for n in range(100) for content in payloads.stage(n).values()]
    assert len(set(contents)) == 100 * payloads.FILES
    assert {len(content) for content in contents} == {payloads.FILE_BYTES}


@pytest.mark.parametrize(
    ("ratio", "bar", "shown"),
    [
        (0.05, Bar(0.1), "a | 1 us | b: 20 us | 0.050 | at most 0.1"),
        (0.5, Bar(1 / 12, share=True), "a | 1 us | b: 20 us | 0.50 | at most 1/12, **missed**"),
        (2, Bar(2.5, at_least=True), "a | 1 us | b: 20 us | 2.00 | at least 2.5, **missed**"),
    ],
)
def test_a_row_says_whether_its_bar_was_met(ratio: float, bar: Bar, shown: str) -> None:
    assert str(Row("a", "1 us", "b: 20 us", ratio, bar)) == shown
