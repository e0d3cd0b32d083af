"""What changed between two snapshots: files, a value or text, and what went into them.

Each payload is compared as what it is; content that is no text, or too large to show, is named
and measured. ``Diff.to_json`` is the one documented schema of ``aicas diff --json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from aicas import canonical
from aicas.history.contentdiff import ContentDiff, diff_content
from aicas.history.metadatadiff import MetadataChange, metadata_changes
from aicas.history.treediff import FileChange, diff_trees
from aicas.history.valuediff import ValueChange, diff_values
from aicas.ids import BlobId, Kind, SnapshotId, TreeId
from aicas.names import Key
from aicas.objects.media import VALUE
from aicas.objects.snapshot import PayloadRef, Snapshot
from aicas.objects.tree import Entry, Tree

DiffKind = Literal["files", "value", "text", "binary", "media type changed"]


class Reader(Protocol):
    """Where trees and blobs are read from, each checked against its id."""

    def tree(self, tree_id: TreeId, /) -> Tree:
        """A decoded tree."""

    def blob(self, blob_id: BlobId, /) -> bytes:
        """A blob's whole content; never asked for one over ``MAX_TEXT_BYTES``, but for values."""


class FileDiff(NamedTuple):
    """One file's change and what changed in it."""

    change: FileChange
    content: ContentDiff


class Summary(NamedTuple):
    """The counts of ``--stat``: files that differ, and lines or places in a value."""

    files: int
    insertions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class Diff:
    """How two snapshots differ. Of ``files``, ``values`` and ``content`` the kind fills one."""

    old: SnapshotId | None
    new: SnapshotId | None
    kind: DiffKind
    old_payload: PayloadRef | None
    new_payload: PayloadRef | None
    files: tuple[FileDiff, ...] = ()
    values: tuple[ValueChange, ...] = ()
    content: ContentDiff | None = None
    """How a text or binary payload differs; ``None`` for the other kinds."""
    metadata: tuple[MetadataChange, ...] = ()

    @property
    def is_same_content(self) -> bool:
        """The payloads are equal, whatever else differs."""
        old, new = self.old_payload, self.new_payload
        return (old and old.id) == (new and new.id)

    @property
    def is_empty(self) -> bool:
        """Nothing this diff would name differs."""
        return self.is_same_content and not self.metadata

    @property
    def summary(self) -> Summary:
        """Counts over the whole diff; a changed place in a value counts as in and out."""
        if self.kind == "value":
            kinds = [change.change for change in self.values]
            changed = kinds.count("changed")
            counts = kinds.count("added") + changed, kinds.count("removed") + changed
            return Summary(0, *counts)
        contents = [file.content for file in self.files]
        contents += [self.content] if self.content is not None else []
        insertions = sum(content.insertions for content in contents)
        return Summary(len(self.files), insertions, sum(c.deletions for c in contents))

    def to_json(self) -> dict[str, Any]:
        """The whole diff as plain JSON; an absent side of a value change is left out."""
        return {
            "old": None if self.old is None else str(self.old),
            "new": None if self.new is None else str(self.new),
            "kind": self.kind,
            "same_content": self.is_same_content,
            "summary": self.summary._asdict(),
            "old_payload": _payload_json(self.old_payload),
            "new_payload": _payload_json(self.new_payload),
            "metadata": [change._asdict() for change in self.metadata],
            "files": [_file_json(*file) for file in self.files],
            "values": [_value_json(change) for change in self.values],
            "content": None if self.content is None else self.content.to_json(),
        }


def diff_snapshots(
    old: Snapshot | None, new: Snapshot | None, reader: Reader, *, context: int = 3
) -> Diff:
    """Compare two snapshots; ``None`` stands for nothing stored yet, or any more.

    Args:
        old: the snapshot before.
        new: the snapshot after.
        reader: gives trees and blobs; equal ones are not read.
        context: unchanged lines around each change of text.

    Raises:
        NotFound, Damaged: whatever the reader raises for content that differs.
    """
    before, after = (None if s is None else s.payload for s in (old, new))
    return replace(
        _diff_payloads(before, after, reader, context),
        old=None if old is None else old.id,
        new=None if new is None else new.id,
        metadata=metadata_changes(old, new) if old and new else (),
    )


