"""``log`` and ``diff``: what was there when, and what changed."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Shell


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
