"""Parts of inputs: what a pointer or a glob names, and that nothing else counts."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_budget import at_most_lines

from aicas import canonical
from aicas.backends.memory import MemoryBackend
from aicas.backends.operation import Operation
from aicas.errors import Damaged, InvalidInput
from aicas.ids import TreeId
from aicas.objects.codec import encode_frame
from aicas.objects.files import Files
from aicas.objects.payload import prepare
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot
from aicas.objects.tree import Tree
from aicas.validity.selector import selected, slice_digest, split_selector


class Held:
    """One payload in a store of its own, with the folders that were read of it."""

    def __init__(self, payload: Any, media_type: str | None = None) -> None:
        backend = MemoryBackend()
        prepared = prepare(payload, backend.stage, media_type=media_type)
        frames = {i: encode_frame(i.kind, data) for i, data in prepared.raw.items()}
        backend.publish(frames, Operation("put", 0, "test"), {})
        self.snapshot = Snapshot("stage", 0, prepared.ref)
        self.reader = _Counting(backend)

    def digest(self, selector: str) -> bytes | None:
        return slice_digest(self.snapshot, selector, self.reader)

    def part(self, selector: str) -> Any:
        return selected(self.snapshot, selector, self.reader)

    def paths(self, selector: str) -> list[str]:
        found = self.part(selector)
        return [] if found is None else sorted(found)


class _Counting(ObjectReader):
    def __init__(self, backend: MemoryBackend) -> None:
        super().__init__(backend)
        self.trees = 0

    def tree(self, object_id: TreeId) -> Tree:
        self.trees += 1
        return super().tree(object_id)


# RFC 6901, section 5: its document, and what each of its pointers finds there.
RFC_DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_pointers_of_rfc_6901_find_what_it_says(pointer: str, value: object) -> None:
    held = Held(RFC_DOCUMENT)
    assert held.part(pointer) == value
    assert held.digest(pointer) is not None


@pytest.mark.parametrize(
    "pointer",
    [
        *("/bar", "//", "/a~01b", "/foo/", "/foo/2", "/foo/bar", "/foo/0/0", "/foo/-"),
        *(
            "/foo/00",
            "/foo/01",
            "/foo/+1",
            "/foo/-1",
            "/foo/ 1",
            "/foo/\u0661",
            "/foo/" + "9" * 4000,
        ),
    ],
)
def test_a_pointer_to_nothing_finds_nothing(pointer: str) -> None:
    held = Held(RFC_DOCUMENT)
    assert held.digest(pointer) is None
    assert held.part(pointer) is None


def test_escapes_are_undone_in_the_order_of_the_rfc() -> None:
    held = Held({"~1": "tilde one", "/": "slash"})
    assert held.part("/~01") == "tilde one"
    assert held.part("/~1") == "slash"


def test_null_is_a_part_like_any_other() -> None:
    assert Held({"a": None}).digest("/a") is not None
    assert Held({"a": None}).digest("/a") != Held({"a": False}).digest("/a")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plan#/phases/3", ("plan", "/phases/3")),
        ("code@{1}#src/**/*.py", ("code@{1}", "src/**/*.py")),
        ("plan#/a#b", ("plan", "/a#b")),
        ("code#docs/#1.md", ("code", "docs/#1.md")),
        ("plan#/\\ \x00 is a name in JSON", ("plan", "/\\ \x00 is a name in JSON")),
    ],
)
def test_a_revision_ends_at_the_first_hash(text: str, parts: tuple[str, str]) -> None:
    assert split_selector(text) == parts


@pytest.mark.parametrize(
    "selector",
    [
        *(
            "",
            "/~",
            "/a~2",
            "/a/~",
            "/~~0",
            "\ud800",
            "/\udfff",
            "/" + "a" * 4096,
            "x/" * 2048 + "x",
        ),
        *("../a", "a/..", "./a", "a//b", "a/", "a\\b", "a\nb", "a\x00", "a\u202eb", "a**", "**a/b"),
        *("***", "/".join(["a", "**"] * 9), "a" * 256, "[" * 256),
    ],
)
def test_what_is_no_selector_is_refused_in_one_line(selector: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        split_selector(f"plan#{selector}")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_a_revision_is_needed() -> None:
    with pytest.raises(InvalidInput, match="revision") as refusal:
        split_selector("#/a")
    assert refusal.value.hint and "REVISION#SELECTOR" in refusal.value.hint


@pytest.mark.parametrize(
    ("payload", "selector"),
    [
        ({"a.py": b""}, "/a.py"),
        ("text", "/0"),
        (b"bytes", "/0"),
        ([1], "*"),
        ("text", "**"),
        (b"bytes", "a"),
    ],
)
def test_a_selector_must_fit_the_kind_of_payload(payload: object, selector: str) -> None:
    held = Held(payload)
    for ask in (held.digest, held.part):
        with pytest.raises(InvalidInput, match="does not fit stage") as refusal:
            ask(selector)
        assert refusal.value.hint


TREE = {
    "README": b"r",
    ".hidden": b"h",
    "src/app.py": b"1",
    "src/deep/er/util.py": b"2",
    "src/deep/notes.md": b"3",
    "docs/a.md": b"4",
    "docs/[x].md": b"5",
    "Src.py": b"6",
}


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("**", sorted(TREE)),
        ("*", [".hidden", "README", "Src.py"]),
        ("src/*.py", ["src/app.py"]),
        ("src/**/*.py", ["src/app.py", "src/deep/er/util.py"]),
        ("**/*.md", ["docs/[x].md", "docs/a.md", "src/deep/notes.md"]),
        ("src/**", ["src/app.py", "src/deep/er/util.py", "src/deep/notes.md"]),
        ("src/**/**/er/**/*", ["src/deep/er/util.py"]),
        ("**/deep/**", ["src/deep/er/util.py", "src/deep/notes.md"]),
        ("docs/[[]x].md", ["docs/[x].md"]),
        ("docs/[!a].md", []),
        ("docs/?.md", ["docs/a.md"]),
        ("[rR]*", ["README"]),
        ("src", []),
        ("README/**", []),
        ("nothing", []),
    ],
)
def test_a_glob_names_files_and_no_folders(glob: str, paths: list[str]) -> None:
    held = Held(TREE)
    assert held.paths(glob) == paths
    assert (held.digest(glob) is None) == (not paths)


def test_the_files_of_a_part_can_be_read() -> None:
    assert dict(Held(TREE).part("src/*.py")) == {"src/app.py": b"1"}


def test_modes_and_paths_count_like_contents() -> None:
    plain = Held({"a": b"x"}).digest("*")
    assert plain != Held(Files({"a": b"x"}, modes={"a": 0o100755})).digest("*")
    assert plain != Held({"b": b"x"}).digest("*")
    assert plain == Held({"a": b"x", "sub/b": b"y"}).digest("*")


def test_a_value_never_passes_for_files() -> None:
    assert Held([]).digest("/0") is None
    assert Held([[]]).digest("/0") not in (None, Held({"a": b""}).digest("*"))


def test_folders_that_cannot_match_are_not_read() -> None:
    wide = {f"d{n:03}/{m}/f": b"x" for n in range(200) for m in range(3)}
    held = Held(wide)
    assert held.paths("d007/*/f") == ["d007/0/f", "d007/1/f", "d007/2/f"]
    assert held.reader.trees == 1 + 1 + 3


@pytest.mark.parametrize(
    "glob",
    [
        "/".join(["**", "a"] * 8),
        "/".join(["**", "*"] * 8) + "/b",
        "*a" * 120,
        "**/" + "*a" * 120 + "b",
        "[a-z]" * 50,
        "[" * 255,
        "?" * 255,
    ],
)
def test_no_glob_makes_a_search_long(glob: str) -> None:
    deep = {"/".join(["a"] * depth) + "/x" + "a" * 200: b"" for depth in range(1, 60)}
    held = Held(deep)
    with at_most_lines(60_000):
        held.digest(glob)


def test_shared_folders_that_name_countless_files_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aicas.validity.selector.MAX_ENTRIES", 1_000)
    held = Held({f"{a}/{b}/{c}": b"" for a in range(12) for b in range(12) for c in range(12)})
    with pytest.raises(Damaged, match="too many"):
        held.digest("**")
    assert held.digest("3/*/4") is not None


names = st.sampled_from(["a", "b", "ab", "ba", "aab", "a.b", ".a", "[a]"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
parts = st.sampled_from(["**", "*", "?", "a*", "*b", "[ab]", "[!a]*", "a", "b", "ab"])
globs = st.lists(parts, min_size=1, max_size=5).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files none of which is also a folder."""
    chosen = draw(st.dictionaries(paths, st.binary(max_size=2), min_size=1, max_size=8))
    return {
        path: content
        for path, content in chosen.items()
        if not any(other.startswith(f"{path}/") for other in chosen)
    }


