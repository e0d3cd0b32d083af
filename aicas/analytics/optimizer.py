"""``CostOptimizer``: where the money of a project goes, and what would save some of it."""

from __future__ import annotations

import asyncio
from typing import Any

from aicas.analytics.evidence import Evidence
from aicas.analytics.recommend import recommend
from aicas.analytics.report import CostAnalysis, DayCosts, analyse, analyse_by_day
from aicas.store import Store


class CostOptimizer:
    """The costs of one project of a store, for the tasks of an event loop.

    Days are those of UTC; a period of days includes today. Every call does its work in a thread
    and raises ``InvalidInput`` for a number of days below 1 or beyond a hundred years. Lookups
    count only while the settings have ``analytics_enabled``.
    """

    def __init__(self, store: Store) -> None:
        """Of the project that ``store`` sees."""
        self._store = store

    async def analyze_costs(self, days: int = 30) -> CostAnalysis:
        """What was spent and why, and what was saved, in the last days."""
        since, until = self._store.last_days(days)
        return await asyncio.to_thread(analyse, self._store, since, until)

    async def track_cost_trends(self, days: int = 30) -> list[DayCosts]:
        """The same day by day, oldest first; a day on which nothing happened is there too.

        All days together are what ``analyze_costs`` tells.
        """
        since, until = self._store.last_days(days)
        return await asyncio.to_thread(analyse_by_day, self._store, since, until)

    async def get_optimization_recommendations(self, days: int = 30) -> list[dict[str, Any]]:
        """What would have saved money in the last days, the largest saving first.

        Each with ``strategy``, ``description``, ``potential_savings_usd`` (and the exact
        ``potential_savings_usd_nano``), ``implementation_effort`` (``low``, ``medium`` or
        ``high``), ``confidence`` (0 to 1), and the ``runs`` it rests on, those without a known
        price being ``unpriced_runs``. Empty where the books show no cause for any.
        """
        since, until = self._store.last_days(days)
        return await asyncio.to_thread(self._recommend, since, until)

    def _recommend(self, since: int, until: int) -> list[dict[str, Any]]:
        return [advice.as_dict() for advice in recommend(Evidence(self._store, since, until))]
