"""``aicas evict`` and ``aicas maintain``: what they print, and what is left afterwards."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from aicas.cli.amounts import parse_size
from aicas.errors import InvalidInput

if TYPE_CHECKING:
    from .conftest import Shell


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("12B", 12),
        ("1kB", 1000),
        ("1.5 GiB", 3 << 29),
        ("2tb", 2 * 10**12),
    ],
)
def test_sizes_are_written_as_people_do(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "5 apples", "1.2.3", "9" * 18 + "PB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_size(text)


def test_a_dry_run_prints_what_would_go_with_its_price_and_drops_nothing(priced: Shell) -> None:
    before = priced("ops", "--json").out
    shown = priced("evict", "priced", "--grace", "0", "--dry-run").out.splitlines()
    assert shown[0].split()[0] == "priced"
    assert shown[0].endswith("asked for")
    assert shown[1] == "to produce them again: $0.01, 1,500 tokens in, 20 out, 2.5 s"
    assert shown[2].startswith("the store holds ")
    assert shown[3].startswith("would evict 1 payload, ")
    assert priced("ops", "--json").out == before
    assert priced("cat", "priced").out == "two\n"


def test_what_was_evicted_is_told_of_by_every_command(priced: Shell) -> None:
    document = priced("evict", "priced", "features", "--grace", "0", "--json").json
    assert [victim["key"] for victim in document["victims"]] == ["priced", "features"]
    assert document["evicted"]["payloads"] == 2
    number = document["evicted"]["operation"]
    for command in (("cat", "priced"), ("get", "priced", "-o", "out"), ("ls", "priced"),
                    ("diff", "priced")):  # fmt: skip
        wrong = priced(*command, expect=3).err
        assert f"was evicted by operation {number}" in wrong, command
    assert not (priced.cwd / "out").exists()
    assert priced("show", "priced").out
    assert "evicted" in priced("status").out
    assert f"evicted by operation {number}" in priced("why", "priced").out
    assert priced("log", "--stat").code == 0
    assert priced("verify").out.startswith("clean")
    assert priced("undo", str(number), expect=2).err.startswith(
        f"aicas: operation {number} dropped"
    )
    priced("export", "--git", "repository")
    note = (priced.cwd / "repository" / "priced" / "evicted.txt").read_text()
    assert note.startswith("evicted at ")
    assert "was evicted" in priced("export", "--layout", "seed", "folder", expect=3).err
    assert not (priced.cwd / "folder").exists()
    priced("put", "features", "-", stdin="login\nlogout\n")
    assert priced("cat", "features").out == "login\nlogout\n"


def test_what_may_not_go_stays_and_the_reason_is_given(priced: Shell) -> None:
    assert "priced stays: too young to judge" in priced("evict", "priced").out
    short = priced("evict", "--to", "1kB").out
    assert "more than wanted stays:" in short
    assert short.splitlines()[-1] == "nothing to evict"
    assert priced("evict", "--to", "10GB").out.splitlines()[-1] == "nothing to evict"
    assert priced("cat", "priced").out == "two\n"
    priced("evict", "priced", "--to", "1kB", expect=2)
    priced("evict", "nothing", expect=3)
    priced("evict", "--to", "much", expect=2)


def test_upkeep_prints_what_expired_and_what_was_evicted(priced: Shell) -> None:
    program = """
import aicas
with aicas.open() as store:
    store.put("gone", "x" * 2000, expires_at=1, cost=aicas.Cost(usd_nano=2_000_000_000))
"""
    command = [priced.command[0], "-c", program]
    subprocess.run(command, cwd=priced.cwd, env=priced.environment, check=True)
    small = {"AICAS_MAX_CACHE_SIZE_GB": "0.000001", "AICAS_GC_GRACE_HOURS": "0"}
    plan = priced("maintain", "--dry-run", **small).out.splitlines()
    assert plan[:3] == [
        "would move 1 expired stage away:", "  gone", "to produce them again: $2.00, 0 ms"
    ]  # fmt: skip
    done = priced("maintain", "--reason", "weekly", **small).out.splitlines()
    assert done[0] == "moved 1 expired stage away:"
    assert done[-2].startswith("evicted ")
    assert done[-1].startswith("packed ")
    newest = priced("ops", "-n", "1", "--json").json["operations"][0]
    assert (newest["verb"], newest["reason"]) == ("maintain", "weekly")
    assert priced("maintain", **small).out.splitlines()[0] == "nothing has expired"
    assert priced("verify").out.startswith("clean")


def test_a_collection_prints_the_price_of_what_goes(priced: Shell) -> None:
    priced("invalidate", "priced")
    options = ("--grace", "0", "--retention", "0", "--dry-run")
    assert (
        "to produce it again: $0.02, 3,000 tokens in, 40 out, 5.0 s" in priced("gc", *options).out
    )
    assert priced("gc", *options, "--json").json["price"]["usd"] == "0.0246"
