"""What a store can be asked about money: what was spent and why, and what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from aicas.clock import DAY, EARLIEST, LATEST
from aicas.errors import InvalidInput
from aicas.names import check_project
from aicas.store.runs import StoreRuns

if TYPE_CHECKING:
    from aicas.ledger.books import Books, Grouping
    from aicas.ledger.spending import Spending

MAX_DAYS = 36_500


class Contents(NamedTuple):
    """What a project has to offer now."""

    entries: int
    """Stages with a current version."""
    size_bytes: int
    """What those hold, before compression and sharing."""


class StoreAccounts(StoreRuns):
    """The part of a ``Store`` that adds up the books. Nothing here changes anything."""

    def books(
        self,
        since: int | None = None,
        until: int | None = None,
        *,
        project: str | None = None,
        session: str | None = None,
        by: Grouping | None = None,
    ) -> Books:
        """What was spent, by why, and what was saved, added up. Without arguments, all of it.

        Costs one look at every operation, and at the period's lookups. Lookups that other
        processes have not recorded yet are missing, those of their last second at most.

        Args:
            since: the first moment, in microseconds since 1970 UTC.
            until: the first moment after the period.
            project, session: only what belongs to it.
            by: group it too: by ``stage``, ``model``, ``session``, ``day`` or ``cause``.

        Raises:
            InvalidName: no project can be called that.
            StorageFailed: the lookups of this process could not be recorded.
        """
        from aicas.ledger.books import Period, read_books

        named = None if project is None else check_project(project)
        if self._recorder is not None:
            self._recorder.flush()
        return read_books(self._backend, Period(_first(since), until, named, session), by)

    def spendings(
        self, since: int | None = None, until: int | None = None, *, project: str | None = None
    ) -> Iterator[Spending]:
        """Every time that money was spent, or may have been, in the order of the log.

        Args:
            since, until, project: as for ``books``.
        """
        from aicas.ledger.spending import spendings

        for spending in spendings(self._backend, _first(since), until):
            if project is None or spending.project == project:
                yield spending

    def last_days(self, days: int) -> tuple[int, int]:
        """The last so many days in UTC, today included: their first moment, and the one after.

        Raises:
            InvalidInput: none, or more than a hundred years.
        """
        if not 1 <= days <= MAX_DAYS:
            raise InvalidInput(f"a number of days is from 1 to {MAX_DAYS:,}, not {days}")
        end = min((self._clock() // DAY + 1) * DAY, LATEST)
        return end - days * DAY, end

    def contents(self) -> Contents:
        """How many stages of this project have a current version, and how much those hold."""
        current = self._live(self.project).values()
        return Contents(len(current), sum(snapshot.size_bytes for snapshot in current))


def _first(since: int | None) -> int:
    return EARLIEST if since is None else since
