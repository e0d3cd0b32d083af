"""``aicas import``: recorded pipelines become history."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import print_document
from aicas.cli.invocation import Invocation, json_option, pass_invocation
from aicas.cli.render.progress import Progress
from aicas.cli.render.units import count

if TYPE_CHECKING:
    from aicas.store import Store

_NAMED = 3


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--project", help="The project to import into, for a source of one project.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, source: Path, project: str | None, as_json: bool) -> None:
    """Turn recorded pipelines or a cache folder into history.

    SOURCE is a file of recorded stages (.jsonl or .jsonl.zst), or a cache folder. All of it is
    checked before anything is written; what is in the store already is not imported again.
    """
    wanted = project or invocation.project
    with invocation.store(create=True) as store:
        done = _folder(store, source, wanted) if source.is_dir() else _file(store, source, wanted)
    screen = invocation.screen()
    if as_json:
        print_document(screen, asdict(done))
        return
    where = ", ".join(done.projects[:_NAMED])
    more = len(done.projects) - _NAMED
    screen.line(
        f"imported {done.added:,} of {count(done.records, 'record')} into {where}",
        f" and {more} more" if more > 0 else "",
        f", {done.known:,} were there already" if done.known else "",
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What was imported, from either kind of source."""

    records: int
    added: int
    known: int
    projects: list[str]


def _file(store: Store, source: Path, project: str | None) -> _Done:
    from aicas.transfer.importing import import_records

    with Progress("importing") as progress:
        result = import_records(store, source, project=project, progress=progress)
    return _Done(result.records, result.added, result.known, [*result.projects])


def _folder(store: Store, source: Path, project: str | None) -> _Done:
    from aicas.transfer.seed.reading import import_seed

    result = import_seed(store, source, project)
    added, known = len(result.added), len(result.unchanged)
    return _Done(added + known, added, known, [result.project])
