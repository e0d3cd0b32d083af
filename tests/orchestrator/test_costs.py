"""``ai-orchestrator cost-analysis`` and ``cache-stats``: the books, as people quote them."""

from __future__ import annotations

from datetime import UTC, datetime

from program import Shell

import aicas

DOLLAR = 10**9
REQUEST = ("generate", "Build todo app", "--output", "out")


def bought(usd: float) -> aicas.Cost:
    return aicas.Cost(usd_nano=int(usd * DOLLAR), input_tokens=10, output_tokens=5, latency_us=1000)


def history(shell: Shell) -> None:
    """Spent: $3 for the first time, $2 after an invalidation; saved: $1; two hits, one miss."""
    with aicas.open(shell.store) as store:
        store.put("plan", "one", session="s", cost=bought(1))
        store.put("code", "one", inputs=["plan"], session="s", cost=bought(2))
        assert store.lookup("plan", session="s")
        store.invalidate("code", "not good")
        assert not store.lookup("code", session="t")
        store.put("code", "two", inputs=["plan"], session="t", cost=bought(2))
        store.put("extra", "text", cost=aicas.Cost())
        assert store.lookup("extra", session="t")


def test_a_runs_money_is_told_by_what_it_was_spent_on_and_what_was_saved(shell: Shell) -> None:
    history(shell)
    assert shell.lines("cost-analysis", "t", "--days", "7")[:12] == [
        "session t: 50.0% cache hit rate, $0.0000 saved",
        "  spent $2.0000 in 1 run, 1 call: $0.0000 for the first time, $2.0000 again",
        "    invalidated: $2.0000 in 1 run",
        "  saved by reuse: $0.0000, 1 call, 0 ms (1 of 2 lookups)",
        "  saved by the provider's prompt cache: $0.0000, 0 tokens",
        "  in none of these amounts: 1 hit on what has no price",
        "project default, the last 7 days: 66.7% cache hit rate, $1.0000 saved",
        "  spent $5.0000 in 4 runs, 4 calls: $3.0000 for the first time, $2.0000 again",
        "    invalidated: $2.0000 in 1 run",
        "  saved by reuse: $1.0000, 2 calls, 1 ms (2 of 3 lookups)",
        "  saved by the provider's prompt cache: $0.0000, 0 tokens",
        "  in none of these amounts: 1 run of unknown price, 1 hit on what has no price",
    ]


def test_first_and_again_add_up_to_what_was_spent(shell: Shell) -> None:
    history(shell)
    found = shell.document("cost-analysis", "s")
    assert (found["session"], found["project"], found["days"]) == ("s", "default", 30)
    for figures in (found["run"], found["period"]):
        spent = figures["spent_usd_nano"]
        assert figures["first_usd_nano"] + figures["regenerated_usd_nano"] == spent
        assert sum(cause["spent_usd_nano"] for cause in figures["causes"]) == spent
        assert sum(cause["runs"] for cause in figures["causes"]) == figures["runs"]
    assert (found["run"]["spent_usd"], found["run"]["saved_usd"]) == ("3.00", "1.00")
    assert found["run"]["hit_rate"] == 100.0


def test_what_the_providers_cache_saved_stands_apart_from_reuse(shell: Shell) -> None:
    prices = {"input": 10 * DOLLAR, "cached": 1 * DOLLAR, "output": 0}
    cost = aicas.Cost(4 * DOLLAR, 400_000, 0, 100_000, model="m", unit_prices=prices)
    with aicas.open(shell.store) as store:
        store.put("plan", "text", cost=cost)
    period = shell.document("cost-analysis")["period"]
    assert (period["saved_usd"], period["provider_saved_usd"]) == ("0.00", "0.90")
    assert period["cached_tokens"] == 100_000
    assert period["hit_rate"] is None
    lines = shell.lines("cost-analysis")
    assert lines[0] == "project default, the last 30 days: - cache hit rate, $0.0000 saved"
    assert "  saved by the provider's prompt cache: $0.9000, 100,000 tokens" in lines


def test_a_recommendation_is_told_with_what_it_would_have_saved(shell: Shell) -> None:
    with aicas.open(shell.store) as store:
        for _ in range(4):
            store.put("plan", "text", cost=bought(1))
    (advice,) = shell.document("cost-analysis")["recommendations"]
    assert advice["strategy"] == "aggressive_caching"
    assert advice["potential_savings_usd"] == 3.0
    assert advice["potential_savings_usd_nano"] == 3 * DOLLAR
    assert advice["confidence"] == 0.5
    lines = shell.lines("cost-analysis")
    assert lines[-3] == "recommendations:"
    assert lines[-2].startswith("  aggressive_caching: Increase cache hit rate from ")
    assert lines[-1] == "    would have saved $3.0000; effort medium, confidence 50.0%"