def _diff_payloads(
    old: PayloadRef | None, new: PayloadRef | None, reader: Reader, context: int
) -> Diff:
    kind = _common_kind(old, new)
    diff = Diff(None, None, kind, old, new)
    if kind == "files":
        roots = [None if p is None else TreeId(p.id) for p in (old, new)]
        changes = diff_trees(roots[0], roots[1], reader.tree, reader.blob)
        files = [FileDiff(c, _diff_entries(c, reader, context)) for c in changes]
        return replace(diff, files=tuple(files))
    if kind == "value":
        return replace(diff, values=tuple(_diff_value_payloads(old, new, reader)))
    if kind == "text":
        sides = [None if p is None else (BlobId(p.id), p.size_bytes) for p in (old, new)]
        content = diff_content(sides[0], sides[1], reader.blob, context)
        return replace(diff, content=content, kind=_shown_kind(content, old, new))
    return diff


def _common_kind(old: PayloadRef | None, new: PayloadRef | None) -> DiffKind:
    """How both can be compared; blobs that are no values are taken for text until read."""
    kinds = {_form(payload) for payload in (old, new) if payload is not None}
    return kinds.pop() if len(kinds) == 1 else "text" if not kinds else "media type changed"


def _form(payload: PayloadRef) -> DiffKind:
    if payload.kind is Kind.TREE:
        return "files"
    return "value" if payload.media_type == VALUE else "text"


def _shown_kind(content: ContentDiff, *payloads: PayloadRef | None) -> DiffKind:
    if content.form in ("same", "large"):
        texts = [p.media_type.startswith("text/") for p in payloads if p is not None]
        return "text" if all(texts) else "binary"
    return "text" if content.form == "text" else "binary"


def _diff_entries(change: FileChange, reader: Reader, context: int) -> ContentDiff:
    sides = [_content_of(entry) for entry in (change.old, change.new)]
    return diff_content(sides[0], sides[1], reader.blob, context)


def _content_of(entry: Entry | None) -> tuple[BlobId, int] | None:
    if entry is None or not isinstance(entry.id, BlobId):
        return None
    return entry.id, entry.size


def _diff_value_payloads(
    old: PayloadRef | None, new: PayloadRef | None, reader: Reader
) -> list[ValueChange]:
    if old is not None and new is not None and old.id == new.id:
        return []
    sides = [None if p is None else canonical.unpack(reader.blob(BlobId(p.id))) for p in (old, new)]
    if old is None:
        return [ValueChange("", "added", new=sides[1])]
    if new is None:
        return [ValueChange("", "removed", old=sides[0])]
    return diff_values(*sides)


def _payload_json(payload: PayloadRef | None) -> dict[str, Any] | None:
    if payload is None:
        return None
    return {
        "kind": payload.kind.name.lower(),
        "id": str(payload.id),
        "media_type": payload.media_type,
        "size_bytes": payload.size_bytes,
        "file_count": payload.file_count,
    }


def _file_json(change: FileChange, content: ContentDiff) -> dict[str, Any]:
    return {
        "path": change.path,
        "old_path": change.old_path,
        "change": change.change,
        "similarity": change.similarity,
        "old": _entry_json(change.old),
        "new": _entry_json(change.new),
        **content.to_json(),
    }


def _entry_json(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {"id": str(entry.id), "mode": f"{entry.mode:06o}", "size": entry.size}


def _value_json(change: ValueChange) -> dict[str, Any]:
    sides = {"added": ("new",), "removed": ("old",), "changed": ("old", "new")}[change.change]
    return {
        "path": change.path,
        "change": change.change,
        **{side: getattr(change, side) for side in sides},
    }


class KeyChange(NamedTuple):
    """One key of a project between two moments."""

    key: Key
    change: Literal["added", "removed", "changed"]
    old: SnapshotId | None
    new: SnapshotId | None

    def to_json(self) -> dict[str, Any]:
        """The change as plain JSON, ids in hexadecimal."""
        sides = {"old": self.old, "new": self.new}
        ids = {side: None if at is None else str(at) for side, at in sides.items()}
        return {"key": self.key, "change": self.change, **ids}


def diff_views(
    old: Mapping[Key, SnapshotId], new: Mapping[Key, SnapshotId]
) -> tuple[KeyChange, ...]:
    """Which keys came, went or moved between two views of a project, in key order."""
    changes = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is None:
            changes.append(KeyChange(key, "added", None, after))
        elif after is None:
            changes.append(KeyChange(key, "removed", before, None))
        elif before != after:
            changes.append(KeyChange(key, "changed", before, after))
    return tuple(changes)
