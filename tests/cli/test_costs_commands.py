"""``aicas stats`` and ``aicas costs``: the books, as they are read in a terminal."""

from __future__ import annotations

import csv
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas.cli.render.bars import bar
from aicas.cli.render.sheet import sheet

if TYPE_CHECKING:
    from .conftest import Shell


@pytest.fixture
def spent(store: Shell) -> Shell:
    """Two projects in which money was spent and saved, the first of them over two days."""
    program = """
import aicas
from aicas import Cost
now = [1_795_000_000_000_000]
prices = {"input": 3 * 10**9, "output": 15 * 10**9, "cached": 3 * 10**8}
with aicas.open(clock=lambda: now[0]) as store:
    store.put("plan", "one", session="s1", recipe={"v": 1},
              cost=Cost(2_500_000_000, 100_000, 500, 80_000, 12_000_000, "gpt-4", prices))
    store.lookup("code", session="s1")
    store.put("code", "two", session="s1", inputs=["plan"],
              cost=Cost(12_500_000_000, 9_000, 40, 0, 3_000_000, "claude", prices, 3))
    now[0] += 24 * 3_600_000_000
    for _ in range(3):
        store.lookup("code", session="s2")
    store.put("plan", "three", session="=cmd", recipe={"v": 2},
              cost=Cost(750_000_000, model="gpt-4"))
    store.put("free", "four", session="s2", cost=Cost(None, 7, 7, model="new" * 40))
    store.put("more", "five")
    store.at_project("other").put("plan", "six", session="s2", cost=Cost(1_000_000_000))
"""
    subprocess.run([store.command[0], "-c", program], cwd=store.cwd, env=store.environment,
                   check=True)  # fmt: skip
    return store


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_costs_are_what_was_spent_first_and_again_by_why(spent: Shell) -> None:
    lines = spent("costs").out.splitlines()
    assert lines[0] == "project default, all time"
    assert table("\n".join(lines[1:5])) == [
        ["WHY", "SPENT", "RUNS"],
        ["first", "time", "$15.00", "4", "███████████████████"],
        ["recipe", "changed", "$0.75", "1", "█"],
        ["total", "$15.75", "5"],
    ]
    assert lines[5:] == [
        "saved by reuse                 $37.50  3 hits, 9 calls, 27,000 tokens in, 120 out, 9.0 s",
        "saved by the provider's cache   $0.22  80,000 tokens",
        "not in these sums: 1 run without a price, 1 run without a recorded cost",
    ]


@pytest.mark.parametrize("by", ["cause", "stage", "model", "session", "day"])
def test_groups_add_up_to_the_total_in_nano_usd(spent: Shell, by: str) -> None:
    found = spent("costs", "--by", by, "--all", "--json").json
    whole, parts = found["totals"], [group["totals"] for group in found["groups"]]
    assert whole["spent_nano"] == 16_750_000_000
    assert Decimal(whole["spent"]) == Decimal(whole["first"]) + Decimal(whole["regenerated"])
    for name in ("spent_nano", "first_nano", "runs", "calls", "unpriced_runs"):
        assert sum(part[name] for part in parts) == whole[name], name
    if by != "cause":
        assert sum(part["saved_by_reuse_nano"] for part in parts) == 37_500_000_000


def test_the_dearest_comes_first_and_days_come_in_order(spent: Shell) -> None:
    def names(*arguments: str) -> list[str]:
        found = spent("costs", "--by", *arguments, "--json").json
        return [group["name"] for group in found["groups"]]

    assert names("stage") == ["default/code", "default/plan", "default/free", "default/more"]
    assert names("session") == ["s1", "=cmd", "s2", None]
    assert names("day") == ["2026-11-18", "2026-11-19"]
    assert [row[0] for row in table(spent("costs", "--by", "stage").out)[1:7]] == [
        "STAGE", "code", "plan", "free", "more", "total",
    ]  # fmt: skip
    rows = table(spent("costs", "--by", "stage").out)
    assert ["free", "unpriced", "$0.00"] in [row[:3] for row in rows]


