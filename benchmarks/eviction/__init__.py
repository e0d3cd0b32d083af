"""What does the eviction policy save of what a store that drops nothing saves, against others?

Recorded demand is replayed at several caps; see ``traces``, ``replay``, ``policies``, ``bound``.
Nothing is timed: the same traces always give the same figures.
"""

from benchmarks.eviction.table import run

__all__ = ["run"]
