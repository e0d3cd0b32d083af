"""The facade that wires the layers: one store, seen from one project.

``reading`` is what it can be asked for, ``history`` what it can be asked about, ``writing`` what it
can be told to do, ``facade`` the whole.
"""

from aicas.store.facade import Store
from aicas.store.writing import InvalidationPlan, Recipe, Use

__all__ = ["InvalidationPlan", "Recipe", "Store", "Use"]
