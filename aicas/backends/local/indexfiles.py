"""The files of the index: private whatever the umask, deleted together, leftovers swept."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from aicas.backends.local.files import create_folder, ensure_file
from aicas.backends.local.runs import DRAFT_SUFFIX, SUFFIX
from aicas.errors import StorageFailed


def prepare_index(path: Path) -> None:
    """Make sure there is a file for SQLite to open, which would let the umask decide its mode.

    Raises:
        StorageFailed: the disk refused.
    """
    try:
        create_folder(path.parent)
        if not path.exists():
            delete_index(path)  # what SQLite kept beside it belonged to another file
        ensure_file(path)
    except OSError as error:
        raise StorageFailed(f"cannot make the store's index: {error.strerror}") from error


def delete_index(path: Path) -> None:
    """Delete the index; a process that has it open goes on with the unnamed files.

    Raises:
        StorageFailed: the disk refused.
    """
    try:
        for pattern in (path.name + "*", "*" + SUFFIX + "*"):
            for found in path.parent.glob(pattern):
                found.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot remove the store's index: {error.strerror}") from error


def sweep_runs(folder: Path, listed: Collection[bytes]) -> None:
    """Delete the runs that are not listed any more. Needs the index lock."""
    wanted = {name.hex() + SUFFIX for name in listed}
    with suppress(OSError):  # then the next sweep does
        for found in folder.glob("*" + SUFFIX):
            if found.name not in wanted:
                found.unlink()


def sweep_drafts(folder: Path) -> None:
    """Delete what a cut-off merge was writing. Needs the merging lock."""
    with suppress(OSError):
        for found in folder.glob("*" + DRAFT_SUFFIX):
            found.unlink()
