"""Which files that went and files that came are one file moved.

Equal content is a move whatever its size. Otherwise the lines both have decide; that search
is bounded in pairs, in the size of a file and in bytes read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice, product
from typing import NamedTuple

from aicas.ids import BlobId, ObjectId
from aicas.names import TreePath
from aicas.objects.tree import Entry, EntryKind

MIN_SIMILARITY = 60
"""Per cent of content two files must share to be called one file renamed."""
MAX_FILE_BYTES = 1 << 20
"""A larger file is only recognised when it moved unchanged."""
_MAX_BYTES_READ = 32 << 20
_MAX_PAIRS = 10_000

ReadBlob = Callable[[BlobId], bytes]
Leaves = dict[TreePath, Entry]


class Rename(NamedTuple):
    """A file that moved, and the per cent of its content that stayed."""

    old: TreePath
    new: TreePath
    similarity: int


def find_renames(
    removed: Mapping[TreePath, Entry], added: Mapping[TreePath, Entry], read_blob: ReadBlob
) -> list[Rename]:
    """Pair files of ``removed`` with files of ``added``, each at most once.

    Equal content first, then the most alike; among equals, those that kept their name. A link
    never becomes a file, and empty files, which are all equal, are never paired.
    """
    old = {path: removed[path] for path in sorted(removed) if removed[path].size}
    new = {path: added[path] for path in sorted(added) if added[path].size}
    found: list[Rename] = []
    for kept in (_name, _any_name):
        found += _settled(_equal(old, new, kept), old, new)
    alike = sorted(
        _similar(old, new, _Contents(read_blob)),
        key=lambda r: (-r.similarity, _name(r.old) != _name(r.new), r.old, r.new),
    )
    return found + _settled(alike, old, new)


def _settled(wanted: Iterable[Rename], old: Leaves, new: Leaves) -> list[Rename]:
    """Those of ``wanted``, in order, whose files are both still free; they no longer are."""
    found = []
    for rename in wanted:
        if rename.old in old and rename.new in new:
            del old[rename.old], new[rename.new]
            found.append(rename)
    return found


def _name(path: TreePath) -> str:
    return path.rpartition("/")[2]


def _any_name(_: TreePath) -> str:
    return ""


def _equal(old: Leaves, new: Leaves, kept: Callable[[TreePath], str]) -> list[Rename]:
    places: defaultdict[tuple[ObjectId, bool, str], list[TreePath]] = defaultdict(list)
    for path, entry in old.items():
        places[entry.id, _is_link(entry), kept(path)].append(path)
    for copies in places.values():
        copies.reverse()
    found = []
    for path, entry in new.items():
        copies = places.get((entry.id, _is_link(entry), kept(path)), [])
        if copies:
            found.append(Rename(copies.pop(), path, 100))
    return found


def _is_link(entry: Entry) -> bool:
    return entry.kind is EntryKind.SYMLINK


def _similar(old: Leaves, new: Leaves, contents: _Contents) -> Iterator[Rename]:
    for before, after in islice(_candidates(old, new), _MAX_PAIRS):
        a, b = old[before], new[after]
        smaller, larger = sorted((a.size, b.size))
        if larger > MAX_FILE_BYTES or smaller * 100 < larger * MIN_SIMILARITY:
            continue
        if _is_link(a) or _is_link(b):
            continue
        similarity = contents.shared_bytes(a, b) * 100 // larger
        if similarity >= MIN_SIMILARITY:
            yield Rename(before, after, similarity)


def _candidates(old: Leaves, new: Leaves) -> Iterator[tuple[TreePath, TreePath]]:
    """Every pair once, those of the same name first: the search may stop early."""
    named: defaultdict[str, list[TreePath]] = defaultdict(list)
    for path in old:
        named[_name(path)].append(path)
    same = ((before, after) for after in new for before in named.get(_name(after), ()))
    other = (pair for pair in product(old, new) if _name(pair[0]) != _name(pair[1]))
    return chain(same, other)


class _Contents:
    """Files as counted lines, read once each until the budget of bytes is spent."""

    def __init__(self, read_blob: ReadBlob) -> None:
        self._read_blob = read_blob
        self._budget = _MAX_BYTES_READ
        self._counted: dict[ObjectId, Counter[bytes]] = {}

    def shared_bytes(self, a: Entry, b: Entry) -> int:
        """Bytes in the lines both have; 0 for what the budget did not allow to read."""
        left, right = self._lines(a), self._lines(b)
        return sum(len(line) * min(left[line], right[line]) for line in left.keys() & right.keys())

    def _lines(self, entry: Entry) -> Counter[bytes]:
        if entry.id not in self._counted:
            self._budget -= entry.size
            data = self._read_blob(BlobId(entry.id)) if self._budget >= 0 else b""
            self._counted[entry.id] = Counter(data.splitlines(keepends=True))
        return self._counted[entry.id]
