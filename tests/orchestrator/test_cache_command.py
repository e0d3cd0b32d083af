"""``ai-orchestrator cache``: what the cache is and holds, and clearing it."""

from __future__ import annotations

import pytest
from program import Shell

import aicas

REQUEST = ("generate", "Build todo app", "--output", "out")


@pytest.fixture
def generated(shell: Shell) -> Shell:
    shell.lines(*REQUEST)
    return shell


def test_info_tells_where_the_cache_is_and_what_it_holds(generated: Shell) -> None:
    found = generated.document("cache", "info")
    assert found["location"] == str(generated.store)
    assert (found["project"], found["entries"]) == ("default", 24)
    assert found["size_bytes"] > 0 < found["stored_bytes"]
    assert found["max_bytes"] == 10 * 10**9
    assert found["last_maintenance"] is None
    lines = generated.lines("cache", "info")
    assert lines[0] == f"location: {generated.store}"
    assert lines[1].startswith("project: default, 24 entries, ")
    assert lines[2].endswith(" of at most 10 GB")
    assert lines[3] == "last maintenance: never"


def test_info_tells_every_setting_and_where_it_comes_from(generated: Shell) -> None:
    generated.lines("config", "set", "default_expiry_hours", "48", program="aicas")
    generated.environment["AICAS_MAX_CACHE_SIZE_GB"] = "2.5"
    settings = {each["name"]: each for each in generated.document("cache", "info")["settings"]}
    assert settings["default_expiry_hours"]["value"] == 48.0
    assert settings["default_expiry_hours"]["origin"] == "file"
    assert settings["max_cache_size_gb"]["value"] == 2.5
    assert settings["max_cache_size_gb"]["origin"] == "environment"
    assert settings["cleanup_interval_hours"]["origin"] == "default"
    assert {"compression_enabled", "analytics_enabled", "cost_models"} <= settings.keys()
    lines = [line.split() for line in generated.lines("cache", "info")]
    assert ["default_expiry_hours", "48.0", "file"] in lines
    assert ["max_cache_size_gb", "2.5", "environment"] in lines


def test_info_tells_when_the_cache_was_last_kept_up(generated: Shell) -> None:
    with aicas.open(generated.store) as store:
        done = store.maintain()
    found = generated.document("cache", "info")["last_maintenance"]
    assert found["operation"] == done.operation.number
    assert (found["expired"], found["evicted"]) == (0, 0)
    assert found["freed_bytes"] == done.operation.facts["bytes"]
    (line,) = (line for line in generated.lines("cache", "info") if "maintenance" in line)
    assert "Z, 0 expired, 0 evicted, " in line
    assert line.endswith(" freed")


def test_clear_without_confirm_shows_the_price_and_changes_nothing(generated: Shell) -> None:
    lines = generated.lines("cache", "clear", expect=1)
    assert lines[0] == "would clear 24 stages:"
    assert lines[-1] == "nothing was changed; --confirm does it"
    found = generated.document("cache", "clear", expect=1)
    assert len(found["stages"]) == found["price"]["priced"] == 24
    assert found["operation"] is None
    assert generated.document("cache", "info")["entries"] == 24


def test_clear_takes_all_of_the_project_out_of_use_until_it_is_undone(generated: Shell) -> None:
    with aicas.open(generated.store, project="other") as store:
        store.put("plan", "stays")
    done = generated.document("cache", "clear", "--confirm", "--reason", "begin anew")
    assert generated.document("cache", "info")["entries"] == 0
    assert generated.document("cache", "info", "--project", "other")["entries"] == 1
    with aicas.open(generated.store) as store:
        operation = store.operation(done["operation"])
        assert (operation.verb, operation.reason) == ("clear", "begin anew")
        assert not store.lookup("brainstorming_features")
    assert generated.say(done["undo"]).returncode == 0
    assert "24 cached, 0 generated" in "\n".join(generated.lines(*REQUEST))


def test_a_cleared_project_is_made_anew(generated: Shell) -> None:
    generated.lines("cache", "clear", "--confirm")
    assert "0 cached, 24 generated" in "\n".join(generated.lines(*REQUEST))


def test_nothing_to_clear_and_no_command_are_refused(generated: Shell) -> None:
    assert generated.run("cache", "clear", "--project", "empty").returncode == 3
    assert generated.run("cache", "clear", "--store", "nowhere").returncode == 3
    for words in (("cache",), ("cache", "nothing")):
        done = generated.run(*words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 2
