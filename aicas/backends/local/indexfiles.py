"""The files of the index: private whatever the umask, and deleted together."""

from __future__ import annotations

from pathlib import Path

from aicas.backends.local.files import create_folder, ensure_file
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
        for found in path.parent.glob(path.name + "*"):
            found.unlink()
    except OSError as error:
        raise StorageFailed(f"cannot remove the store's index: {error.strerror}") from error
