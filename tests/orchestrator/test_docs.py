"""``docs/orchestrator.md`` is right: its examples, options and JSON fields are the program's."""

from __future__ import annotations

import json
from typing import Any

from documented import Page, Seen
from program import Shell

import aicas
from aicas.orchestrator.cli.main import COMMANDS, cli

PAGE = Page("orchestrator.md", "ai-orchestrator")


def test_the_examples_run_and_print_what_the_page_says(shell: Shell) -> None:
    PAGE.check_examples(lambda command: shell.say(command).stdout)


def test_every_command_and_option_is_on_the_page_and_no_other() -> None:
    PAGE.check_options(cli, COMMANDS)


def check_runs(seen: Seen, shell: Shell) -> None:
    """Every kind of event, and the plans."""
    events: list[dict[str, Any]] = []

    def run(*words: str, expect: int = 0) -> None:
        events.extend(map(json.loads, shell.lines(*words, "--json", expect=expect)))

    request = ("generate", "Build todo app")
    run(*request, "--plan")
    run(*request, "--session", "s", "--fail-at", "phase-8-generated_code", expect=8)
    run(*request, "--session", "s")
    run(*request, "--plan")
    run("resume", "phase-8-generated_code", "--dry-run")
    first = "brainstorming_features"
    with aicas.open(shell.store) as store:
        store.put(first, "other features", recipe=store.show(first).recipe)
        store.put("late", "made of two versions", inputs=["system_architecture_plan", first])
    run("resume", "late", "--dry-run")
    for event in events:
        name = event["status"] if event["event"] == "stage" else event["event"]
        seen.check(name, event)


def check_reports(seen: Seen, shell: Shell) -> None:
    """Every document of those that look back."""
    with aicas.open(shell.store) as store:
        for _ in range(2):
            store.put("extra", "text", cost=aicas.Cost(usd_nano=1))
        store.put("stale", "text", inputs=["extra"], session="s")
        store.put("extra", "other")
        store.spend("never", aicas.Cost(), session="s")
    seen.check("status", shell.document("status", "s"))
    seen.check("status", shell.document("status", "s", "--include-cache"))
    seen.check("cost-analysis", shell.document("cost-analysis"))
    seen.check("cost-analysis", shell.document("cost-analysis", "s"))
    seen.check("cache-stats", shell.document("cache-stats"))


def check_care(seen: Seen, shell: Shell) -> None:
    """Every document of those that take care."""
    seen.check("doctor", shell.document("doctor", "--soon", "100", expect=1))
    seen.check("leaving", shell.document("invalidate-cache", "extra", expect=1))
    seen.check("cache-info", shell.document("cache", "info"))
    with aicas.open(shell.store) as store:
        store.maintain()
    seen.check("cache-info", shell.document("cache", "info"))
    seen.check("leaving", shell.document("cache", "clear", "--confirm"))
    shell.environment["AICAS_GC_GRACE_HOURS"] = "-1"
    seen.check("doctor", shell.document("doctor", expect=1))


def test_every_json_document_has_the_fields_of_the_page_and_no_other(shell: Shell) -> None:
    seen = Seen(PAGE)
    check_runs(seen, shell)
    check_reports(seen, shell)
    check_care(seen, shell)
    seen.check_all_seen()
