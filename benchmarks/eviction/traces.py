"""Recorded demand, as artifacts of a size and a price and the steps that call for them.

Nothing is made up but what a docstring below says. Prices are those of ``PriceTable``; shares of
what could be saved do not depend on how many bytes a token stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from aicas.analytics.prices import PriceTable

Record = dict[str, Any]
BLOCK = 512
BYTES_PER_TOKEN = 4
SECOND = 1_000_000
_MODEL = "claude-3-sonnet"
"""Prices what names no model. Only how its output compares with its input matters."""


class Artifact(NamedTuple):
    """What one recorded run of one stage produced."""

    bytes: int
    cost: int
    """Nano-USD of making it, its inputs given."""
    inputs: tuple[int, ...] = ()
    """The artifacts it was made from, by number; each comes before it."""
    replaces: int | None = None
    """The version before it, which nothing points at any more once this one is there."""


class Step(NamedTuple):
    """One recorded run: what it calls for, in order. What it has read, it has in hand."""

    at: int
    wanted: tuple[int, ...]


class Trace(NamedTuple):
    """Recorded demand."""

    name: str
    artifacts: tuple[Artifact, ...]
    steps: tuple[Step, ...]
    alike: bool
    """Whether what is made again is the same. Else it orphans what was made from the one lost."""

    @property
    def bytes(self) -> int:
        """Of all artifacts: what an unlimited store comes to hold."""
        return sum(artifact.bytes for artifact in self.artifacts)


def records(path: Path) -> Iterator[Record]:
    """The records of a ``.jsonl.zst`` file."""
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file).read()
    return map(json.loads, text.splitlines())


def conversation(requests: Iterator[Record], prices: PriceTable) -> Trace:
    """Blocks of 512 prompt tokens, each made from the one before it in the prompt.

    A request calls for all blocks of its prompt. A block has the price of its tokens as input. The
    same tokens give the same block, so one that is made again is the same.
    """
    artifacts: list[Artifact] = []
    number: dict[int, int] = {}
    steps = []
    for request in requests:
        wanted: list[int] = []
        left = request["input_length"]
        for block in request["hash_ids"]:
            tokens = min(left, BLOCK)
            left -= tokens
            if block not in number:
                number[block] = len(artifacts)
                cost = _price(prices, _MODEL, tokens, 0)
                artifacts.append(Artifact(tokens * BYTES_PER_TOKEN, cost, tuple(wanted[-1:])))
            wanted.append(number[block])
        steps.append(Step(request["timestamp"] * (SECOND // 1_000), tuple(wanted)))
    return Trace("conversation", tuple(artifacts), tuple(steps), alike=True)


def agent_calls(calls: Iterator[Record], prices: PriceTable) -> Trace:
    """Answers of agents' calls, each made from the answer before it in its session.

    A call reads the answer before it, then calls for its own, which is there already if the same
    model was sent the same prompt before. Size is that of the answer; the price is that of the
    recorded tokens on that day, those from the provider's own cache at their lower price.
    """
    artifacts: list[Artifact] = []
    number: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], int] = {}
    steps = []
    for call in calls:
        at = int(call["ts"] * SECOND)
        before = last.get((call["session"], call["parent_prompt_hash"]))
        inputs = () if before is None else (before,)
        name = (call["model"], call["prompt_hash"])
        if name not in number:
            number[name] = len(artifacts)
            tokens = call["prompt_tokens"], call["completion_tokens"], call["cache_hit_tokens"] or 0
            cost = _price(prices, call["model"], *tokens, at=at)
            artifacts.append(Artifact(max(tokens[1], 1) * BYTES_PER_TOKEN, cost, inputs))
        last[call["session"], call["prompt_hash"]] = number[name]
        steps.append(Step(at, (*inputs, number[name])))
    return Trace("agent calls", tuple(artifacts), tuple(steps), alike=False)


def project(stages: Iterator[Record], prices: PriceTable, name: str) -> Trace:
    """Versions of a project's stages, each made from the versions it is recorded to have read.

    A step reads those, then makes its own. Sizes are those of the recorded files, compressed as the
    store does. The source records no tokens: what a stage read is taken for its input, what it
    wrote for its output, a token for four bytes.
    """
    artifacts: list[Artifact] = []
    number: dict[tuple[str, int], int] = {}
    written: list[int] = []
    steps = []
    for stage in stages:
        if stage["project"] != name:
            continue
        key, version = stage["stage_key"], stage["version"]
        inputs = tuple(number[dep] for dep in stage["dep_versions"].items())
        files = [text.encode() for text in stage["payload"]["files"].values()]
        sent = sum(written[i] for i in inputs) // BYTES_PER_TOKEN
        written.append(sum(map(len, files)))
        cost = _price(prices, _MODEL, sent, written[-1] // BYTES_PER_TOKEN)
        size = sum(len(zstandard.compress(file, 3)) for file in files)
        number[key, version] = len(artifacts)
        before = number.get((key, version - 1))
        artifacts.append(Artifact(max(size, 1), cost, inputs, before))
        at = int(datetime.fromisoformat(stage["ended_at"]).timestamp() * SECOND)
        steps.append(Step(at, (*inputs, number[key, version])))
    return Trace(name, tuple(artifacts), tuple(steps), alike=False)


def resumed(trace: Trace) -> Trace:
    """The same, where each step asks for all that its own was made from, from the beginning on.

    So does a pipeline that is run anew and served what it has already: derived from the recorded
    dependencies, not recorded itself.
    """
    above: list[frozenset[int]] = []
    for artifact in trace.artifacts:
        above.append(frozenset().union(artifact.inputs, *(above[i] for i in artifact.inputs)))
    steps = (
        Step(step.at, (*sorted(above[step.wanted[-1]]), step.wanted[-1])) for step in trace.steps
    )
    return trace._replace(name=f"{trace.name}, resumed", steps=tuple(steps))


def beginning(trace: Trace, steps: int) -> Trace:
    """The first steps of a trace, and what they make."""
    some = trace.steps[:steps]
    made = 1 + max((number for step in some for number in step.wanted), default=-1)
    return trace._replace(artifacts=trace.artifacts[:made], steps=some)


def recorded(folder: Path) -> Sequence[Trace]:
    """Every trace there is, the same each time."""
    prices = PriceTable()
    stages = list(records(folder / "bmad_projects.jsonl.zst"))
    names = sorted({stage["project"] for stage in stages})
    projects = [project(iter(stages), prices, name) for name in names]
    return [
        conversation(records(folder / "trace_mooncake_conversation.jsonl.zst"), prices),
        agent_calls(records(folder / "trace_agent_calls.jsonl.zst"), prices),
        *projects,
        *map(resumed, projects),
    ]


def _price(
    prices: PriceTable,
    model: str,
    sent: int,
    written: int,
    cached: int = 0,
    *,
    at: int | None = None,
) -> int:
    usd_nano = prices.price(model, sent, written, cached, at=at).usd_nano
    if usd_nano is None:
        raise SystemExit(f"no price of {model}: install the extra 'prices'")
    return usd_nano
