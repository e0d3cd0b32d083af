"""Every error aicas raises on purpose, each with the facts as fields and an exit code.

The text of an error is one line: what was wrong. ``hint`` is a second line for people: what to
do about it. Commands print both and exit with ``exit_code``; a library caller catches the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class AicasError(Exception):
    """Base of all errors raised on purpose. ``str(error)`` is one line."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(AicasError):
    """What the caller passed cannot be accepted; nothing was written."""

    exit_code = 2


class InvalidName(InvalidInput):
    """A key, project, path or tag that no store may hold."""

    def __init__(self, what: str, name: str, problem: str) -> None:
        shown = name if len(name) <= 80 else name[:77] + "..."
        super().__init__(f"{what} {shown!a} {problem}")
        self.what = what
        self.name = name
        self.problem = problem


class NotFound(AicasError):
    """No such key, revision, object, operation or store. ``near`` names what may be meant."""

    exit_code = 3

    def __init__(self, message: str, *, near: Sequence[str] = (), hint: str | None = None) -> None:
        if near and hint is None:
            hint = "did you mean " + " or ".join(near) + "?"
        super().__init__(message, hint=hint)
        self.near = tuple(near)


class Conflict(AicasError):
    """Something moved meanwhile: the refs are not what the caller expected. Nothing changed."""

    exit_code = 4


class Vanished(Conflict):
    """Objects the caller relied on are not in the store (any more). Nothing changed."""

    def __init__(self, ids: Sequence[bytes]) -> None:
        super().__init__(f"{len(ids)} objects this change relies on are not in the store")
        self.ids = tuple(ids)


class Damaged(AicasError):
    """Stored bytes are not what their name, length or checksum says."""

    exit_code = 5

    def __init__(self, message: str, *, object_id: bytes | None = None) -> None:
        super().__init__(message, hint="run 'aicas verify' to see all damage and who needs it")
        self.object_id = object_id


class StorageFailed(AicasError):
    """The disk, file system or permissions refused; what was not acknowledged is not stored."""

    exit_code = 6


class UnsupportedFormat(AicasError):
    """The store or object was written in a format this version does not know."""

    exit_code = 7


class StageFailed(AicasError):
    """A pipeline stage could not be produced; every stage completed before it is kept."""

    exit_code = 8

    def __init__(self, key: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"stage {key} failed: {message}", hint=hint)
        self.key = key


class ProducerFailed(StageFailed):
    """Another caller was producing the stage, and what it ran raised an error."""

    def __init__(self, key: str, kind: str, problem: str) -> None:
        super().__init__(key, f"{kind}: {problem}" if problem else kind)
        self.kind = kind
        """The name of the error's type."""
        self.problem = problem
        """The error's text, on one line."""


class OutputRejected(StageFailed):
    """What was produced did not pass its validation. It is kept, in quarantine."""

    def __init__(self, key: str, snapshot_id: bytes, reasons: Sequence[object] = ()) -> None:
        super().__init__(
            key,
            f"its output {snapshot_id[:6].hex()} did not pass validation",
            hint=f"it is kept in quarantine; 'aicas promote {key}' makes it current after all",
        )
        self.snapshot_id = snapshot_id
        self.reasons = tuple(reasons)
        """Why it had to be produced; empty where another caller produced it."""
