"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aicas.errors import InvalidInput, NotFound, StorageFailed
from aicas.store import Store

_FOLDER_MODE = 0o755


@contextmanager
def written_aside(directory: str | Path) -> Iterator[Path]:
    """A private folder beside ``directory``, which takes its name when the block is done.

    If the block fails, nothing of it stays. Missing parent folders are made.

    Raises:
        InvalidInput: ``directory`` is there and is no empty folder; nothing was written.
        StorageFailed: the file system refused.
    """
    target = Path(os.path.abspath(directory))  # noqa: PTH100  (links are looked at, not followed)
    _check_free(target)
    try:
        with _parents_made(target):
            aside = target.parent / f".aicas-export-{secrets.token_hex(8)}"
            aside.mkdir(mode=0o700)
            try:
                yield aside
                aside.chmod(_FOLDER_MODE)
                aside.rename(target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(f"cannot write {str(target)!a}: {error.strerror or error}") from error


def _check_free(target: Path) -> None:
    problem = None
    with suppress(FileNotFoundError):
        if target.is_symlink() or not target.is_dir():
            problem = "is not a folder" if os.path.lexists(target) else None
        elif any(target.iterdir()):
            problem = "is not empty"
    if problem:
        raise InvalidInput(
            f"{str(target)!a} {problem}; nothing was written",
            hint="name a folder that is new or empty",
        )


@contextmanager
def _parents_made(target: Path) -> Iterator[None]:
    made: list[Path] = []
    path = target.parent
    while not path.exists():
        made.append(path)
        path = path.parent
    try:
        for folder in reversed(made):
            folder.mkdir()
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def nothing_in(store: Store) -> NotFound:
    """What to raise when the store's project has nothing to export."""
    import difflib

    near = difflib.get_close_matches(store.project, store.projects(), n=3)
    return NotFound(f"project {store.project} has nothing to export", near=near)
