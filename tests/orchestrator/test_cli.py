"""``ai-orchestrator`` as people and scripts run it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from typing import Any

import pytest
from program import Shell

HEAVY = {"asyncio", "networkx", "rich", "msgpack", "zstandard", "sqlite3", "aicas.store"}
PACED = """
import asyncio, sys
from pathlib import Path
import aicas
from aicas.orchestrator.demo.agent import demonstration_team
from aicas.orchestrator.generation import Generation
from aicas.orchestrator.report import json_lines
from aicas.orchestrator.wrappers import paced

store, output, calls, pace = sys.argv[1:]

class Noting:
    def __init__(self, agent):
        self.agent = agent
        self.name, self.model, self.version = agent.name, agent.model, agent.version
    async def complete(self, prompt):
        with open(calls, "a") as file:
            file.write(prompt.stage + "\\n")
        return await self.agent.complete(prompt)

team = {role: Noting(agent) for role, agent in paced(demonstration_team(), float(pace)).items()}
with aicas.open(store) as opened:
    run = Generation(opened, team, "sess_kill", json_lines(lambda line: print(line, flush=True)))
    asyncio.run(run.run("Build todo app", Path(output)))
"""


def test_a_failed_run_is_resumed_by_the_same_command(shell: Shell) -> None:
    command = ("generate", "Build todo app", "--workflow-type", "micro_phase", "--output", "out")
    failed = shell.run(*command, "--fail-at", "phase-8-generated_code")
    assert failed.returncode == 8
    assert failed.stderr.count("\n") == 2
    assert "stage phase-8-generated_code failed" in failed.stderr
    assert "the same command resumes" in failed.stderr
    assert not (shell.folder / "out").exists()
    resumed = shell.run(*command)
    assert resumed.returncode == 0, resumed.stderr
    lines = resumed.stdout.splitlines()
    assert "demonstration" in lines[2]
    assert [line.split()[0] for line in lines[3:27]] == ["cached"] * 17 + ["generated"] * 7
    assert "because: never stored" in lines[20]
    assert lines[27:29] == ["24 stages: 17 cached, 7 generated", "calls: 7 made, 20 saved"]
    assert (shell.folder / "out" / "todo_app" / "cli.py").exists()
    again = shell.run(*command)
    assert "24 cached, 0 generated" in again.stdout
    assert again.stdout.endswith("out holds the result already\n")


def test_json_tells_every_event_as_one_object(shell: Shell) -> None:
    done = shell.run("generate", "Note app", "--output", "out", "--json", "--session", "sess_1")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in (events[0], events[-1])] == ["started", "ended"]
    assert events[0]["session"] == "sess_1"
    assert events[-1]["files_written"] > 10


def test_files_that_differ_are_kept_unless_told_otherwise(shell: Shell) -> None:
    (shell.folder / "out").mkdir()
    mine = shell.folder / "out" / "README.md"
    mine.write_text("mine")
    refused = shell.run("generate", "Note app", "--output", "out")
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert mine.read_text() == "mine"
    assert shell.run("generate", "Note app", "--output", "out", "--overwrite").returncode == 0
    assert mine.read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("generate",), 2),
        (("resume", "nothing"), 3),
        (("generate", "", "--output", "o"), 2),
        (("generate", "x", "--output", "o", "--fail-at", "phase-0"), 2),
        (("generate", "x", "--output", "o", "--workflow-type", "other"), 2),
        (("generate", "x", "--output", "o", "--project", "../up"), 2),
        (("generate", "x", "--output", "o", "--session", "-rf"), 2),
        (("generate", "x", "--output", "o", "--store", "/proc/no"), 6),
        (("replay", "absent.jsonl"), 3),
        (("replay", "."), 2),
        (("replay", "junk.jsonl"), 2),
        (("replay", "junk.jsonl", "--project", "a//b"), 2),
        (("unknown",), 2),
        (("--nothing",), 2),
    ],
)
def test_every_refusal_is_a_line_and_an_exit_code(
    shell: Shell, words: tuple[str, ...], code: int
) -> None:
    (shell.folder / "junk.jsonl").write_text("{}\n")
    done = shell.run(*words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2
    assert not (shell.folder / "o").exists()


def test_replay_runs_a_file(shell: Shell) -> None:
    record: dict[str, Any] = {"project": "p", "seq": 0, "stage_key": "prd", "version": 1}
    record |= {"payload_kind": "full", "payload": {"text": "hi"}}
    (shell.folder / "r.jsonl").write_text(json.dumps(record) + "\n")
    assert "1 stages: 0 cached, 1 generated" in shell.run("replay", "r.jsonl").stdout
    assert "1 stages: 1 cached, 0 generated" in shell.run("replay", "r.jsonl").stdout


def test_help_loads_nothing_heavy(shell: Shell) -> None:
    program = (
        "import atexit, sys\nfrom aicas.orchestrator.cli.main import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\nmain(['--help'])"
    )
    # Measuring coverage loads modules of its own.
    for name in [name for name in shell.environment if name.startswith("COV_CORE")]:
        del shell.environment[name]
    shell.environment.pop("COVERAGE_PROCESS_CONFIG", None)
    process = shell.start("-c", program)
    out, err = process.communicate(timeout=60)
    assert "generate" in out
    assert not set(err.split()) & HEAVY


def test_a_reader_that_goes_away_ends_the_run_quietly(shell: Shell) -> None:
    program = "from aicas.orchestrator.cli.main import main; main()"
    with shell.start("-c", program, "generate", "Todo app", "--output", "out", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 141


def test_an_interrupt_ends_cleanly_and_the_next_run_resumes(shell: Shell) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import aicas.orchestrator.demo.agent as d\n"
        "from aicas.orchestrator.wrappers import paced\n"
        "team = d.demonstration_team\n"
        "d.demonstration_team = lambda: paced(team(), 0.1)\n"
        "from aicas.orchestrator.cli.main import main; main()"
    )
    process = shell.start("-c", program, "generate", "Note app", "--output", "out")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("generated"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "the same command resumes" in err
    done = shell.run("generate", "Note app", "--output", "out")
    assert done.returncode == 0
    assert "cached    brainstorming_features" in done.stdout


def test_killed_at_any_moment_no_reported_stage_is_asked_for_again(shell: Shell) -> None:
    chance = random.Random(7)
    calls = shell.folder / "calls"
    reported: set[str] = set()
    kills = 0
    for _ in range(100):
        known = set(reported)
        before = calls.read_text().split() if calls.exists() else []
        process = shell.start("-c", PACED, "store", "out", "calls", "0.03")
        out, code = run_until_killed(process, chance)
        reported |= finished(out)
        asked = calls.read_text().split()[len(before) :] if calls.exists() else []
        assert not known & set(asked)
        if code == 0:
            break
        kills += 1
    assert code == 0
    assert kills > 3
    total = calls.read_text().split()
    # Each kill can lose at most the calls of the one stage it hit; the longest makes four.
    assert len(total) <= 4 + 1 + 1 + 10 + 10 + 1 + 4 * kills
    assert shell.run("generate", "Build todo app", "--output", "out").returncode == 0


def run_until_killed(process: subprocess.Popen[str], chance: random.Random) -> tuple[str, int]:
    """Kill it at some moment after it told of a few new stages, unless it ends before that."""
    assert process.stdout is not None
    wanted, lines = chance.randrange(4), []
    for line in process.stdout:
        lines.append(line)
        wanted -= '"status": "generated"' in line
        if wanted <= 0:
            break
    time.sleep(chance.uniform(0, 0.1))
    process.kill()
    out, _ = process.communicate()
    return "".join(lines) + out, process.returncode


def finished(out: str) -> set[str]:
    """Stages that were told as done; a line cut off by the kill was not told."""
    whole = out[: out.rfind("\n") + 1].splitlines()
    events = [json.loads(line) for line in whole]
    return {e["key"] for e in events if e.get("status") in ("cached", "generated")}