def matches(glob: list[str], path: list[str]) -> bool:
    """A glob as plainly as it can be said."""
    if not glob:
        return not path
    if glob == ["**"]:
        return len(path) > 0
    if glob[0] == "**":
        return any(matches(glob[1:], path[n:]) for n in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], glob[0]) and matches(glob[1:], path[1:])


def part_of(files: Mapping[str, bytes], glob: str) -> dict[str, bytes]:
    return {p: c for p, c in files.items() if matches(glob.split("/"), p.split("/"))}


@given(trees(), trees(), globs)
def test_a_digest_changes_exactly_when_the_matching_files_do(
    one: dict[str, bytes], other: dict[str, bytes], glob: str
) -> None:
    before, after = part_of(one, glob), part_of(other, glob)
    assert Held(one).paths(glob) == sorted(before)
    assert (Held(one).digest(glob) == Held(other).digest(glob)) == (before == after)


@given(st.text(min_size=1, max_size=40))
def test_any_text_is_a_selector_that_can_be_asked_for_or_is_refused(text: str) -> None:
    try:
        split_selector(f"plan#{text}")
    except InvalidInput:
        return
    held = Held({"a": 1} if text.startswith("/") else TREE)
    held.digest(text)


keys = st.sampled_from(["", "a", "b", "0", "1", "~", "/", "~1"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
documents = st.lists(values, max_size=3) | st.dictionaries(keys, values, max_size=3)


def at(value: Any, tokens: list[str]) -> list[Any]:
    """What is found there: one thing or none."""
    for token in tokens:
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token in map(str, range(len(value))):
            value = value[int(token)]
        else:
            return []
    return [value]


@given(documents, documents, st.lists(keys, min_size=1, max_size=3))
def test_a_digest_changes_exactly_when_the_value_found_does(
    one: Any, other: Any, tokens: list[str]
) -> None:
    pointer = "".join("/" + t.replace("~", "~0").replace("/", "~1") for t in tokens)
    before, after = at(one, tokens), at(other, tokens)
    held = Held(one)
    assert before == ([] if held.digest(pointer) is None else [held.part(pointer)])
    same = canonical.pack(before) == canonical.pack(after)
    assert (Held(one).digest(pointer) == Held(other).digest(pointer)) == same
