"""The facade that wires the layers: one store, seen from one project.

Each part builds on the one before: ``base`` the wiring; ``reading`` what it can be asked for;
``history`` what it can be asked about; ``judging`` what is valid; ``putting`` what it is given;
``claiming`` who may produce it; ``writing`` what it can be told to do with it; ``runs`` whole
runs; ``accounts`` what was spent and saved; ``upkeep`` what it keeps; ``facade`` the whole.
"""

from aicas.store.claiming import Claim
from aicas.store.facade import Store
from aicas.store.runs import ForkPlan, ResumePlan
from aicas.store.writing import InvalidationPlan, Sample

__all__ = ["Claim", "ForkPlan", "InvalidationPlan", "ResumePlan", "Sample", "Store"]
