"""Recorded deltas back to whole trees, and the order of recorded versions held to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from aicas.errors import InvalidInput, InvalidName
from aicas.names import Key, Project, TreePath, check_collisions
from aicas.transfer.records import Omitted, Record, RecordPayload


@dataclass(frozen=True, slots=True)
class Replayed:
    """A record's payload as it stood then: a text, or the whole tree of its key."""

    payload: str | Mapping[TreePath, bytes]
    omitted: Mapping[TreePath, Omitted]
    """Files of that tree whose bytes no record holds."""


class Replayer:
    """Deltas to whole trees, per project and key. Not for use by several threads at once.

    Feed it every record of a file, in order.
    """

    def __init__(self) -> None:
        self._versions: dict[tuple[Project, Key], int] = {}
        self._trees: dict[tuple[Project, Key], Replayed] = {}

    def replay(self, record: Record) -> Replayed:
        """What the record's key holds at the record's version.

        Raises:
            InvalidInput: its version does not follow the one before, a dependency's version has
                not been seen, or two paths of the tree cannot lie in one folder.
        """
        where = f"line {record.line}"
        here = (record.project, record.stage_key)
        before = self._versions.get(here, 0)
        if record.version != before + 1:
            raise InvalidInput(f"{where}: version {record.version} does not follow {before}")
        for key, version in record.deps:
            seen = self._versions.get((record.project, key), 0)
            if not 1 <= version <= seen:
                raise InvalidInput(f"{where}: it depends on {key} version {version}, not seen yet")
        try:
            replayed = self._apply(here, record.payload)
        except InvalidName as error:
            raise InvalidInput(f"{where}: {error}") from error
        self._versions[here] = record.version
        self._trees[here] = replayed
        return replayed

    def _apply(self, here: tuple[Project, Key], payload: RecordPayload) -> Replayed:
        if payload.text is not None:
            return Replayed(payload.text, {})
        files: dict[TreePath, bytes] = {}
        omitted: dict[TreePath, Omitted] = {}
        old = self._trees.get(here)
        if payload.kind == "delta" and old is not None and not isinstance(old.payload, str):
            files.update(old.payload)
            omitted.update(old.omitted)
        for path in (*payload.deleted, *payload.files, *payload.omitted):
            files.pop(path, None)
            omitted.pop(path, None)
        files.update(payload.files)
        omitted.update(payload.omitted)
        _check_layout({*files, *omitted})
        return Replayed(files, omitted)


def _check_layout(paths: Collection[str]) -> None:
    """Refuse paths that cannot lie side by side on every file system."""
    folders = {parent for path in paths for parent in _parents(path)}
    both = folders.intersection(paths)
    if both:
        raise InvalidName("path", min(both), "is both a file and a folder")
    check_collisions([*paths, *folders])


def _parents(path: str) -> Iterator[str]:
    end = path.find("/")
    while end > 0:
        yield path[:end]
        end = path.find("/", end + 1)
