"""A recorded pipeline, run again: its recorded outputs stand in for the agents.

Every record goes through the same cache-first path as a live stage. The first replay of a file
generates every stage, the next is all hits, and after an invalidation exactly the invalidated
stages run again. A record's fingerprint covers the record itself, so an edited one runs again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicas import (
    Cost,
    Files,
    InvalidInput,
    Recipe,
    Record,
    Replayer,
    Store,
    Survey,
    read_records,
    survey_records,
    usd_to_nano,
)
from aicas.orchestrator.events import Reporter, RunEnded, RunStarted, Totals
from aicas.orchestrator.stages import Product, Reads, StageRunner, Stored

CODE_VERSION = "replay-1"


def target_projects(found: Survey, under: str | None) -> dict[str, str]:
    """Where each recorded project goes: to itself, or to or under the one that is named."""
    if under is None:
        return {project: project for project in found.projects}
    if len(found.projects) == 1:
        return {found.projects[0]: under}
    return {project: f"{under}/{project}" for project in found.projects}


class Replay:
    """Replays one file into a store. For one event loop."""

    def __init__(
        self, store: Store, targets: Mapping[str, str], session: str, report: Reporter
    ) -> None:
        self.totals = Totals()
        self._runners = {
            project: StageRunner(store.at_project(target), session, report, self.totals)
            for project, target in targets.items()
        }
        self._targets = targets
        self._made: dict[tuple[str, str, int], Stored] = {}

    async def run(self, path: Path) -> None:
        """Run every record, in order.

        Raises:
            AicasError: the file changed since it was surveyed, or the store failed.
        """
        replayer = Replayer()
        for record in read_records(path):
            replayed = replayer.replay(record)
            payload = replayed.payload
            omitted = {
                path: {"bytes": facts.bytes, "sha256": facts.sha256}
                for path, facts in replayed.omitted.items()
            }
            product = Product(
                payload=payload if isinstance(payload, str) else _files(payload),
                cost=cost_of(record),
                tags=("replay",),
                meta={"omitted_files": omitted} if omitted else {},
            )
            await self._stage(record, product)

    async def _stage(self, record: Record, product: Product) -> None:
        async def stand_in() -> Product:
            return product

        inputs = [
            Reads(key, self._made[record.project, key, version]) for key, version in record.deps
        ]
        several = len(self._targets) > 1
        where = f" of {self._targets[record.project]}" if several else ""
        stored = await self._runners[record.project].run(
            record.stage_key,
            recipe_of(record),
            inputs,
            stand_in,
            label=f"version {record.version}{where}",
        )
        self._made[record.project, record.stage_key, record.version] = stored


def _files(tree: Mapping[Any, bytes]) -> Files:
    contents: dict[str, bytes | str] = {path: tree[path] for path in tree}
    return Files(contents)


def recipe_of(record: Record) -> Recipe:
    """What identifies a record, so that only the same one is a hit."""
    recipe: dict[str, Any] = {
        "record": f"{record.project} {record.stage_key} version {record.version}",
        "record_digest": record.digest,
        "code_version": CODE_VERSION,
    }
    if record.prompt is not None:
        recipe["prompt"] = record.prompt
    if record.agent is not None:
        recipe["agent_version"] = record.agent
    if record.model is not None:
        recipe["model"] = record.model
    return Recipe.of(recipe)


def cost_of(record: Record) -> Cost:
    """What a record says it cost; unpriced where it says nothing.

    Raises:
        InvalidInput: a recorded count or amount is not one.
    """
    usd = record.cost_usd
    amounts = [call.get("cost_usd") for call in record.calls]
    if usd is None and amounts and all(amount is not None for amount in amounts):
        nano: int | None = sum(usd_to_nano(amount) for amount in amounts if amount is not None)
    else:
        nano = None if usd is None else usd_to_nano(usd)
    return Cost(
        usd_nano=nano,
        input_tokens=_tokens(record, "prompt_tokens"),
        output_tokens=_tokens(record, "completion_tokens"),
        model=record.model,
        calls=len(record.calls) or 1,
    )


def _tokens(record: Record, name: str) -> int:
    """A sum as recorded for the whole stage, else over its calls; 0 where nothing is."""
    whole = record.tokens.get(name) if isinstance(record.tokens, Mapping) else None
    parts = [call.get(name) for call in record.calls] if whole is None else [whole]
    for part in parts:
        if part is not None and (type(part) is not int or part < 0):
            raise InvalidInput(f"line {record.line}: {name} is not a count: {str(part)[:40]!a}")
    return sum(part for part in parts if part is not None)


def _survey(path: Path) -> Survey:
    """Refuse a file whole, before anything of it is stored."""
    found = survey_records(path, inspect=cost_of)
    if not found.records:
        raise InvalidInput(f"{str(path)!a} holds no records")
    return found


async def replay_file(
    store: Store, path: Path, project: str | None, session: str, report: Reporter
) -> Totals:
    """Replay a whole file; see ``target_projects``.

    Raises:
        AicasError: the file is refused, and nothing of it was stored; or the store failed.
    """
    found = await asyncio.to_thread(_survey, path)
    targets = target_projects(found, project)
    report(RunStarted(f"replay {path.name}", session, ", ".join(targets.values())))
    run = Replay(store, targets, session, report)
    try:
        await run.run(path)
    except BaseException:
        report(RunEnded(run.totals, complete=False))
        raise
    report(RunEnded(run.totals, complete=True))
    return run.totals
