"""Reading a segment's groups one after another, and finding the way on behind damage."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aicas.backends.local.group import (
    GROUP_HEAD_BYTES,
    GROUP_MAGIC,
    DamagedRegion,
    Group,
    group_bytes,
    parse_body,
    parse_group,
)

_WINDOW_BYTES = 4 << 20


def read_groups(fd: int, offset: int, seed: int) -> Iterator[Group | DamagedRegion]:
    """The groups of a segment from ``offset`` on, stepping over damage that more groups follow.

    Ends at the end of the file or before an unfinished write. What stands at the very end and is
    neither a whole group nor the beginning of one is reported as damage too. A writer may be at
    work meanwhile: the file counts as long as it was at first, for what it grew by may be there in
    part only.
    """
    size = os.fstat(fd).st_size
    window, start = b"", offset
    while offset < size:
        if offset + GROUP_HEAD_BYTES > start + len(window):
            window, start = os.pread(fd, min(_WINDOW_BYTES, size - offset), offset), offset
        need = group_bytes(window, offset - start, offset, seed)
        if need and offset + need > start + len(window) and offset + need <= size:
            window, start = os.pread(fd, need, offset), offset
        found: Group | DamagedRegion | None = parse_group(window, offset - start, offset, seed)
        if found is None:
            found = _step_over(fd, offset, need, size, seed)
        if found is None:
            return
        yield found
        offset = found.end


def _step_over(
    fd: int, offset: int, need: int, size: int, seed: int
) -> Group | DamagedRegion | None:
    """What stands at ``offset`` in place of a whole group; ``None`` for an unfinished write.

    A group that others follow was committed. Its objects are checked against their ids when they
    are read and its operation against its digest, so a flipped bit costs one record and not all.
    """
    end = _next_group(fd, offset + 1, size, seed)
    if end is None:
        unfinished = _is_unfinished(fd, offset, need, size)
        return None if unfinished else DamagedRegion(offset, size, is_last=True)
    found = parse_group(os.pread(fd, end - offset, offset), 0, offset, seed)
    if found:  # a writer cut what stood there, and wrote this, between the first look and this
        return found
    if need and offset + need <= end:
        group = parse_body(os.pread(fd, need, offset), 0, offset)
        if group:
            group.damaged = True
            return group
    return DamagedRegion(offset, end)


def _is_unfinished(fd: int, offset: int, need: int, size: int) -> bool:
    """Whether the file's last bytes are what a write leaves that was cut off.

    That is the beginning of a group, or zeros where the file grew and its content did not follow.
    """
    if need:
        return offset + need > size
    head = os.pread(fd, min(GROUP_HEAD_BYTES, size - offset), offset)
    return len(head) < GROUP_HEAD_BYTES or not any(head)


def _next_group(fd: int, offset: int, size: int, seed: int) -> int | None:
    """Where the next whole group starts, at or after ``offset``."""
    while offset < size:
        window = os.pread(fd, min(_WINDOW_BYTES, size - offset), offset)
        if not window:
            return None  # a writer has cut the file meanwhile
        found = window.find(GROUP_MAGIC)
        while found >= 0:
            candidate = offset + int(found)
            head = os.pread(fd, GROUP_HEAD_BYTES, candidate)
            need = group_bytes(head, 0, candidate, seed)
            if need and candidate + need <= size:
                whole = os.pread(fd, need, candidate)
                if parse_group(whole, 0, candidate, seed) is not None:
                    return candidate
            found = window.find(GROUP_MAGIC, found + 1)
        offset += max(len(window) - 3, 1) if offset + len(window) < size else len(window)
    return None
