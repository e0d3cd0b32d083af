"""What changed in the part of an input that a stage reads, and in nothing else of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aicas.history.diff import Diff, diff_snapshots
from aicas.history.valuediff import ValueChange, diff_values
from aicas.objects.files import Files
from aicas.objects.payload import Payload
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot
from aicas.validity.selector import selected


def diff_parts(
    old: Snapshot | None, new: Snapshot | None, selector: str | None, reader: ObjectReader
) -> Diff:
    """Compare what a selector names in two versions of an input; ``None`` is an absent one.

    Args:
        old: the version that was used.
        new: the version that would be used now.
        selector: the part that is read; ``None`` for all of it.
        reader: gives what they hold.

    Raises:
        InvalidInput: the selector fits neither of them.
        NotFound, Damaged: what one of them held cannot be read.
    """
    if selector is None:
        return replace(diff_snapshots(old, new, reader), metadata=())
    sides = [None if s is None else selected(s, selector, reader) for s in (old, new)]
    if selector.startswith("/"):
        return _diff_values(old, new, selector, sides)
    whole = diff_snapshots(old, new, reader)
    paths = {path for side in sides if isinstance(side, Files) for path in side}
    files = tuple(file for file in whole.files if paths & {file.change.path, file.change.old_path})
    return replace(whole, files=files, metadata=())


def _diff_values(
    old: Snapshot | None, new: Snapshot | None, pointer: str, sides: list[Payload | None]
) -> Diff:
    """Where a value was not there, or was null, it came; and the other way round."""
    before, after = sides
    changes: list[ValueChange]
    if before is None or after is None:
        changes = _came_or_went(before, after)
    else:
        changes = diff_values(before, after)
    placed = tuple(replace(change, path=pointer + change.path) for change in changes)
    payloads = [None if s is None else s.payload for s in (old, new)]
    ids = [None if s is None else s.id for s in (old, new)]
    return Diff(ids[0], ids[1], "value", payloads[0], payloads[1], values=placed)


def _came_or_went(before: Any, after: Any) -> list[ValueChange]:
    if before is not None:
        return [ValueChange("", "removed", old=before)]
    return [] if after is None else [ValueChange("", "added", new=after)]
