from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from transfer_world import expected_git_tree, git, git_tree

import aicas
from aicas.errors import Damaged, InvalidInput, NotFound, StorageFailed
from aicas.names import TreePath
from aicas.objects.tree import Entry, EntryKind
from aicas.transfer.git.exporting import export_git
from aicas.transfer.git.paths import git_path
from aicas.transfer.git.program import Git

NOW = 1_700_000_000_000_000


@pytest.fixture
def store() -> aicas.Store:
    times = iter(range(NOW, NOW + 10_000_000_000, 1_000_000))
    return aicas.in_memory(clock=lambda: next(times))


def _fill(store: aicas.Store) -> None:
    store.put("brainstorming_features", "many\n")
    store.put("plan", {"b": [1, 2.5, None], "a": "ü"}, inputs=["brainstorming_features"])
    contents = {
        "run.sh": b"#!/bin/sh\n",
        "empty": b"",
        "dir/link": b"../run.sh",
        "dir/\u00fc \u4e2d.txt": b"\xff\0",
    }
    modes = {"run.sh": 0o100755, "dir/link": 0o120000}
    store.put("code", aicas.Files(contents, modes=modes), inputs=["plan"], tags=["x"])
    store.put("raw", b"\0\1")


def _commits(repository: Path) -> list[str]:
    return git(repository, "log", "--reverse", "--format=%s", "main").splitlines()


