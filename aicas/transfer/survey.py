"""A whole recording checked before anything of it is used, in memory that its size does not fix.

What is only checked need not be held: contents are dropped, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aicas.errors import InvalidInput
from aicas.names import Project
from aicas.transfer.records import Record, read_records
from aicas.transfer.replayer import Replayer

MAX_CONTENT = 1 << 30
"""Most bytes of files and texts in one recording: whoever replays it holds the newest trees."""
# What a path or a key costs beside its text, so that a million empty files count too.
_OVERHEAD = 512


@dataclass(frozen=True, slots=True)
class Survey:
    """What a recording holds."""

    projects: tuple[Project, ...]
    """In the order of their first records."""
    records: int


def survey_records(path: str | Path, inspect: Callable[[Record], object] | None = None) -> Survey:
    """Read a whole file of records.

    Args:
        path: the file.
        inspect: called with every record, to refuse it for reasons of the caller's.

    Raises:
        NotFound, InvalidInput, StorageFailed: as ``read_records`` and ``Replayer.replay``, and
            for more than ``MAX_CONTENT`` in all.
    """
    path = Path(path)
    projects: dict[Project, None] = {}
    replayer = Replayer()
    count = weight = 0
    for record in read_records(path):
        replayer.replay(hollow(record))
        if inspect is not None:
            inspect(record)
        projects[record.project] = None
        count += 1
        weight += weight_of(record)
        if weight > MAX_CONTENT:
            raise InvalidInput(f"{str(path)!a} holds over {MAX_CONTENT >> 20} MiB of content")
    return Survey(tuple(projects), count)


def hollow(record: Record) -> Record:
    """The record with empty files."""
    files = dict.fromkeys(record.payload.files, b"")
    return replace(record, payload=replace(record.payload, files=files))


def weight_of(record: Record) -> int:
    """What holding a record takes, about."""
    payload = record.payload
    paths = (*payload.files, *payload.omitted)
    content = sum(map(len, payload.files.values())) + len(payload.text or "")
    return content + sum(map(len, paths)) + _OVERHEAD * (len(paths) + 1)