def test_a_session_counts_in_every_project_it_was_in(spent: Shell) -> None:
    found = spent("costs", "--session", "s2", "--json").json
    assert (found["session"], found["project"]) == ("s2", None)
    assert found["totals"]["spent_nano"] == 1_000_000_000
    assert found["totals"]["hits"] == 3


def test_a_period_begins_when_it_is_said_to(spent: Shell) -> None:
    assert (
        spent("costs", "--since", "2026-11-19", "--json").json["totals"]["spent_nano"]
        == 750_000_000
    )
    assert (
        spent("costs", "--since", "2999-01-01").out.splitlines()[1].startswith("nothing was spent")
    )
    assert spent("costs", "--days", "36500", "--json").json["totals"]["runs"] == 5
    assert spent("costs", "--days", "0", expect=2).err.startswith("aicas: a number of days")
    spent("costs", "--days", "1", "--since", "2d", expect=2)
    spent("costs", "--by", "colour", expect=2)


def test_stats_tell_what_hit_and_why_the_others_missed(spent: Shell) -> None:
    lines = spent("stats", "--days", "36500").out.splitlines()
    assert lines[1] == "holds 4 entries, 16 B"
    assert table("\n".join(lines[2:5])) == [
        ["hits", "3", "75.0%", "██████████████████"],
        ["misses", "1", "25.0%", "██████"],
        ["never", "stored", "1", "25.0%", "██████"],
    ]
    assert lines[5].split() == ["spent", "$15.75", "5", "runs,", "$0.75", "of", "it", "again"]
    found = spent("stats", "--days", "36500", "--json").json
    assert (found["entries"], found["totals"]["hit_rate"]) == (4, 75.0)
    assert found["totals"]["reasons"] == [{"reason": "never_stored", "misses": 1}]


def test_stats_of_an_empty_store_are_no_error(store: Shell) -> None:
    lines = store("stats").out.splitlines()
    assert lines[1:3] == ["holds 0 entries, 0 B", "no lookups"]
    off = store("stats", AICAS_ANALYTICS_ENABLED="false").out
    assert "lookups are not recorded" in off
    assert store("costs").out.splitlines()[1] == "nothing was spent, and nothing was looked up"


def test_a_spreadsheet_gets_no_formula(spent: Shell) -> None:
    rows = list(csv.reader(spent("costs", "--by", "session", "--csv").out.splitlines()))
    assert [row[0] for row in rows] == ["session", "s1", "'=cmd", "s2", ""]
    assert rows[1][1:5] == ["15.000000000", "0.000000000", "0.000000000", "0.216000000"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_marked(start: str) -> None:
    text = sheet(("a",), [(f"{start}1+1",), (Decimal("-0.5"),), (-3,), ("a=1",)])
    assert list(csv.reader(text.splitlines(keepends=True)))[1:] == [
        [f"'{start}1+1"], ["-0.5"], ["-3"], ["a=1"],
    ]  # fmt: skip


def test_a_long_name_is_cut_so_that_the_bars_fit_the_terminal(spent: Shell) -> None:
    code, shown = spent.on_terminal("costs", "--by", "model", COLUMNS="90", NO_COLOR="1")
    assert code == 0
    rows = shown.splitlines()[1:7]
    assert [row.split()[0] for row in rows[1:3]] == ["claude", "gpt-4"]
    assert rows[3].startswith("newnew")
    assert max(map(len, rows)) <= 90


@given(st.integers(-5, 10**15), st.integers(-5, 10**15), st.integers(1, 100))
def test_a_bar_is_as_long_as_its_share(amount: int, largest: int, width: int) -> None:
    drawn = bar(amount, largest, width)
    assert len(drawn) <= width
    assert bool(drawn) == (amount > 0 and largest > 0)
    if amount >= largest > 0:
        assert drawn == "█" * width
