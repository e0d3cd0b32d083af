"""``Files``: the files a stage produced, as a read-only mapping from path to content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeGuard

from aicas import names
from aicas.errors import Damaged, InvalidInput
from aicas.ids import BlobId
from aicas.objects.tree import Entry, EntryKind

_MODES = {kind.value for kind in EntryKind} - {EntryKind.TREE.value}


class Files(Mapping[str, bytes]):
    """Paths and contents. Iterating, ``len`` and ``in`` read no content; ``[]`` reads one file.

    Contents are ``bytes``; a ``str`` given for one is stored as UTF-8. A symlink's content is
    the text of its target. Reading is as safe from several threads as the mapping it wraps.

    Args:
        contents: path to content.
        modes: modes other than 0o100644, by path: 0o100755 or 0o120000.
        empty_folders: folders with nothing in them.

    Raises:
        InvalidInput: a path no tree may hold, a mode that is no file's, or a mode for no file.
    """

    __slots__ = ("_contents", "_modes", "empty_folders")

    def __init__(
        self,
        contents: Mapping[str, bytes | str],
        *,
        modes: Mapping[str, int] | None = None,
        empty_folders: Iterable[str] = (),
    ) -> None:
        self._contents = contents
        self._modes = dict(modes or {})
        self.empty_folders = tuple(empty_folders)
        for path in (*contents, *self.empty_folders):
            if not isinstance(path, str):
                raise InvalidInput(f"path {ascii(path)[:60]} is not a string")
            names.check_tree_path(path)
        for path, mode in self._modes.items():
            if path not in contents or mode not in _MODES:
                raise InvalidInput(f"mode {mode:o} does not fit {path!a}")

    @classmethod
    def stored(
        cls,
        entries: Mapping[str, Entry],
        read_blob: Callable[[BlobId], bytes],
        *,
        empty_folders: Iterable[str] = (),
    ) -> Files:
        """Files of a store, each read through ``read_blob`` when asked for."""
        modes = {
            path: entry.mode for path, entry in entries.items() if entry.kind is not EntryKind.FILE
        }
        return cls(_Stored(entries, read_blob), modes=modes, empty_folders=empty_folders)

    def __getitem__(self, path: str) -> bytes:
        content = self._contents[path]
        if isinstance(content, str):
            return _encode(path, content)
        if not isinstance(content, bytes):
            raise InvalidInput(f"content of {path!a} is {type(content).__name__}, not bytes")
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)

    def __contains__(self, path: object) -> bool:
        return path in self._contents

    def __eq__(self, other: object) -> bool:
        if not _is_mapping(other):
            return NotImplemented
        return self.keys() == other.keys() and all(self[path] == other[path] for path in self)

    __hash__ = None  # type: ignore[assignment]  # compared by content, like any mapping

    def __repr__(self) -> str:
        return f"Files({sorted(self)[:5]}{', ...' if len(self) > 5 else ''})"

    def mode(self, path: str) -> int:
        """The file's mode: 0o100644, 0o100755, or 0o120000 for a symlink."""
        if path not in self._contents:
            raise KeyError(path)
        return self._modes.get(path, EntryKind.FILE.value)

    def modes(self) -> Iterator[tuple[str, int]]:
        """Every path with its file's mode."""
        usual = EntryKind.FILE.value
        return ((path, self._modes.get(path, usual)) for path in self._contents)


def _is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _encode(path: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"content of {path!a} is not valid Unicode") from error


class _Stored(Mapping[str, bytes]):
    """Contents that are read from a store when asked for."""

    __slots__ = ("_entries", "_read_blob")

    def __init__(self, entries: Mapping[str, Entry], read_blob: Callable[[BlobId], bytes]) -> None:
        self._entries = entries
        self._read_blob = read_blob

    def __getitem__(self, path: str) -> bytes:
        entry = self._entries[path]
        content = self._read_blob(BlobId(entry.id))
        if len(content) != entry.size:
            raise Damaged(
                f"{path!a} has {len(content)} bytes and is listed with {entry.size}",
                object_id=entry.id,
            )
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries
