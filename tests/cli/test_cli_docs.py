"""``docs/cli.md`` is right: its examples run, its options and JSON fields are the program's."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from documented import Page, Seen

from aicas.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from .conftest import Shell

PAGE = Page("cli.md", "aicas")
PAGE.schemas["show"] |= PAGE.schemas["snapshot"]
PAGE.schemas["file-change"] |= PAGE.schemas["content"]
PAGE.schemas["change"] |= PAGE.schemas["reason"]


def test_the_examples_run_and_print_what_the_page_says(shell: Shell) -> None:
    (shell.cwd / "bin").mkdir()
    program = shell.cwd / "bin" / "aicas"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(shell.command)} "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{shell.environment['PATH']}"

    def run(command: str) -> str:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=shell.cwd,
            env=shell.environment | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        ).stdout

    PAGE.check_examples(run)


def test_every_command_and_option_is_on_the_page_and_no_other() -> None:
    PAGE.check_options(cli, COMMANDS)


@pytest.fixture
def rich(priced: Shell) -> Shell:
    """A history with all kinds of changes, an invalidation and an undo."""
    program = """
import aicas
with aicas.open() as store:
    for value in ({"a": 1, "b": 2}, {"a": 2, "c": 3}):
        store.put("plan", value, inputs=["features"])
    for key in ("plan", "priced", "nothing"):
        store.lookup(key, session="s1")
"""
    subprocess.run(
        [priced.command[0], "-c", program], cwd=priced.cwd, env=priced.environment, check=True
    )
    (priced.cwd / "code" / "new").write_text("new")
    (priced.cwd / "code" / "README.md").unlink()
    priced("put", "code", "code", "--dep", "plan", "--session", "s2", "--reason", "because")
    priced("invalidate", "features", "--reason", "x")
    priced("undo")
    return priced


def check_validity(seen: Seen, rich: Shell, document: Callable[..., dict[str, Any]]) -> None:
    """Stages that are stale, invalidated, put aside, sampled, resumed and compared."""
    (rich.cwd / "recipe.json").write_text('{"prompt": "one", "agent_version": "b-2"}')
    rich("put", "priced", "-", "--dep", "plan", "--sample", "7", "--cost-usd", "1", stdin="old\n")
    seen.check("samples", document("samples", "priced"))
    seen.check("operation", document("choose", "priced", "priced~1"))
    seen.check("why", document("why", "priced", "--recipe", "recipe.json"))
    seen.check("why", document("why", "priced", "--dep", "plan", "--dep", "code"))
    for key, content, deps in (("a", "1", ""), ("b", "1", "a"), ("a", "2", ""), ("c", "1", "a b")):
        used = [argument for name in deps.split() for argument in ("--dep", name)]
        rich("put", key, "-", *used, stdin=content)
    seen.check("resume", document("resume", "c", "--dry-run"))
    seen.check("resume", document("resume", "code~1"))
    rich("put", "features", "-", stdin="register\n")
    rich("invalidate", "plan", "--only")
    seen.check("why", document("why", "code"))
    seen.check("why", document("why", "plan"))
    rich("undo")
    seen.check("why", document("why", "plan"))
    seen.check("compare", document("compare", "default", "other"))
    seen.check("snapshot", document("accept", "plan", "--reason", "good"))
    seen.check("operation", document("quarantine", "plan", "--reason", "bad"))
    seen.check("status", document("status"))
    seen.check("snapshot", document("promote", "plan", "--reason", "good after all"))
    seen.check("log", document("log", "plan"))


def test_every_json_document_has_the_fields_of_the_page_and_no_other(rich: Shell) -> None:
    def document(*arguments: str, expect: int = 0) -> dict[str, Any]:
        found = rich(*arguments, "--json", expect=expect).json
        assert isinstance(found, dict)
        return found

    seen = Seen(PAGE)
    for key in ("code", "plan", "priced"):
        seen.check("show", document("show", key))
        seen.check("diff", document("diff", key))
    seen.check("snapshot", document("put", "more", "code", "--dep", "plan"))
    seen.check("ls-keys", document("ls"))
    seen.check("ls-files", document("ls", "code"))
    seen.check("refs", document("refs"))
    seen.check("log", document("log", "--stat"))
    seen.check("diff-views", document("diff", "default@{op:1}"))
    seen.check("ops", document("ops"))
    seen.check("stats", document("stats"))
    for by in ("cause", "stage", "model", "session", "day"):
        seen.check("costs", document("costs", "--by", by, "--days", "1"))
    seen.check("invalidate", document("invalidate", "priced", "--dry-run"))
    seen.check("invalidate", document("invalidate", "priced"))
    seen.check("operation", document("undo"))
    seen.check("fork", document("fork", "default", "other"))
    check_validity(seen, rich, document)
    rich("put", "lost", "-", "--project", "gone", stdin="x")
    rich("--project", "gone", "invalidate", "lost")
    for more in (("--dry-run",), ()):
        seen.check("gc", document("gc", "--grace", "0", "--retention", "0", *more))
    rich("put", "evicted", "-", "--project", "gone", stdin="x" * 500)
    for more in (("--dry-run",), ()):
        seen.check("evict", document("evict", "--grace", "0", "gone/evicted", *more))
    seen.check("evict", document("evict", "--to", "0"))
    for more in (("--dry-run",), ()):
        seen.check("maintain", document("maintain", *more))
    seen.check("operation", document("pin", "plan"))
    seen.check("pins", document("pin"))
    rich("config", "set", "retention.plan", '{keep_last = 1, keep_within = "1d"}')
    seen.check("retention", document("retention"))
    seen.check("config", document("config", "list"))
    seen.check("verify", document("verify"))
    seen.check("export", document("export", "--layout", "seed", "as-folder"))
    seen.check("export", document("export", "--git", "as-git"))
    seen.check("import", document("import", "as-folder", "--project", "back"))
    rich("put", "fresh", "-", stdin="not packed yet\n")
    rich("put", "last", "-", stdin="what damage comes before\n")
    segments = (rich.cwd / ".aicas" / "log").glob("*.seg")
    segment = next(path for path in segments if b"not packed yet\n" in path.read_bytes())
    segment.write_bytes(segment.read_bytes().replace(b"not packed yet\n", b"NOT packed yet\n"))
    seen.check("verify", document("verify", expect=5))
    seen.check_all_seen()
