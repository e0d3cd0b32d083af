"""Opening and making stores: where the outer world (folders, user, environment) is asked."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from aicas.backends.local import layout
from aicas.backends.local.backend import LocalBackend
from aicas.clock import Clock, system_clock
from aicas.config import Given, load_config, read_settings
from aicas.location import find_store
from aicas.store import Store


def open(  # noqa: A001  (as in zarr or dbm; used as aicas.open)
    location: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    project: str | None = None,
    clock: Clock = system_clock,
) -> Store:
    """Open a store.

    Args:
        location: its folder. ``None``: the nearest ``.aicas`` in this folder or above, else what
            the variable ``AICAS_STORE`` names, else one in the user's data folder.
        create: make an empty one where there is none.
        project: the project that bare keys belong to; ``None`` takes the store's setting.
        clock: tells the time.

    Settings are those of the store's ``config.toml`` and, over them, of variables such as
    ``AICAS_MAX_CACHE_SIZE_GB``.

    Raises:
        NotFound: no store there, and ``create`` is false.
        InvalidInput: the folder holds something else, or a setting is out of range.
        UnsupportedFormat: written in a newer format.
        StorageFailed: the folder belongs to others, or is on a network file system.
    """
    folder = _folder(location)
    if create and not layout.is_store(folder):
        layout.create(folder)
    return Store(
        LocalBackend(folder),
        config=load_config(folder, os.environ),
        project=project,
        location=folder,
        clock=clock,
        actor=_actor(),
    )


def init(location: str | os.PathLike[str]) -> Store:
    """Make an empty store in a folder that is new, empty or already a store, and open it.

    Raises:
        InvalidInput, UnsupportedFormat, StorageFailed: as ``open``.
    """
    return open(location)


def in_memory(*, project: str | None = None, clock: Clock = system_clock) -> Store:
    """An empty store that lives as long as the process: for tests and throw-away runs."""
    from aicas.backends.memory import MemoryBackend

    return Store(MemoryBackend(), project=project, clock=clock, actor=_actor())


def find(location: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store that ``open`` would open; nothing in it is read but its format.

    Raises:
        NotFound: there is no store.
        UnsupportedFormat, StorageFailed: as ``open``.
    """
    folder = _folder(location)
    layout.identity(folder)
    return folder


def settings(folder: Path) -> dict[str, Given]:
    """What a store's file and the environment set, with where it comes from.

    Raises:
        InvalidInput: a setting is out of range.
    """
    return read_settings(folder, os.environ)


def _folder(location: str | os.PathLike[str] | None) -> Path:
    if location is not None:
        return Path(location)
    return find_store(Path.cwd(), os.environ, Path.home())


def _actor() -> str:
    """Who this process acts for, as recorded in operations."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid{uid}"
    return f"{name}@{os.uname().nodename}"
