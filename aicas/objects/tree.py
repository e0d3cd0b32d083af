"""Trees: names to entries, nested like git's, so that unchanged folders are shared.

A tree's canonical bytes are a version byte and canonical msgpack of
``[[name, mode, id, size], ...]``, sorted by the UTF-8 of the name. A subtree's size is the total
of everything below it. The empty tree is valid anywhere: that is how empty folders are kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from aicas import canonical, names
from aicas.errors import AicasError, Damaged, InvalidInput, InvalidName, NotFound, UnsupportedFormat
from aicas.ids import BlobId, Kind, ObjectId, TreeId, hash_object
from aicas.names import TreePath

VERSION = b"\x01"
MAX_DEPTH = 128
MAX_ENTRIES = 1_000_000
"""Entries below one root. Shared subtrees can make a small tree name 2^100 files."""
MAX_LINK_BYTES = 4096


class EntryKind(Enum):
    """What an entry is; the value is its mode, as git writes it."""

    FILE = 0o100644
    EXECUTABLE = 0o100755
    SYMLINK = 0o120000
    TREE = 0o040000


_KINDS = {kind.value: kind for kind in EntryKind}
_FOLDER = EntryKind.TREE.value


class Entry(NamedTuple):
    """One name's content in a tree. A symlink's blob holds the text of its target."""

    mode: int
    id: ObjectId
    size: int

    @property
    def kind(self) -> EntryKind:
        """What the entry is."""
        return _KINDS[self.mode]


class Tree(Mapping[str, Entry]):
    """One folder: an immutable mapping from name to entry, ordered by name.

    Raises:
        InvalidInput: a name no tree may hold, names that collide, or an entry whose mode, id
            type and size do not fit together.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        for name, entry in entries.items():
            names.check_tree_name(name)
            _check_entry(name, entry)
        names.check_collisions(entries)
        # Code point order is UTF-8 byte order.
        self._entries = {name: entries[name] for name in sorted(entries)}

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Tree({len(self._entries)} entries)"

    @property
    def size(self) -> int:
        """Total bytes of everything below."""
        return sum(entry.size for entry in self._entries.values())


def _check_entry(name: str, entry: Entry) -> None:
    mode, object_id, size = entry
    if mode not in _KINDS:
        raise InvalidInput(f"{name!a} has the unknown mode {mode:o}")
    wanted = TreeId if mode == _FOLDER else BlobId
    if type(object_id) is not wanted or len(object_id) != 32:
        raise InvalidInput(f"{name!a} has mode {mode:o} but no {wanted.__name__}")
    if size < 0:
        raise InvalidInput(f"{name!a} has the size {size}")


def encode_tree(tree: Tree) -> bytes:
    """The canonical bytes of a tree."""
    return _encode([(name, *entry) for name, entry in tree.items()])


def _encode(rows: list[tuple[str, int, ObjectId, int]]) -> bytes:
    """The canonical bytes of a tree of these names, modes, ids and sizes, which are in order."""
    return VERSION + canonical.pack_ordered(rows)


def decode_tree(data: bytes) -> Tree:
    """Read what ``encode_tree`` wrote; anything it would not have written is refused.

    Raises:
        UnsupportedFormat: a version this code does not know.
        Damaged: not canonical, unsorted or repeated names, names or modes no tree may hold.
    """
    if data[:1] != VERSION:
        raise UnsupportedFormat(f"tree of format version {data[:1].hex() or 'none'} is unknown")
    rows = canonical.unpack(data[1:])
    if not isinstance(rows, list):
        raise Damaged(f"tree is a {type(rows).__name__}, not a list")
    try:
        entries = {row[0]: _decode_entry(*row) for row in rows}
        tree = Tree(entries)
    except (AicasError, TypeError, ValueError, IndexError) as error:
        raise Damaged(f"tree is not valid: {error}") from error
    if len(tree) != len(rows) or any(a[0] != b for a, b in zip(rows, tree, strict=True)):
        raise Damaged("tree has repeated or unsorted names")
    return tree


def _decode_entry(name: str, mode: int, raw: bytes, size: int) -> Entry:
    if (type(name), type(mode), type(raw), type(size)) != (str, int, bytes, int):
        raise TypeError("entry is not [name, mode, id, size]")
    if len(raw) != 32:
        raise ValueError(f"id of {len(raw)} bytes")
    return Entry(mode, TreeId(raw) if mode == EntryKind.TREE.value else BlobId(raw), size)


EMPTY_TREE = TreeId(hash_object(Kind.TREE, encode_tree(Tree({}))))


