"""Trees: nested, shared, strict on write and on read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas import canonical
from aicas.errors import AicasError, Damaged, InvalidInput, InvalidName, NotFound, UnsupportedFormat
from aicas.ids import BlobId, Kind, ObjectId, SnapshotId, TreeId, hash_object
from aicas.names import TreePath
from aicas.objects.tree import (
    EMPTY_TREE,
    MAX_DEPTH,
    BuiltTree,
    Entry,
    EntryKind,
    Tree,
    build_tree,
    check_link_target,
    decode_tree,
    encode_tree,
    find,
    walk,
    walk_with_folders,
)

BLOB = BlobId(hash_object(Kind.BLOB, b"x"))
FILE = Entry(0o100644, BLOB, 1)
EMPTY = Entry(0o040000, EMPTY_TREE, 0)


def reader(built: BuiltTree) -> Callable[[TreeId], Tree]:
    return lambda tree: decode_tree(built.trees[tree])


def build(*paths: str) -> BuiltTree:
    return build_tree({TreePath(path): FILE for path in paths})


def stored(*rows: object) -> bytes:
    return b"\x01" + canonical.pack(list(rows))


part = st.text(alphabet="abcxyz01._é日", min_size=1, max_size=6).filter(
    lambda text: text[-1] not in "." and text not in ("aux", "con")
)
files = st.dictionaries(
    st.lists(part, min_size=1, max_size=4).map("/".join),
    st.tuples(st.sampled_from([0o100644, 0o100755, 0o120000]), st.integers(0, 10**12)),
    max_size=12,
)


@given(files)
def test_what_is_built_is_walked(wanted: dict[str, tuple[int, int]]) -> None:
    entries = {TreePath(p): Entry(mode, BLOB, size) for p, (mode, size) in wanted.items()}
    try:
        built = build_tree(entries)
    except InvalidName:
        return
    read = reader(built)
    assert dict(walk(built.root, read)) == entries
    assert built.size_bytes == sum(entry.size for entry in entries.values())
    assert built.file_count == len(entries)
    for path, entry in entries.items():
        assert find(built.root, path, read) == entry
    for data in built.trees.values():
        assert encode_tree(decode_tree(data)) == data


@given(files)
def test_order_of_insertion_does_not_matter(wanted: dict[str, tuple[int, int]]) -> None:
    entries = {TreePath(p): Entry(mode, BLOB, size) for p, (mode, size) in wanted.items()}
    backwards = dict(reversed(list(entries.items())))
    try:
        built = build_tree(entries)
    except InvalidName:
        with pytest.raises(InvalidName):
            build_tree(backwards)
        return
    assert build_tree(backwards).root == built.root


def test_frozen_vectors() -> None:
    assert encode_tree(Tree({})).hex() == "0190"
    assert str(EMPTY_TREE) == ("427e76288ae8da965595de3eed70826e843ce0f7b325554f4b49d97861b75353")
    one = Tree({"b": FILE, "a": EMPTY})
    assert encode_tree(one).hex() == (
        "019294a161cd4000c420" + EMPTY_TREE.hex() + "0094a162cd81a4c420" + BLOB.hex() + "01"
    )
    assert (
        str(build("a/b", "c").root)
        == "a807b7dc0b34fe4a38f108138f2ccddca7ba4c0aff4d53216793c18db45e78d0"
    )


def test_unchanged_folders_are_shared() -> None:
    built = build("one/x", "two/x")
    assert len(built.trees) == 2


def test_a_change_touches_only_its_path() -> None:
    before, after = build("a/b/c", "d/e"), build("a/b/c", "a/b/new", "d/e")
    assert len(after.trees.keys() - before.trees.keys()) == 3


def test_empty_folders_are_kept_and_walk_shows_only_files() -> None:
    built = build_tree({TreePath("a/empty"): EMPTY, TreePath("f"): FILE})
    assert [path for path, _ in walk(built.root, reader(built))] == ["f"]
    assert [p for p, _ in walk_with_folders(built.root, reader(built))] == ["a", "a/empty", "f"]
    assert built.file_count == 1
    assert build_tree({}).root == EMPTY_TREE


def test_a_tree_is_an_ordered_immutable_mapping() -> None:
    tree = Tree({"b": FILE, "a": FILE, "B1": FILE, "é": FILE})
    assert list(tree) == ["B1", "a", "b", "é"]
    assert tree == {"a": FILE, "b": FILE, "B1": FILE, "é": FILE}
    assert tree["a"].kind is EntryKind.FILE
    assert not hasattr(tree, "__setitem__")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "C:/x",
        "//server/share",
        "a\0b",
        "a\nb",
        "a\x1b[2Jb",
        "a\u202eb",
        "a\ud800",
        "-rf",
        "a/-rf",
        "con",
        "a/NUL.txt",
        "dot.",
        "space ",
        "x" * 256,
        "/".join(["y" * 200] * 30),
        "/".join(["d"] * (MAX_DEPTH + 1)),
    ],
)
def test_paths_no_tree_may_hold_are_refused_on_write(path: str) -> None:
    with pytest.raises(InvalidName) as caught:
        build(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "paths",
    [
        ("README", "readme"),
        ("src/a", "SRC/b"),
        ("\u00e9", "e\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/b/c", "a/b"),
    ],
)
def test_names_that_collide_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(InvalidName):
        build(*paths)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(0o100600, BLOB, 1),
        Entry(0o104755, BLOB, 1),
        Entry(0o100644, TreeId(BLOB), 1),
        Entry(0o040000, BLOB, 1),
        Entry(0o100644, SnapshotId(BLOB), 1),
        Entry(0o100644, ObjectId(BLOB), 1),
        Entry(0o100644, BlobId(BLOB[:12]), 1),
        Entry(0o100644, BLOB, -1),
        Entry(0o040000, TreeId(BLOB), 1),
    ],
)
def test_entries_that_do_not_fit_are_refused(entry: Entry) -> None:
    with pytest.raises(InvalidInput):
        build_tree({TreePath("a"): entry})


ROW = ["a", 0o100644, bytes(BLOB), 1]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(stored(["b", *ROW[1:]], ROW), id="unsorted"),
        pytest.param(stored(ROW, ROW), id="repeated"),
        pytest.param(stored(ROW, ["A", *ROW[1:]]), id="unsorted and colliding"),
        pytest.param(stored(["A", *ROW[1:]], ROW), id="colliding"),
        pytest.param(stored(["..", *ROW[1:]]), id="dot-dot"),
        pytest.param(stored(["a/b", *ROW[1:]]), id="a separator"),
        pytest.param(stored(["-rf", *ROW[1:]]), id="like an option"),
        pytest.param(stored(["a\u202e", *ROW[1:]]), id="bidi"),
        pytest.param(stored(["con", *ROW[1:]]), id="a device"),
        pytest.param(stored(["a", 0o104755, *ROW[2:]]), id="setuid"),
        pytest.param(stored(["a", True, *ROW[2:]]), id="mode is no integer"),
        pytest.param(stored(["a", 0o100644, bytes(BLOB)[:31], 1]), id="short id"),
        pytest.param(stored(["a", 0o100644, BLOB.hex()[:32], 1]), id="id as text"),
        pytest.param(stored(["a", 0o100644, bytes(BLOB), -1]), id="negative size"),
        pytest.param(stored(["a", 0o100644, bytes(BLOB), 1.0]), id="size is a float"),
        pytest.param(stored(["a", 0o100644, bytes(BLOB)]), id="a field missing"),
        pytest.param(stored([*ROW, 0]), id="a field too many"),
        pytest.param(stored("row"), id="no list"),
        pytest.param(stored([]), id="an empty row"),
        pytest.param(stored([["a"], *ROW[1:]]), id="name is a list"),
        pytest.param(b"\x01" + canonical.pack({"a": 1}), id="a map"),
        pytest.param(b"\x01" + canonical.pack(7), id="a number"),
        pytest.param(stored(ROW) + b"\0", id="trailing byte"),
        pytest.param(stored(ROW)[:-1], id="truncated"),
        pytest.param(b"\x01", id="nothing"),
        pytest.param(b"\x01" + b"\x91" * 100_000, id="deep nesting"),
        pytest.param(b"\x01\xdd\xff\xff\xff\xff", id="a claim of 2^32 rows"),
        pytest.param(b"\x01\xdc\x00\x00", id="a longer form than needed"),
    ],
)
def test_a_tree_that_is_not_canonical_and_valid_is_refused_on_read(data: bytes) -> None:
    with pytest.raises(Damaged) as caught:
        decode_tree(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\x02\x90", b"\x90"])
def test_another_version_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        decode_tree(data)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_our_errors(junk: bytes) -> None:
    try:
        tree = decode_tree(b"\x01" + junk)
    except AicasError:
        return
    assert encode_tree(tree) == b"\x01" + junk


def nested(levels: int, names: tuple[str, ...], leaf: Entry) -> tuple[Entry, dict[TreeId, bytes]]:
    """A chain of folders each holding the next one under every name."""
    trees, entry = {}, leaf
    for _ in range(levels):
        tree = Tree(dict.fromkeys(names, entry))
        data = encode_tree(tree)
        tree_id = TreeId(hash_object(Kind.TREE, data))
        trees[tree_id] = data
        entry = Entry(0o040000, tree_id, tree.size)
    return entry, trees


def test_a_tree_that_is_too_deep_is_refused_while_walking() -> None:
    root, trees = nested(MAX_DEPTH + 1, ("d",), FILE)
    with pytest.raises(Damaged, match="too deep"):
        list(walk(TreeId(root.id), lambda tree: decode_tree(trees[tree])))
    root, trees = nested(MAX_DEPTH, ("d",), FILE)
    assert len(list(walk(TreeId(root.id), lambda tree: decode_tree(trees[tree])))) == 1


def test_a_path_that_is_too_long_is_refused_while_walking() -> None:
    root, trees = nested(30, ("n" * 200,), FILE)
    with pytest.raises(Damaged, match="too long"):
        list(walk(TreeId(root.id), lambda tree: decode_tree(trees[tree])))


def test_a_few_trees_naming_2_to_the_60_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aicas.objects.tree.MAX_ENTRIES", 10_000)
    root, trees = nested(60, ("a", "b"), Entry(0o100644, BLOB, 0))
    with pytest.raises(Damaged, match="too large"):
        for _ in walk(TreeId(root.id), lambda tree: decode_tree(trees[tree])):
            pass


def test_a_subtree_of_another_size_than_listed_is_refused() -> None:
    child, trees = nested(1, ("f",), FILE)
    liar = encode_tree(Tree({"d": Entry(child.mode, child.id, 99)}))
    root = TreeId(hash_object(Kind.TREE, liar))
    trees[root] = liar
    with pytest.raises(Damaged, match="listed with 99"):
        list(walk(root, lambda tree: decode_tree(trees[tree])))
    with pytest.raises(Damaged, match="listed with 99"):
        find(root, TreePath("d/f"), lambda tree: decode_tree(trees[tree]))


def test_an_unknown_path_suggests_near_names() -> None:
    built = build("src/main.py", "readme")
    for path in ("src/mian.py", "readme/x", "src/main.py/x", "nothing"):
        with pytest.raises(NotFound):
            find(built.root, TreePath(path), reader(built))
    with pytest.raises(NotFound) as caught:
        find(built.root, TreePath("src/mian.py"), reader(built))
    assert caught.value.near == ("main.py",)
    with pytest.raises(InvalidName):
        find(built.root, TreePath("../readme"), reader(built))


def test_find_reads_only_the_trees_on_the_way() -> None:
    built = build("a/b/c", "x/y", "z/q")
    seen: list[TreeId] = []

    def read(tree: TreeId) -> Tree:
        seen.append(tree)
        return decode_tree(built.trees[tree])

    assert find(built.root, TreePath("a/b/c"), read) == FILE
    assert len(seen) == 3


def test_more_entries_than_may_be_walked_are_refused_on_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aicas.objects.tree.MAX_ENTRIES", 3)
    with pytest.raises(InvalidInput):
        build("a/1", "a/2", "a/3", "a/4")


@pytest.mark.parametrize(
    "raw", [b"", b"a\0b", b"a\nb", b"\x1b]52;c;x\x07", b"\xff", "a\u202eb".encode(), b"x" * 4097]
)
def test_a_link_target_that_could_fake_a_display_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        check_link_target(raw)


@pytest.mark.parametrize("text", ["a", "../../etc/passwd", "/abs", "-x", "with space", "日本"])
def test_where_a_link_points_is_not_judged(text: str) -> None:
    assert check_link_target(text.encode()) == text
