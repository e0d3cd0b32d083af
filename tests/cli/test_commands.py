"""Each command does what its help says, for people and as JSON."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell


def ids(shell: Shell, key: str) -> list[str]:
    return [entry["snapshot"]["id"] for entry in shell("log", key, "--json").json["entries"]]


def test_init_makes_a_private_store_and_leaves_an_old_one_alone(shell: Shell) -> None:
    assert shell("init").out == f"store in {shell.cwd}/.aicas\n"
    assert stat.S_IMODE((shell.cwd / ".aicas").stat().st_mode) == 0o700
    shell("put", "a", "-", stdin="1")
    shell("init")
    assert shell("cat", "a").out == "1"
    shell("--store", "elsewhere", "init")
    assert shell("--store", "elsewhere", "ls").out == ""


def test_commands_find_the_store_upward_and_where_the_variable_says(history: Shell) -> None:
    (history.cwd / "deep" / "er").mkdir(parents=True)
    below = type(history)(history.cwd / "deep" / "er", history.environment)
    assert below("cat", "features").out == "login\nlogout\n"
    outside = type(history)(Path("/"), history.environment)
    assert outside("cat", "features", AICAS_STORE=str(history.cwd / ".aicas")).code == 0
    assert "no store" in outside("cat", "features", expect=3).err


def test_text_values_bytes_and_folders_come_back_as_they_went_in(store: Shell) -> None:
    (store.cwd / "data.bin").write_bytes(bytes(range(256)))
    store("put", "binary", "data.bin")
    assert store.raw("get", "binary") == bytes(range(256))
    store("put", "value", "-", "--as", "json", stdin='{"b": [1, 2.5, null], "a": "é"}')
    assert store("cat", "value").json == {"b": [1, 2.5, None], "a": "é"}
    store("put", "text", "-", stdin="línea\r\nno end")
    assert store.raw("cat", "text") == "línea\r\nno end".encode()
    assert store("show", "text", "--json").json["media_type"] == "text/plain; charset=utf-8"
    assert store("show", "binary", "--json").json["media_type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "content", "form", "media_type"),
    [
        ("notes.md", b"# hi", "auto", "text/markdown"),
        ("notes.md", b"\xff\xfe", "auto", "application/octet-stream"),
        ("LICENSE", b"free", "auto", "text/plain; charset=utf-8"),
        ("nul.txt", b"a\0b", "auto", "application/octet-stream"),
        ("page.pdf", b"%PDF", "auto", "application/pdf"),
        ("plan.json", b"{}", "auto", "application/json"),
        ("plan.json", b"{}", "json", "application/msgpack"),
        ("plan.json", b"{}", "text", "text/plain; charset=utf-8"),
        ("notes.md", b"# hi", "bytes", "application/octet-stream"),
    ],
)
def test_a_file_is_text_if_name_and_content_agree(
    store: Shell, name: str, content: bytes, form: str, media_type: str
) -> None:
    (store.cwd / name).write_bytes(content)
    assert store("put", "a", name, "--as", form, "--json").json["media_type"] == media_type


def test_a_folder_is_restored_with_modes_links_and_empty_parts(store: Shell) -> None:
    source = store.cwd / "in"
    (source / "empty").mkdir(parents=True)
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "nothing").touch()
    (source / "näme").write_bytes(b"\x00\x01")
    (source / "link").symlink_to("../outside")
    store("put", "files", "in")
    assert store("get", "files", "-o", "out").out == "wrote 4 files to out\n"
    out = store.cwd / "out"
    assert sorted(p.name for p in out.iterdir()) == ["empty", "link", "nothing", "näme", "run.sh"]
    assert os.access(out / "run.sh", os.X_OK)
    assert (out / "link").readlink() == Path("../outside")
    assert (out / "näme").read_bytes() == b"\x00\x01"
    store("get", "files:run.sh", "-o", "one.sh")
    assert (store.cwd / "one.sh").read_text() == "#!/bin/sh\n"


def test_get_refuses_what_it_would_overwrite_unless_forced(history: Shell) -> None:
    (history.cwd / "out").mkdir()
    (history.cwd / "out" / "README.md").write_text("mine")
    history("get", "code", "-o", "out", expect=2)
    assert (history.cwd / "out" / "README.md").read_text() == "mine"
    history("get", "code", "-o", "out", "--force")
    assert (history.cwd / "out" / "README.md").read_text() == "# App\n"


def test_a_folder_is_neither_printed_nor_written_without_a_place(history: Shell) -> None:
    assert "is a folder" in history("get", "code", expect=2).err
    assert "is a folder" in history("cat", "code:src", expect=2).err
    assert "holds no files" in history("cat", "features:x", expect=2).err
    assert history("cat", "code:src/app.py").out == "print('two')\n"
    assert "did you mean app.py?" in history("cat", "code:src/ap.py", expect=3).err


def test_put_records_inputs_notes_tags_and_session(history: Shell) -> None:
    first = history("show", "code~1", "--json").json
    assert (first["tags"], first["meta"]) == (["demo"], {"by": "hand"})
    assert [item["key"] for item in first["inputs"]] == ["plan"]
    assert history("show", "code", "--json").json["session_id"] == "s1"
    assert history("put", "x", "-", "--meta", "novalue", expect=2).err.startswith("aicas: --meta")
    history("put", "x", "-", "--dep", "nothing", expect=3)


def test_projects_are_apart(history: Shell) -> None:
    history("put", "code", "-", "--project", "other", stdin="x")
    assert history("cat", "other/code").out == "x"
    assert history("--project", "other", "cat", "code").out == "x"
    assert history("cat", "code", AICAS_PROJECT="other").out == "x"
    assert history("--project", "other", "ls", "--json").json["keys"][0]["key"] == "code"
    refs = history("refs", "--json").json["refs"]
    assert [ref["ref"] for ref in refs if ref["project"] == "other"] == ["live/other/code"]
    assert history("refs", "live/other").out.split()[1] == "live/other/code"


def test_ls_lists_keys_files_and_the_keys_of_an_earlier_moment(history: Shell) -> None:
    assert [line.split()[0] for line in history("ls").out.splitlines()] == [
        "KEY",
        "code",
        "features",
        "plan",
    ]
    assert [line.split()[-1] for line in history("ls", "code").out.splitlines()] == [
        "README.md",
        "src/app.py",
    ]
    view = history("ls", "default@{op:2}", "--json").json["keys"]
    assert [entry["key"] for entry in view] == ["features", "plan"]
    assert history("ls", "code@{op:3}", "--json").json["files"][1]["path"] == "src/app.py"
    assert history("ls", "features", "--json").json["files"][0]["size_bytes"] == 13


def test_log_is_newest_first_and_limited(history: Shell) -> None:
    keys = [line.split("  ")[2].strip() for line in history("log", "--oneline").out.splitlines()]
    assert len(keys) == 4
    entries = history("log", "--json").json["entries"]
    assert [e["snapshot"]["cache_key"] for e in entries] == ["code", "code", "plan", "features"]
    assert [e["is_current"] for e in entries] == [True, False, True, True]
    assert len(history("log", "-n", "2", "--json").json["entries"]) == 2
    assert history("log", "-n", "0").out == ""
    assert history("log", "--since", "2 days ago", "--until", "1 day ago").out == ""
    assert len(history("log", "--since", "1h", "--json").json["entries"]) == 4
    history("log", "--since", "whenever", expect=2)


def test_log_draws_what_each_snapshot_was_made_from(history: Shell) -> None:
    lines = history("log", "--graph", "--oneline").out.splitlines()
    lanes = [re.split("[0-9a-f]{12}", line)[0].rstrip() for line in lines]
    assert lanes == ["*", "│ *", "├─╯", "*", "o"]


def test_log_counts_what_changed_against_the_previous_version(history: Shell) -> None:
    text = history("log", "code", "--stat", "--oneline").out
    assert "src/app.py | 2 +-" in text
    assert text.count("1 file changed, 1 insertion(+), 1 deletion(-)") == 1
    entries = history("log", "code", "--stat", "--json").json["entries"]
    assert entries[0]["changes"]["summary"] == {"files": 1, "insertions": 1, "deletions": 1}
    assert entries[1]["changes"] is None


def test_diff_is_what_git_applies(history: Shell) -> None:
    patch = history("diff", "code").out
    history("get", "code~1", "-o", "old")
    start = patch.index("diff --git")
    subprocess.run(
        ["git", "apply", "-"], input=patch[start:].encode(), cwd=history.cwd / "old", check=True
    )
    assert (history.cwd / "old" / "src" / "app.py").read_text() == "print('two')\n"


def test_a_patch_with_every_kind_of_change_is_what_git_applies(store: Shell) -> None:
    tree = store.cwd / "tree"
    tree.mkdir()
    (tree / "moved from.txt").write_text("".join(f"line {n}\n" for n in range(30)))
    (tree / "gone").write_text("gone\n")
    (tree / "run").write_text("x\n")
    (tree / "edited").write_text("a\nb\nc")
    store("put", "k", "tree")
    (tree / "moved from.txt").rename(tree / "moved to.txt")
    (tree / "moved to.txt").write_text("".join(f"line {n}\n" for n in range(29)) + "last\n")
    (tree / "gone").unlink()
    (tree / "run").chmod(0o755)
    (tree / "edited").write_text("a\nB\nc\n")
    (tree / "new file").write_text("no newline")
    (tree / "empty").touch()
    store("put", "k", "tree")
    patch = store("diff", "k").out
    store("get", "k~1", "-o", "old")
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=store.cwd / "old", check=True)
    for path in tree.iterdir():
        assert (store.cwd / "old" / path.name).read_bytes() == path.read_bytes()
    assert not (store.cwd / "old" / "gone").exists()
    assert os.access(store.cwd / "old" / "run", os.X_OK)


def test_diff_shapes(history: Shell) -> None:
    assert history("diff", "code", "--name-only").out == "src/app.py\n"
    assert "print('[-one-]{+two+}')" in history("diff", "code", "--word").out
    assert history("diff", "code", "--stat").out.splitlines()[0] == " src/app.py | 2 +-"
    assert history("diff", "code", "--json").json["files"][0]["change"] == "changed"
    assert history("diff", "code", "code").out == ""
    assert "became application/msgpack" in history("diff", "features", "plan").out


def test_diff_tells_by_exit_code_only_if_asked(history: Shell) -> None:
    assert history("diff", "code").code == 0
    assert history("diff", "code", "--exit-code", expect=1).out
    assert history("diff", "code", "code", "--exit-code").code == 0


def test_context_is_as_wide_as_asked(store: Shell) -> None:
    store("put", "t", "-", stdin="".join(f"{n}\n" for n in range(9)))
    store("put", "t", "-", stdin="".join(f"{n}\n" for n in range(9)).replace("4", "x"))
    assert store("diff", "t", "-U", "0").out.splitlines()[-2:] == ["-4", "+x"]
    assert len(store("diff", "t", "-U", "1").out.splitlines()) == 7
    assert "@@ -2,7 +2,7 @@" in store("diff", "t").out


def test_values_are_compared_place_by_place(store: Shell) -> None:
    old = '{"name": "a", "gone": 1, "text": "one\\ntwo\\n", "list": [1, 2]}'
    new = '{"name": "b", "new": {"x": 1}, "text": "one\\n2\\n", "list": [1, 2, 3]}'
    store("put", "v", "-", "--as", "json", stdin=old)
    store("put", "v", "-", "--as", "json", stdin=new)
    assert store("diff", "v").out.splitlines() == [
        "- /gone  1",
        "+ /list/2  3",
        '~ /name  "a" -> "b"',
        '+ /new  {"x": 1}',
        "~ /text",
        "    @@ -1,2 +1,2 @@",
        "     one",
        "    -two",
        "    +2",
    ]
    assert store("diff", "v", "--name-only").out.split() == [
        "/gone", "/list/2", "/name", "/new", "/text",
    ]  # fmt: skip
    assert store("diff", "v", "--stat").out.splitlines()[-1] == " 5 places changed"


def test_binary_content_is_named_as_such(store: Shell) -> None:
    store("put", "b", "-", "--as", "bytes", stdin=b"\x00one")
    store("put", "b", "-", "--as", "bytes", stdin=b"\x00three")
    assert "Binary files" in store("diff", "b").out
    assert "(4 B -> 6 B)" in store("diff", "b").out
    assert "binary 4 B -> 6 B" in store("diff", "b", "--stat").out


def test_views_of_a_project_are_compared_key_by_key(history: Shell) -> None:
    rows = [line.split() for line in history("diff", "default@{op:3}", "default").out.splitlines()]
    assert [row[:2] for row in rows] == [["changed", "code"]]
    changes = history("diff", "default@{op:1}", "--json").json["keys"]
    assert [(c["key"], c["change"]) for c in changes] == [("code", "added"), ("plan", "added")]
    assert history("diff", "default@{op:1}", "--name-only").out.split() == ["code", "plan"]


def test_invalidate_takes_dependents_along_and_undo_brings_them_back(history: Shell) -> None:
    before = history("refs").out
    plan = history("invalidate", "features", "--dry-run")
    assert [line.strip() for line in plan.out.splitlines()[1:4]] == ["features", "plan", "code"]
    assert history("refs").out == before
    done = history("invalidate", "features", "--reason", "wrong")
    assert done.out.splitlines()[0] == "operation 5 invalidated 3 stages:"
    assert history("refs").out == ""
    assert "because: wrong" in history("cat", "plan", expect=3).err
    assert "operation 6 undid operation 5" in history("undo").out
    assert history("refs").out == before
    assert history("invalidate", "features", "--only", "--json").json["refs"] == [
        "live/default/features"
    ]
    assert history("undo", "7", "--json").json["undoes"] == 7


def test_ops_tell_what_was_done(history: Shell) -> None:
    history("invalidate", "plan", "--reason", "too vague")
    first = history("ops").out.splitlines()[0]
    assert first.startswith("5  ")
    assert "invalidate  plan and 1 more  too vague" in first
    assert [op["number"] for op in history("ops", "-n", "2", "--json").json["operations"]] == [5, 4]
    history("undo", "99", expect=3)


def test_fork_starts_a_project_from_another(history: Shell) -> None:
    assert "forked default to trial" in history("fork", "default", "trial").out
    assert history("cat", "trial/features").out == "login\nlogout\n"
    history("fork", "default", "trial", expect=None)
    assert history("fork", "nowhere", "x", expect=3).err.startswith("aicas: ")


def test_gc_prints_its_plan_and_deletes_only_without_dry_run(history: Shell) -> None:
    history("invalidate", "features", "--reason", "x")
    options = ("--grace", "0", "--retention", "0")
    plan = history("gc", "--dry-run", "--json", *options).json
    assert plan["deleted"] is None
    kinds = sorted({found["kind"] for found in plan["condemned"]})
    assert kinds == ["blob", "snapshot", "tree"]
    assert plan["condemned_bytes"] == sum(f["stored_bytes"] for f in plan["condemned"])
    assert "would delete" in history("gc", "--dry-run", *options).out
    assert "nothing to delete" in history("gc").out
    done = history("gc", *options).out
    assert f"deleted {len(plan['condemned'])} objects" in done
    assert history("verify").code == 0
    history("gc", "--grace", "in a while", expect=2)


def test_verify_names_the_damage_and_who_needs_it(history: Shell) -> None:
    assert history("verify").out.startswith("clean")
    assert history("verify", "--json").json["damage"] == []
    segment = next((history.cwd / ".aicas" / "log").glob("*.seg"))
    data = segment.read_bytes()
    at = data.index(b"login\nlogout\n")
    segment.write_bytes(data[:at] + b"LOGIN" + data[at + 5 :])
    found = history("verify", "--json", expect=5).json
    assert found["clean"] is False
    damaged = [finding for finding in found["damage"] if finding["kind"] == "blob"]
    assert damaged[0]["needed_by"] == [
        "live/default/code",
        "live/default/features",
        "live/default/plan",
    ]
    text = history("verify", expect=5).out
    assert damaged[0]["id"] in text
    assert "needed by live/default/features" in text
    assert history("cat", "features", expect=5).err.startswith("aicas: ")


def test_settings_are_listed_read_and_changed(store: Shell) -> None:
    assert "compression_enabled" in store("config").out
    assert store("config", "get", "gc_grace_hours").out == "24.0\n"
    store("config", "set", "gc_grace_hours", "5.5")
    assert store("config", "get", "gc_grace_hours").out == "5.5\n"
    store("config", "set", "project", "shop")
    assert store("config", "get", "project").out == "shop\n"
    names = [setting["name"] for setting in store("config", "list", "--json").json["settings"]]
    assert names == [line.split()[0] for line in store("config", "list").out.splitlines()]
    assert "settings: gc_grace_hours" in store("config", "set", "gc_grace", "1", expect=2).err
    store("config", "get", "nothing", expect=2)


def test_an_unknown_or_empty_key_is_one_line_with_near_names(history: Shell) -> None:
    commands = ("get", "cat", "show", "ls", "log", "diff", "invalidate")
    for command in commands:
        result = history(command, "featuers", expect=3)
        assert result.err.splitlines()[-1] == "hint: did you mean features?", command
        assert len(result.err.splitlines()) == 2
        empty = history(command, "", expect=None)
        assert empty.code in (2, 3), command
        assert len(empty.err.splitlines()) <= 2


@pytest.mark.parametrize(
    "key", ["../x", "/abs", "a\x01b", "", "x" * 300, "CON", "-rf", "a\u202eb", "a b", ".hidden"]
)
def test_a_name_no_store_may_hold_is_refused_and_nothing_is_written(
    history: Shell, key: str
) -> None:
    before = history("ops", "--json").out
    result = history("put", "--", key, "-", stdin="x", expect=2)
    assert result.err.startswith("aicas: key")
    assert "\x01" not in result.err
    assert "\u202e" not in result.err
    assert history("ops", "--json").out == before


def test_costs_recipe_and_validation_are_shown(priced: Shell) -> None:
    shown = priced("show", "priced").out
    for part in (
        "validation   failed",
        "$0.01  1,500 tokens in, 20 out, 7 cached, m, 2.5 s, 1 call",
        "recipe.agent_version  a-1",
        "two… (800 characters)",
        "meta.n                [1]",
        "tags                  a, b",
    ):
        assert part.split() == [] or " ".join(part.split()) in " ".join(shown.split()), part
    assert "$0.01  failed validation  current" in priced("log", "priced", "--oneline").out
    assert "cost " in priced("log", "priced").out
    plan = priced("invalidate", "priced", "--dry-run").out
    assert plan.splitlines()[-1] == "to produce them again: $0.01, 2.5 s"
    assert "~ recipe.prompt" in priced("diff", "priced").out


def test_a_diff_of_words_spans_lines_and_file_ends(store: Shell) -> None:
    store("put", "t", "-", stdin="a b c\nsame\nold end")
    store("put", "t", "-", stdin="a x c\nsame\nnew end\nmore\n")
    assert store("diff", "t", "--word").out.splitlines()[3:] == [
        "a [-b-]{+x+} c",
        "same",
        "[-old-]{+new+} end",
        "{+more+}",
    ]
    assert store("diff", "t", "--name-only").out == "t\n"
    assert store("diff", "t", "--stat").out.splitlines()[0] == " t | 5 +++--"
    assert "\\ No newline at end of file" in store("diff", "t").out


def test_a_first_version_and_another_kind_are_compared_too(history: Shell) -> None:
    assert "new file mode 100644" in history("diff", "code~1").out
    assert "+login" in history("diff", "features").out
    assert history("diff", "features", "plan", "--stat").out.splitlines()[-1] == (
        "text/plain; charset=utf-8 (13 B) became application/msgpack (12 B)"
    )
    assert "2 files (19 B)" in history("diff", "code", "plan").out
    (history.cwd / "hollow" / "empty").mkdir(parents=True)
    history("put", "code", "hollow")
    assert "empty folder empty added" in history("diff", "code").out


def test_numbers_and_names_out_of_range_are_refused(history: Shell) -> None:
    for arguments in (
        ("undo", "0"),
        ("undo", "9" * 30),
        ("ops", "-n", "9" * 30),
        ("log", "-n", "-1"),
        ("diff", "code", "-U", "9" * 30),
        ("log", "code@{" + "9" * 30 + "}"),
        ("refs", os.fsdecode(b"\xff")),
        ("cat", os.fsdecode(b"\xff")),
        ("put", "x", "-", "--reason", os.fsdecode(b"\xff")),
    ):
        assert history(*arguments, expect=2).err.startswith("aicas: "), arguments


def test_a_source_that_cannot_be_read_is_one_line(store: Shell) -> None:
    for source in ("nothing", "/dev/null/x"):
        result = store("put", "a", source, expect=2)
        assert result.err.startswith("aicas: ")
        assert len(result.err.splitlines()) == 1
    assert store("put", "a", "-", "--as", "json", stdin="{'a': NaN}", expect=2).err
    assert store("put", "a", "-", "--as", "text", stdin=b"\xff", expect=2).err
    store("put", "a", ".", "--as", "json", expect=2)
