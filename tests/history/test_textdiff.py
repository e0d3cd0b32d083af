"""Text hunks turn old into new, whatever the lines are, and mean what a unified diff means."""

from __future__ import annotations

import random
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_budget import at_most_lines

from aicas.history.textdiff import (
    Hunk,
    LineCounts,
    diff_lines,
    diff_words,
    line_counts,
    split_lines,
)

LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "\r\n", "x\x0cy\n", "é\u2028z\n"]), max_size=30
)
TEXTS = st.builds(lambda lines, end: "".join(lines) + end, LINES, st.sampled_from(["", "a", "b\r"]))


def apply_hunks(old: str, hunks: list[Hunk]) -> str:
    """Rebuild the new text from the numbers and lines of the hunks alone."""
    lines = split_lines(old)
    result: list[str] = []
    at = 0
    for hunk in hunks:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        assert start >= at, "hunks are in order and do not overlap"
        result += lines[at:start]
        assert len(result) == (hunk.new_start - 1 if hunk.new_count else hunk.new_start)
        before = [text for tag, text in hunk.lines if tag != "+"]
        after = [text for tag, text in hunk.lines if tag != "-"]
        assert (len(before), len(after)) == (hunk.old_count, hunk.new_count)
        at = start + hunk.old_count
        assert lines[start:at] == before
        result += after
    return "".join(result + lines[at:])


@given(TEXTS)
def test_lines_joined_are_the_text(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all(line.endswith("\n") for line in lines[:-1]) and "" not in lines


@given(TEXTS, TEXTS, st.integers(0, 4))
def test_applying_hunks_to_old_gives_new(old: str, new: str, context: int) -> None:
    assert apply_hunks(old, diff_lines(old, new, context)) == new


@settings(max_examples=30, deadline=None)
@given(TEXTS, TEXTS)
def test_hunks_shown_as_a_patch_are_applied_by_git(old: str, new: str) -> None:
    hunks = diff_lines(old, new)
    if hunks:
        assert git_apply(old, unified(hunks)) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "a\n"),
        ("a\n", ""),
        ("a", "a\n"),
        ("a\r\nb\r\n", "a\nb\r\n"),
        ("a\nb\nc\n" * 9, "a\nb\nc\n" * 4 + "x\n" + "a\nb\nc\n" * 5 + "y"),
    ],
)
def test_git_agrees_with_line_ends_and_empty_sides(old: str, new: str) -> None:
    assert git_apply(old, unified(diff_lines(old, new))) == new


def unified(hunks: list[Hunk]) -> str:
    out = []
    for hunk in hunks:
        out.append(hunk.header + "\n")
        for tag, text in hunk.lines:
            missing = "" if text.endswith("\n") else "\n\\ No newline at end of file\n"
            out.append(tag + text + missing)
    return "".join(out)


def git_apply(old: str, patch: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "f")
        file.write_bytes(old.encode())
        command = ["git", "apply", "--unsafe-paths", "--whitespace=nowarn", "--unidiff-zero", "-"]
        text = f"diff --git a/f b/f\n--- a/f\n+++ b/f\n{patch}"
        subprocess.run(command, input=text.encode(), cwd=folder, check=True, capture_output=True)
        return file.read_bytes().decode()


@given(TEXTS)
def test_equal_texts_have_no_hunks(text: str) -> None:
    assert diff_lines(text, text) == []


def test_a_missing_last_newline_is_a_change() -> None:
    (hunk,) = diff_lines("a\nb", "a\nb\n")
    assert hunk == Hunk(1, 2, 1, 2, ((" ", "a\n"), ("-", "b"), ("+", "b\n")))
    assert hunk.header == "@@ -1,2 +1,2 @@"
    assert line_counts([hunk]) == LineCounts(insertions=1, deletions=1)


def test_carriage_returns_are_content() -> None:
    (hunk,) = diff_lines("a\r\nb\r\n", "a\nb\r\n", context=0)
    assert hunk.lines == (("-", "a\r\n"), ("+", "a\n"))


def test_changes_share_a_hunk_only_when_their_context_touches() -> None:
    old = [f"{n}\n" for n in range(40)]
    near, far = old[:], old[:]
    near[10] = near[17] = "x\n"
    far[10] = far[18] = "x\n"
    assert len(diff_lines("".join(old), "".join(near))) == 1
    assert [h.header for h in diff_lines("".join(old), "".join(far))] == [
        "@@ -8,7 +8,7 @@",
        "@@ -16,7 +16,7 @@",
    ]


@given(st.text(alphabet="ab _,\t", max_size=40), st.text(alphabet="ab _,\t", max_size=40))
def test_word_segments_joined_are_both_lines(old: str, new: str) -> None:
    segments = diff_words(old, new)
    assert "".join(text for tag, text in segments if tag != "+") == old
    assert "".join(text for tag, text in segments if tag != "-") == new
    assert all(text for _, text in segments)


def test_a_rewritten_phrase_is_one_piece() -> None:
    assert diff_words("call the old plan now", "call one new idea now") == [
        (" ", "call "),
        ("-", "the old plan"),
        ("+", "one new idea"),
        (" ", " now"),
    ]


def test_ten_thousand_lines_with_one_per_cent_changed_take_little_work() -> None:
    rng = random.Random(1)
    old = [f"line {rng.randrange(5000)}\n" for _ in range(10_000)]
    new = [f"edit {n}\n" if rng.random() < 0.01 else line for n, line in enumerate(old)]
    with at_most_lines(500_000):
        hunks = diff_lines("".join(old), "".join(new))
    assert apply_hunks("".join(old), hunks) == "".join(new)