def test_without_a_cause_in_the_books_there_is_no_advice(shell: Shell) -> None:
    shell.lines(*REQUEST)
    assert shell.document("cost-analysis")["recommendations"] == []
    last = shell.lines("cost-analysis")[-1]
    assert last == "recommendations: none; the books show no cause for any"


def test_a_run_is_compared_with_the_project_it_worked_in(shell: Shell) -> None:
    with aicas.open(shell.store, project="shop") as store:
        store.put("plan", "text", session="s", cost=bought(1))
    assert shell.document("cost-analysis", "s")["project"] == "shop"
    other = shell.document("cost-analysis", "s", "--project", "other")
    assert other["run"]["spent_usd"] == "1.00"
    assert (other["project"], other["period"]["spent_usd"]) == ("other", "0.00")


def test_statistics_have_the_names_people_know(shell: Shell) -> None:
    history(shell)
    found = shell.document("cache-stats", "--days", "30")
    assert found["total_entries"] == 3
    assert found["total_size_mb"] == found["total_size_bytes"] / 10**6 == 10 / 10**6
    assert round(found["hit_rate"], 1) == 66.7
    assert round(found["hit_rate"] + found["miss_rate"], 6) == 100
    assert (found["cost_savings_usd"], found["api_calls_saved"]) == (1.0, 2)
    assert found["miss_reasons"] == {"invalidated": 1}
    assert (found["spent_usd"], found["unpriced_runs"], found["unpriced_hits"]) == (5.0, 1, 1)


def test_the_days_add_up_and_a_quiet_one_is_only_in_the_document(shell: Shell) -> None:
    history(shell)
    found = shell.document("cache-stats", "--days", "3")
    days = found["by_day"]
    assert len(days) == 3
    for name in ("hits", "misses", "cost_savings_usd_nano", "spent_usd_nano", "api_calls_saved"):
        assert sum(day[name] for day in days) == found[name]
    lines = shell.lines("cache-stats", "--days", "3")
    today = datetime.now(UTC).date().isoformat()
    table = lines[lines.index(next(line for line in lines if line.startswith("DAY"))) + 1 :]
    if days[-1]["day"] == today and days[-1]["hits"] == 2:  # no midnight has passed meanwhile
        assert [line.split()[0] for line in table] == [today]
    assert lines[:6] == [
        "project default, the last 3 days",
        "hit rate: 66.7%, 2 hits, 1 missed",
        "  invalidated: 1",
        "saved: $1.0000 (and 1 hit unpriced), 2 API calls, 1 ms",
        "spent: $5.0000 (and 1 run unpriced), 4 API calls",
        "entries: 3 now, 10 B",
    ]


def test_a_second_run_saves_what_the_first_spent(shell: Shell) -> None:
    for session in ("one", "two"):
        shell.lines(*REQUEST, "--session", session)
    one, two = (shell.document("cost-analysis", name)["run"] for name in ("one", "two"))
    assert two["saved_usd_nano"] == one["spent_usd_nano"] > 0
    assert (two["spent_usd_nano"], two["hit_rate"]) == (0, 100.0)
    assert two["calls_saved"] == one["calls_made"]


def test_statistics_that_are_not_recorded_say_so(shell: Shell) -> None:
    shell.environment["AICAS_ANALYTICS_ENABLED"] = "false"
    shell.lines(*REQUEST)
    found = shell.document("cache-stats")
    assert (found["hit_rate"], found["miss_rate"]) == (None, None)
    lines = shell.lines("cache-stats")
    assert lines[1] == "hit rate: -, 0 hits, 0 missed"
    assert lines[-1].startswith("analytics_enabled is off")


def test_odd_periods_and_sessions_are_refused(shell: Shell) -> None:
    history(shell)
    for words in (("cache-stats",), ("cost-analysis",)):
        for days in ("0", "-1", "36501", "x"):
            assert shell.run(*words, "--days", days).returncode == 2
    assert shell.run("cost-analysis", "nobody").returncode == 3
    assert shell.run("cost-analysis", "--store", "nowhere").returncode == 3
