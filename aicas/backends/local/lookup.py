"""Reading a record where the view places it, and putting the view right when it is not there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from aicas.backends.local.overlay import Place
from aicas.backends.local.view import View
from aicas.errors import Damaged


def read_record(
    view: View,
    first: Place | None,
    where: Callable[[], Place | None],
    is_it: Callable[[bytes], bool],
) -> bytes | None:
    """The bytes of a record of the log; ``None`` if there is no such record.

    A record that is not where the view places it was moved by a collection in another process,
    or the index is wrong: the view is loaded again, then made anew from the log. ``b""`` if the
    log itself places it where it is not.

    Args:
        view: it must have caught up.
        first: the place the view told already.
        where: asks the view for the place again, after a repair.
        is_it: recognises the record; may raise ``Damaged``.

    Raises:
        StorageFailed: the disk refused.
    """
    known, repairs = None, list[Callable[[], None]]()
    place = first
    while place is not None:
        if place != known:
            known, repairs = place, [view.rebuild, view.reload]
        with suppress(FileNotFoundError, Damaged):
            record = view.log.segment(place.file).read(place.offset, place.length)
            if is_it(record):
                return record
        if not repairs:
            return b""
        repairs.pop()()
        place = where()
    return None
