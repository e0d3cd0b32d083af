"""The facade that wires the layers: one store, seen from one project.

``reading`` is what it can be asked, ``writing`` what it can be told to do.
"""

from aicas.store.reading import StoreReader
from aicas.store.writing import InvalidationPlan, Recipe, Store, Use

__all__ = ["InvalidationPlan", "Recipe", "Store", "StoreReader", "Use"]