def check_link_target(raw: bytes) -> str:
    """The text of a symlink's target. Where it points is not judged: links are never followed.

    Raises:
        InvalidInput: empty, over 4096 bytes, not UTF-8, or with control or invisible characters.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("target of a symbolic link is not UTF-8") from error
    check_link_size(len(raw))
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in "\u200c\u200d":
            raise InvalidInput(f"target of a symbolic link holds U+{ord(char):04X}")
    return text


def check_link_size(size: int) -> None:
    """Refuse a link whose target is empty or over 4096 bytes, before it is read.

    Raises:
        InvalidInput: it is.
    """
    if not 0 < size <= MAX_LINK_BYTES:
        raise InvalidInput(f"target of a symbolic link is {size} bytes long")


class BuiltTree(NamedTuple):
    """A whole tree, ready to be stored."""

    root: TreeId
    trees: dict[TreeId, bytes]
    """The canonical bytes of the root and every tree below it."""
    size_bytes: int
    file_count: int
    """Files and links; folders do not count."""


def build_tree(entries: Mapping[TreePath, Entry]) -> BuiltTree:
    """Nest a flat mapping of paths into trees.

    An entry of mode TREE stands for an empty folder and must be ``EMPTY_TREE``.

    Raises:
        InvalidInput: a path no tree may hold, a path that is both a file and a folder, names
            that collide, more than ``MAX_DEPTH`` levels or ``MAX_ENTRIES`` entries.
    """
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput(f"{len(entries)} files are more than {MAX_ENTRIES}")
    root: _Folder = {}
    folders = {"": root}
    for path, entry in entries.items():
        head, _, name = names.check_tree_path(path).rpartition("/")
        folder = folders.get(head)
        if folder is None:
            folder = folders[head] = _folder(root, path)
        _insert(folder, path, name, entry)
    trees: dict[TreeId, bytes] = {}
    top = _close(root, trees)
    files = sum(entry.mode != _FOLDER for entry in entries.values())
    return BuiltTree(TreeId(top.id), trees, top.size, files)


_Folder = dict[str, "Entry | _Folder"]


def _folder(root: _Folder, path: TreePath) -> _Folder:
    """The folder that ``path`` lies in, made with those above it where there is none yet."""
    *folders, _ = path.split("/")
    if len(folders) >= MAX_DEPTH:
        raise InvalidName("path", path, f"has more than {MAX_DEPTH} parts")
    folder = root
    for part in folders:
        node = folder.setdefault(part, {})
        if isinstance(node, Entry):
            raise InvalidName("path", path, f"has {part!a}, which is also a file")
        folder = node
    return folder


def _insert(folder: _Folder, path: TreePath, name: str, entry: Entry) -> None:
    new: Entry | _Folder = entry
    if entry.mode == _FOLDER:
        if entry.id != EMPTY_TREE:
            raise InvalidInput(f"{path!a} is a folder that is not empty")
        new = {}
    if name in folder and not (new == {} and isinstance(folder[name], dict)):
        raise InvalidName("path", path, "is both a file and a folder")
    folder.setdefault(name, new)


def _close(folder: _Folder, trees: dict[TreeId, bytes]) -> Entry:
    """The entry of a folder whose names were checked as parts of paths."""
    names.check_collisions(folder)
    rows, size = [], 0
    for name in sorted(folder):
        node = folder[name]
        entry = node if isinstance(node, Entry) else _close(node, trees)
        _check_entry(name, entry)
        rows.append((name, *entry))
        size += entry.size
    data = _encode(rows)
    tree_id = TreeId(hash_object(Kind.TREE, data))
    trees[tree_id] = data
    return Entry(_FOLDER, tree_id, size)


def walk(root: TreeId, read_tree: Callable[[TreeId], Tree]) -> Iterator[tuple[TreePath, Entry]]:
    """Every file and link below ``root``, folder by folder in name order.

    Raises:
        Damaged: deeper than ``MAX_DEPTH``, more than ``MAX_ENTRIES`` entries, a path that is too
            long, or a subtree whose size is not what its entry says.
    """
    for path, entry in walk_with_folders(root, read_tree):
        if entry.kind is not EntryKind.TREE:
            yield path, entry


def walk_with_folders(
    root: TreeId, read_tree: Callable[[TreeId], Tree]
) -> Iterator[tuple[TreePath, Entry]]:
    """As ``walk``, with every folder before what it holds."""
    levels: list[tuple[str, Iterator[tuple[str, Entry]]]] = [("", iter(read_tree(root).items()))]
    seen = 0
    while levels:
        prefix, rest = levels[-1]
        name, entry = next(rest, ("", None))
        if entry is None:
            levels.pop()
            continue
        seen += 1
        path = prefix + name
        if seen > MAX_ENTRIES or len(levels) > MAX_DEPTH or len(path) > names.MAX_PATH_BYTES:
            raise Damaged(f"tree {root.short} is too large, too deep or has too long a path")
        yield TreePath(path), entry
        if entry.kind is EntryKind.TREE:
            levels.append((path + "/", iter(_subtree(entry, read_tree).items())))


def find(root: TreeId, path: TreePath, read_tree: Callable[[TreeId], Tree]) -> Entry:
    """The entry at ``path``, reading only the trees on the way.

    Raises:
        NotFound: there is none; names of the same folder are suggested.
        InvalidName: the path is one no tree may hold.
    """
    tree = read_tree(root)
    *folders, last = names.check_tree_path(path).split("/")
    for part in folders:
        entry = tree.get(part)
        if entry is None or entry.kind is not EntryKind.TREE:
            raise _no_path(path, part, tree)
        tree = _subtree(entry, read_tree)
    found = tree.get(last)
    if found is None:
        raise _no_path(path, last, tree)
    return found


def _no_path(path: str, part: str, tree: Tree) -> NotFound:
    import difflib

    near = difflib.get_close_matches(part, tree, n=3)
    return NotFound(f"no path {path!a}: there is no {part!a} in its folder", near=near)


def _subtree(entry: Entry, read_tree: Callable[[TreeId], Tree]) -> Tree:
    tree = read_tree(TreeId(entry.id))
    if tree.size != entry.size:
        raise Damaged(
            f"tree {entry.id.short} holds {tree.size} bytes and is listed with {entry.size}",
            object_id=entry.id,
        )
    return tree
