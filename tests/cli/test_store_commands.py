"""Storing and reading: what goes in comes back, and is listed and shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell


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


def test_costs_recipe_and_validation_are_shown(priced: Shell) -> None:
    shown = priced("show", "priced").out
    for part in (
        "validation   passed",
        "$0.01  1,500 tokens in, 20 out, 7 cached, m, 2.5 s, 1 call",
        "recipe.agent_version  a-1",
        "two… (800 characters)",
        "meta.n                [1]",
        "tags                  a, b",
    ):
        assert part.split() == [] or " ".join(part.split()) in " ".join(shown.split()), part
    assert "$0.01  current" in priced("log", "priced", "--oneline").out
    assert "cost " in priced("log", "priced").out
    plan = priced("invalidate", "priced", "--dry-run").out
    assert plan.splitlines()[-1] == "to produce them again: $0.01, 1,500 tokens in, 20 out, 2.5 s"
    assert "~ recipe.prompt" in priced("diff", "priced").out
