"""The demonstration agents compose a working program from any request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aicas.orchestrator.checks import check_phase
from aicas.orchestrator.demo.catalogue import FEATURES
from aicas.orchestrator.demo.coding import write_code
from aicas.orchestrator.demo.discussion import agree, criticise, propose, revise
from aicas.orchestrator.demo.language import understand
from aicas.orchestrator.demo.lexicon import CONTAINERS, STANDS_FOR
from aicas.orchestrator.demo.planning import break_down, design
from aicas.orchestrator.replies import read_files, read_phases

_SAMPLES = [
    "Build todo app",
    "Recipe book with tags and shopping list",
    "Contacts with tags, priorities, due dates, notes, ratings, prices, teams, archive, export"
    " and what is done",
    "class tracker with None, records and lists",
    "\u041f\u043b\u0430\u043d \u0434\u043b\u044f \u0434\u043e\u043c\u0430",
    'Say """hello""" $HOME {x} \\ % #',
]
_WORDS = sorted({*CONTAINERS, *STANDS_FOR, *(w for f in FEATURES.values() for w in f.triggers)})
_REQUESTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(_WORDS)
        | st.sampled_from(["with", "and", "for", ",", "of", "build", "my"])
        | st.from_regex(r"[a-z]{1,9}", fullmatch=True)
        | st.sampled_from(["class", "none", "con", "json", "test", "any", "record", "str", "id"]),
        max_size=12,
    ).map(" ".join),
)


def compose(request: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Everything the agents say to one another, and all files; each phase is checked."""
    said: dict[str, Any] = {"request": request}
    said["proposal"] = propose(said)
    said["criticism"] = criticise(said)
    said["revision"] = revise(said)
    features = {**said["proposal"], **agree(said)}
    architecture = design({"features": features})
    files: dict[str, bytes] = {}
    for phase in read_phases(break_down({"architecture": architecture})):
        answer = write_code({"architecture": architecture, "phase": dict(phase.content)})
        delivered = read_files(answer)
        assert [c for c in check_phase(phase, delivered, files) if not c["passed"]] == []
        files |= delivered
    return features, files


@given(_REQUESTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_request_gives_phases_that_validate(request: str) -> None:
    features, files = compose(request)
    assert features["agreed"][0]["id"] == "capture"
    assert any(path.endswith("__main__.py") for path in files)


@pytest.mark.parametrize("request_", _SAMPLES)
def test_the_program_passes_its_own_tests(tmp_path: Path, request_: str) -> None:
    for path, content in compose(request_)[1].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "unittest"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def agreed(request: str) -> list[str]:
    return [feature["id"] for feature in compose(request)[0]["agreed"]]


def test_features_follow_from_the_request() -> None:
    assert agreed("Build todo app") == [
        "capture",
        "editing",
        "search",
        "summary",
        "completion",
        "due",
    ]
    recipes = agreed("Recipe book with tags and shopping list")
    assert {"tags", "collection-shopping_list"} < set(recipes)
    assert "completion" not in recipes
    assert "amount" in agreed("Expense tracker")
    assert "notes" not in agreed("Note app")
    more = agreed("Todo app with tags, priorities, ratings and an archive")
    assert len(more) == 10


def test_the_agents_disagree_on_record() -> None:
    features, _ = compose("Build todo app")
    assert [d["feature"] for d in features["disagreements"]] == ["priority"]


@pytest.mark.parametrize(
    ("request_", "package", "record"),
    [
        ("Build todo app", "todo_app", "task"),
        ("Recipe book with tags and shopping list", "recipe_book", "recipe"),
        ("E-commerce site", "ecommerce_site", "product"),
        ("Build an app where users can share photos", "photos", "photo"),
        ("Library management system with members", "library_management_system", "book"),
        ("list of books", "books", "book"),
        ("json", "json_app", "json"),
        ("con", "con_app", "con"),
        ("", "items", "item"),
    ],
)
def test_the_subject_of_a_request_is_understood(request_: str, package: str, record: str) -> None:
    subject = understand(request_)
    assert (subject.package, subject.primary.singular) == (package, record)