def test_the_last_tree_is_what_is_current(store: aicas.Store, tmp_path: Path) -> None:
    _fill(store)
    store.put("code", {"other": b"1"})
    result = export_git(store, tmp_path / "out")
    assert (result.snapshots, result.commits) == (5, 5)
    assert git_tree(tmp_path / "out") == expected_git_tree(store)
    assert git(tmp_path / "out", "fsck", "--strict") == ""
    assert git(tmp_path / "out", "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_each_commit_holds_what_was_current_then(store: aicas.Store, tmp_path: Path) -> None:
    _fill(store)
    store.put("code", {"other": b"1"})
    export_git(store, tmp_path / "out")
    assert _commits(tmp_path / "out") == [
        "brainstorming_features v1: 5 bytes",
        "plan v1: 20 bytes",
        "code v1: 4 files, 21 bytes",
        "raw v1: 2 bytes",
        "code v2: 1 bytes",
    ]
    assert set(git_tree(tmp_path / "out", "main~2")) == {
        "brainstorming_features/payload.txt",
        "plan/payload.json",
        "code/run.sh",
        "code/empty",
        "code/dir/link",
        "code/dir/\u00fc \u4e2d.txt",
    }


def test_a_commit_says_when_who_from_what_and_for_how_much(
    store: aicas.Store, tmp_path: Path
) -> None:
    up = store.put("up", "text")
    snapshot = store.put(
        "down",
        "text",
        inputs=["up"],
        recipe={"agent": "Claude <x>\nCode", "model": "gpt-4"},
        cost=aicas.Cost(1_250_000_000),
        session="s1",
        validation_status="passed",
        tags=["t"],
        created_at=1_234_567_890_500_000,
        reason="why\nAicas-Cost-Usd: 0\x1b[2J",
    )
    export_git(store, tmp_path / "out")
    assert git(tmp_path / "out", "show", "-s", "--format=%an|%ae|%at|%cn", "main") == (
        "Claude x Code|aicas@localhost|1234567890|aicas\n"
    )
    trailers = git(tmp_path / "out", "show", "-s", "--format=%(trailers)", "main").split("\n")
    assert [line for line in trailers if line] == [
        f"Aicas-Snapshot: {snapshot.id}",
        "Aicas-Created-At: 2009-02-13T23:31:30.500000Z",
        f"Aicas-Input: up@{up.id}",
        "Aicas-Cost-Usd: 1.25",
        "Aicas-Model: gpt-4",
        "Aicas-Session: s1",
        "Aicas-Validation: passed",
        "Aicas-Tag: t",
        "Aicas-Operation: 2",
        "Aicas-Reason: why Aicas-Cost-Usd: 0\\x1b[2J",
    ]


def test_what_is_invalidated_leaves_the_tree_and_undo_brings_it_back(
    store: aicas.Store, tmp_path: Path
) -> None:
    _fill(store)
    store.invalidate("plan", "wrong")
    export_git(store, tmp_path / "gone")
    assert git_tree(tmp_path / "gone") == expected_git_tree(store)
    assert _commits(tmp_path / "gone")[-1] == "invalidate code, plan"
    store.undo()
    store.put("raw", b"2")
    result = export_git(store, tmp_path / "back")
    assert (result.snapshots, result.commits) == (5, 7)
    assert git_tree(tmp_path / "back") == expected_git_tree(store)
    assert git_tree(tmp_path / "back", "main~2") == git_tree(tmp_path / "gone")
    assert git(tmp_path / "back", "fsck", "--strict") == ""


def test_a_project_with_nothing_current_ends_in_an_empty_tree(
    store: aicas.Store, tmp_path: Path
) -> None:
    store.put("a", "1")
    store.invalidate("a")
    export_git(store, tmp_path / "out")
    assert git_tree(tmp_path / "out") == {}
    assert git(tmp_path / "out", "fsck", "--strict") == ""


def test_a_fork_brings_its_past_along(store: aicas.Store, tmp_path: Path) -> None:
    store.put("a", "1")
    store.put("b", "1", inputs=["a"])
    store.put("a", "2")
    store.fork(store.project, "team/fork")
    fork = store.at_project("team/fork")
    fork.put("b", "2", inputs=["a"])
    store.put("a", "not in the fork")
    result = export_git(store, tmp_path / "out", "team/fork")
    assert (result.project, result.snapshots) == ("team/fork", 4)
    assert git_tree(tmp_path / "out") == expected_git_tree(fork)
    assert git(tmp_path / "out", "fsck", "--strict") == ""


def test_the_same_history_gives_the_same_commits(store: aicas.Store, tmp_path: Path) -> None:
    _fill(store)
    heads = set()
    for name in ("one", "two"):
        export_git(store, tmp_path / name)
        heads.add(git(tmp_path / name, "rev-parse", "main"))
    assert len(heads) == 1


def test_times_git_cannot_say_do_not_stop_an_export(store: aicas.Store, tmp_path: Path) -> None:
    store.put("old", "1", created_at=-60_000_000_000_000_000)
    store.put("late", "1", created_at=253_402_300_799_000_000)
    export_git(store, tmp_path / "out")
    assert git(tmp_path / "out", "fsck", "--strict") == ""
    assert "Aicas-Created-At: 0068-" in git(tmp_path / "out", "log", "--format=%B")


HOSTILE = [
    ".git/config",
    ".git/hooks/post-checkout",
    "a/.GIT/config",
    "git~1/config",
    ".g\u200cit/config",
    ".gitmodules",
    "sub/.GitModules",
    "gitmod~1",
    "gi7eba~1",
    "_.git/config",
    "__.git/config",
    "plain~1.md",
]


def test_names_git_refuses_are_escaped_and_stay_apart(store: aicas.Store, tmp_path: Path) -> None:
    contents = {path: path.encode() for path in HOSTILE}
    contents["links/.gitignore"] = b"target"
    contents["links/_.gitignore"] = b"plain"
    contents["plain/.gitignore"] = b"*.pyc\n"
    contents[".gitattributes"] = b"a" * 5000
    modes = {"links/.gitignore": 0o120000}
    store.put("code", aicas.Files(contents, modes=modes))
    export_git(store, tmp_path / "out")
    assert git(tmp_path / "out", "fsck", "--strict") == ""
    found = git_tree(tmp_path / "out")
    assert sorted(content for _, content in found.values()) == sorted(contents.values())
    assert {path.removeprefix("code/") for path in found} == {
        "_.git/config",
        "_.git/hooks/post-checkout",
        "a/_.GIT/config",
        "_git~1/config",
        "_.g\u200cit/config",
        "_.gitmodules",
        "sub/_.GitModules",
        "_gitmod~1",
        "_gi7eba~1",
        "__.git/config",
        "___.git/config",
        "plain~1.md",
        "links/_.gitignore",
        "links/__.gitignore",
        "plain/.gitignore",
        "_.gitattributes",
    }


def test_a_long_attributes_file_is_not_even_read(store: aicas.Store) -> None:
    entry = Entry(EntryKind.FILE.value, store.put("x", b"1").payload.id, 2 << 20)

    def read() -> bytes:
        raise AssertionError

    assert git_path(TreePath("a/.gitattributes"), entry, read) == "a/_.gitattributes"


def test_files_are_checked_out_byte_for_byte(store: aicas.Store, tmp_path: Path) -> None:
    contents = {".gitattributes": b"* text eol=crlf ident filter=lfs\n", "a": b"$Id$\n1\r\n2\n"}
    store.put("code", contents)
    export_git(store, tmp_path / "out")
    assert (tmp_path / "out" / "code" / "a").read_bytes() == contents["a"]
    assert git(tmp_path / "out", "status", "--porcelain") == ""


def test_a_folder_that_is_in_use_is_refused(store: aicas.Store, tmp_path: Path) -> None:
    _fill(store)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("full", "file", "link"):
        with pytest.raises(InvalidInput, match="nothing was written"):
            export_git(store, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "link"]
    (tmp_path / "empty").mkdir()
    export_git(store, tmp_path / "empty")
    export_git(store, tmp_path / "new" / "deep" / "-rf")
    assert (tmp_path / "new" / "deep" / "-rf" / ".git").is_dir()


def test_damage_leaves_nothing_half_written(
    store: aicas.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)

    def pieces(blob: object) -> Iterator[bytes]:
        yield b"#!"
        raise Damaged("flipped")

    monkeypatch.setattr(store, "open_blob", pieces)
    with pytest.raises(Damaged):
        export_git(store, tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


def test_gits_own_words_are_passed_on(tmp_path: Path) -> None:
    tool = Git.find()
    tool.init(tmp_path)
    with (
        pytest.raises(StorageFailed, match="git fast-import failed: fatal: "),
        tool.fast_import(tmp_path) as sink,
    ):
        sink.write(b"nonsense\n" * 100_000)
    with pytest.raises(StorageFailed, match="git checkout failed"):
        tool.check_out(tmp_path)


def test_a_missing_git_is_said_so(
    store: aicas.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="no git"):
        export_git(store, tmp_path / "out")


def test_the_users_git_settings_do_not_matter(
    store: aicas.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)
    (tmp_path / "config").write_text("[core]\n\tautocrlf = true\n\tsymlinks = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    export_git(store, tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "out/code/dir/link").readlink() == Path("../run.sh")
    assert git_tree(tmp_path / "out") == expected_git_tree(store)


def test_an_empty_project_is_named_with_near_ones(store: aicas.Store, tmp_path: Path) -> None:
    store.put("a", "1")
    with pytest.raises(NotFound, match="nothing to export") as caught:
        export_git(store, tmp_path / "out", "defaul")
    assert caught.value.near == ("default",)
    assert not (tmp_path / "out").exists()
