"""What was read of an input: all of it, or the part that a selector names.

What reads parts is imported where one is read, for most commands read none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from aicas.errors import Damaged, InvalidInput, NotFound
from aicas.objects.reader import BoundedCache, ObjectReader
from aicas.objects.snapshot import Input, Snapshot
from aicas.validity.recipe import UNMATCHED, payload_digest

_SLICE_BUDGET = 4 << 20
_ENTRY_BYTES = 200


class Use(NamedTuple):
    """An input by the name it has in the pipeline, and the revision that was used for it."""

    key: str
    revision: str
    selector: str | None = None
    """The part that is read: a JSON Pointer into a value, a glob over files; ``None`` for all."""
    digest: bytes | None = None
    """The digest of what was read, where that is known not to be this revision's: an artifact
    from elsewhere, made from a version that did not come along. It counts as stale."""


def parse_input(text: str) -> tuple[str, str | None]:
    """The revision and the selector of ``REVISION`` or ``REVISION#SELECTOR``.

    Raises:
        InvalidInput: the selector is no JSON Pointer and no glob.
    """
    if "#" not in text:
        return text, None
    from aicas.validity.selector import split_selector

    return split_selector(text)


class InputDigests:
    """Digests of what is read of inputs; those of parts are kept. Safe for many threads."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._slices: BoundedCache[bytes] = BoundedCache(_SLICE_BUDGET)

    def of(self, snapshot: Snapshot, selector: str | None) -> bytes:
        """The digest of a part of a snapshot's payload; ``UNMATCHED`` where there is no such part.

        Raises:
            InvalidInput: the selector is not of the payload's kind.
            NotFound, Damaged: the payload cannot be read.
        """
        if selector is None:
            return payload_digest(snapshot.payload.id)
        name = (snapshot.payload.id, selector)
        found = self._slices.get(name)
        if found is None:
            from aicas.validity.selector import slice_digest

            found = slice_digest(snapshot, selector, self._reader) or UNMATCHED
            self._slices.put(name, found, _ENTRY_BYTES + len(selector))
        return found

    def now(
        self, inputs: tuple[Input, ...], current: Callable[[str], Snapshot | None]
    ) -> tuple[Input, ...]:
        """The same inputs as they stand now; those that are gone are left out.

        Args:
            inputs: as they were used.
            current: finds the current snapshot of an input's key.
        """
        standing = []
        for item in inputs:
            above = current(item.key)
            if above is None:
                continue
            digest = UNMATCHED
            if item.selector is not None and above.id == item.snapshot:
                digest = item.digest  # known without reading what may be large, or evicted
            else:
                with suppress(InvalidInput, NotFound, Damaged):
                    digest = self.of(above, item.selector)
            standing.append(Input(item.key, above.id, item.selector, digest))
        return tuple(standing)
