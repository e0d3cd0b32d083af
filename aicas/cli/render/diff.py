"""Differences as lines: unified (what ``git apply`` takes), by word, counted, or named only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aicas.cli.render.hunks import content_lines
from aicas.cli.render.table import fit
from aicas.cli.render.terminal import Line, Span
from aicas.cli.render.units import count, size
from aicas.cli.render.values import change_lines
from aicas.objects.tree import EntryKind

if TYPE_CHECKING:
    from aicas.history.contentdiff import ContentDiff
    from aicas.history.diff import Diff, FileDiff
    from aicas.history.treediff import FileChange
    from aicas.objects.snapshot import PayloadRef

_BAR = 40
_NAME_WIDTH = 60
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def unified(diff: Diff, *, words: bool = False) -> Iterator[Line]:
    """The whole difference: what went into the snapshots, then what they hold.

    Args:
        diff: of two snapshots.
        words: show changed lines once, with what went and came inside them.
    """
    for changed in diff.metadata:
        yield from change_lines("~", changed.name, changed.old, changed.new, words=words)
    for file in diff.files:
        yield from _file_lines(file, words=words)
    for value in diff.values:
        sign = _SIGNS[value.change]
        yield from change_lines(sign, value.path or "/", value.old, value.new, words=words)
    if diff.content is not None and not diff.is_same_content:
        old, new = (_label(side) for side in (diff.old_payload, diff.new_payload))
        yield from _content_section(diff.content, f"a/{old}", f"b/{new}", words=words)
    if diff.kind == "media type changed":
        old, new = (_described(side) for side in (diff.old_payload, diff.new_payload))
        yield (Span(f"{old} became {new}", "strong"),)


def names(diff: Diff, key: str) -> Iterator[Line]:
    """The paths that differ: files, places in a value, or the key itself."""
    if diff.files:
        yield from ((file.change.path,) for file in diff.files)
    elif diff.values:
        yield from ((value.path or "/",) for value in diff.values)
    elif not diff.is_same_content:
        yield (key,)


def stat(diff: Diff, key: str) -> Iterator[Line]:
    """One line for each path with how much of it changed, and the totals."""
    if diff.values:
        for value in diff.values:
            yield (f" {value.path or '/'}", Span(f" | {value.change}", "dim"))
        yield (f" {count(len(diff.values), 'place')} changed",)
        return
    if diff.kind == "media type changed":
        yield from unified(diff)
        return
    rows = [(_stat_name(file.change), file.content) for file in diff.files]
    if diff.content is not None and not diff.is_same_content:
        rows = [(key, diff.content)]
    yield from _stat_rows(rows)
    if rows:
        summary = diff.summary
        yield (
            f" {count(len(rows), 'file')} changed, "
            f"{count(summary.insertions, 'insertion')}(+), "
            f"{count(summary.deletions, 'deletion')}(-)",
        )


def _stat_rows(rows: list[tuple[str, ContentDiff]]) -> Iterator[Line]:
    most = max((content.insertions + content.deletions for _, content in rows), default=0)
    scale = min(1.0, _BAR / most) if most else 1.0
    width = min(_NAME_WIDTH, max((len(name) for name, _ in rows), default=0))
    for name, content in rows:
        start = f" {fit(name, width):{width}} | "
        if content.form in ("binary", "large"):
            sizes = f"{size(content.old_bytes)} -> {size(content.new_bytes)}"
            yield (start, "binary " if content.form == "binary" else "large ", sizes)
            continue
        changed = content.insertions + content.deletions
        yield (
            f"{start}{changed:>{len(str(most))}} ",
            Span("+" * _bar(content.insertions, scale), "added"),
            Span("-" * _bar(content.deletions, scale), "removed"),
        )


def _bar(lines: int, scale: float) -> int:
    return max(1, int(lines * scale)) if lines else 0


def _stat_name(change: FileChange) -> str:
    return f"{change.old_path} => {change.path}" if change.old_path else change.path


def _file_lines(file: FileDiff, *, words: bool) -> Iterator[Line]:
    change, content = file
    old_path = change.old_path or change.path
    if EntryKind.TREE in {side.kind for side in (change.old, change.new) if side}:
        yield (Span(f"empty folder {change.path} {change.change}", "strong"),)
        return
    yield (Span(f"diff --git a/{old_path} b/{change.path}", "strong"),)
    for text in _header(change):
        yield (Span(text, "strong"),)
    old = f"a/{old_path}" if change.old else "/dev/null"
    new = f"b/{change.path}" if change.new else "/dev/null"
    yield from _content_section(content, old, new, words=words)


def _header(change: FileChange) -> Iterator[str]:
    if change.old is None and change.new is not None:
        yield f"new file mode {change.new.mode:06o}"
    elif change.new is None and change.old is not None:
        yield f"deleted file mode {change.old.mode:06o}"
    elif change.old is not None and change.new is not None and change.old.mode != change.new.mode:
        yield f"old mode {change.old.mode:06o}"
        yield f"new mode {change.new.mode:06o}"
    if change.old_path:
        yield f"similarity index {change.similarity}%"
        yield f"rename from {change.old_path}"
        yield f"rename to {change.path}"


def _content_section(content: ContentDiff, old: str, new: str, *, words: bool) -> Iterator[Line]:
    if content.form in ("binary", "large"):
        what = "Binary" if content.form == "binary" else "Large"
        sizes = f"({size(content.old_bytes)} -> {size(content.new_bytes)})"
        yield (f"{what} files {old} and {new} differ {sizes}",)
        return
    if not content.hunks:
        return
    # As git does: a tab ends a name that holds spaces.
    yield (Span(f"--- {old}" + "\t" * (" " in old), "strong"),)
    yield (Span(f"+++ {new}" + "\t" * (" " in new), "strong"),)
    yield from content_lines(content.hunks, words=words)


def _label(payload: PayloadRef | None) -> str:
    return "absent" if payload is None else payload.id.short


def _described(payload: PayloadRef | None) -> str:
    if payload is None:
        return "nothing"
    if payload.kind.name == "TREE":
        return f"{count(payload.file_count, 'file')} ({size(payload.size_bytes)})"
    return f"{payload.media_type} ({size(payload.size_bytes)})"
