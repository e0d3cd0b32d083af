"""The store's folder: made whole or not at all, recognised, and refused where it cannot be safe.

format      what this folder is, its version and the store's random identity; written last
config.toml settings
lock        the writer lock; ``gc.lock`` the sweeper's, ``index.lock`` of whoever writes the index,
            ``merge.lock`` of whoever merges runs of it, ``events.lock`` of whoever records
            events, ``leases.lock`` of whoever takes a lease
reclaiming  there while a collection gives space back, or was cut off doing so
log/        segments
packs/      objects moved out of the log; made with the first pack
large/      objects with a file of their own; incoming/ those still being written
events/     what happened beside the log, one file a day; made with the first event
leases/     who is at work on what; made with the first lease
index/      disposable
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from aicas.backends.local import files
from aicas.backends.local.segment import Segment
from aicas.errors import InvalidInput, NotFound, StorageFailed, UnsupportedFormat

VERSION = 1
FORMAT_FILE = "format"
FOLDERS = ("log", "large", "incoming", "index")
# /proc/self/mountinfo (proc_pid_mountinfo(5)): the fifth field, with spaces and such in octal.
_MOUNT_POINT = 4
_OCTAL = re.compile(r"\\([0-7]{3})")
_IDENTITY = re.compile("[0-9a-f]{32}")
_NETWORK = frozenset(["nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "fuse.sshfs"])


def is_store(folder: Path) -> bool:
    """Whether the folder holds a store, of whatever version."""
    return (folder / FORMAT_FILE).is_file()


def create(folder: Path) -> None:
    """Make an empty store, durably; one that exists already is left alone.

    Safe when several processes do it at once, and after a crash in the middle.

    Raises:
        InvalidInput: the folder exists and holds something else.
        StorageFailed: it cannot be made, or would not be safe there.
    """
    _check_file_system(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        files.create_folder(folder)
        files.check_private(folder)
        _check_vacant(folder)
        with files.FileLock(folder / "lock").held():
            if not is_store(folder):
                _fill(folder)
    except OSError as error:
        raise StorageFailed(f"cannot create a store at {folder}: {error.strerror}") from error


def _check_vacant(folder: Path) -> None:
    ours = {*FOLDERS, FORMAT_FILE, FORMAT_FILE + ".new", "lock"}
    found = {path.name for path in folder.iterdir()}
    # In this order: another process may be making the store, and using it, at this moment.
    if not found <= ours and not is_store(folder):
        raise InvalidInput(f"{folder} is not empty and not a store", hint="name an empty folder")


def _fill(folder: Path) -> None:
    for name in FOLDERS:
        files.create_folder(folder / name)
    first = folder / "log" / "00000001.seg"
    if not first.exists():
        Segment.create(folder / "log", 1)
    draft = folder / (FORMAT_FILE + ".new")
    draft.unlink(missing_ok=True)
    fd = files.create_file(draft)
    try:
        text = f"aicas store\nformat {VERSION}\nid {os.urandom(16).hex()}\n"
        files.write_all(fd, text.encode(), 0)
        files.flush_file(fd)
    finally:
        os.close(fd)
    draft.rename(folder / FORMAT_FILE)
    files.flush_folder(folder)
    files.flush_folder(folder.parent)


def identity(folder: Path) -> bytes:
    """The random identity of the store in ``folder``, after checking that it can be used.

    Raises:
        NotFound: no store there.
        UnsupportedFormat: a store of a newer version.
        StorageFailed: prepared by another user, or on a file system that loses locks.
    """
    try:
        files.check_private(folder)
        text = (folder / FORMAT_FILE).read_bytes()[:1000].decode("utf-8", "replace")
    except FileNotFoundError as error:
        hint = "'aicas init' makes one"
        raise NotFound(f"there is no store at {folder}", hint=hint) from error
    except OSError as error:
        raise StorageFailed(f"cannot open the store at {folder}: {error.strerror}") from error
    _check_file_system(folder)
    return _parse_format(folder, text.splitlines())


def _parse_format(folder: Path, lines: list[str]) -> bytes:
    fields = dict(line.split(" ", 1) for line in lines[1:] if " " in line)
    version, name = fields.get("format", ""), fields.get("id", "")
    if not lines or lines[0] != "aicas store" or not version.isdecimal():
        raise UnsupportedFormat(f"{folder / FORMAT_FILE} is not that of an aicas store")
    if version != str(VERSION):
        raise UnsupportedFormat(
            f"the store at {folder} has format {version}; this aicas reads format {VERSION}",
            hint="use the version of aicas that wrote it, or a newer one",
        )
    if not _IDENTITY.fullmatch(name):
        raise UnsupportedFormat(f"{folder / FORMAT_FILE} names no store identity")
    return bytes.fromhex(name)


def _check_file_system(folder: Path) -> None:
    kind = _file_system(Path(os.path.realpath(folder)), Path("/proc/self/mountinfo"))
    if kind in _NETWORK:
        raise StorageFailed(
            f"{folder} is on a network file system ({kind}), whose locks and flushes do not hold",
            hint="put the store on a local disk",
        )


def _file_system(folder: Path, mounts: Path) -> str | None:
    """The type of the file system a folder is on; ``None`` where the system does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    depth, kind = -1, None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        mount, types = fields.split(), rest.split()
        if len(mount) > _MOUNT_POINT and types:
            point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), mount[_MOUNT_POINT]))
            # Of two mounts on one point, the later hides the earlier.
            if (folder == point or point in folder.parents) and len(point.parts) >= depth:
                depth, kind = len(point.parts), types[0]
    return kind
