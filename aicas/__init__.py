"""A content-addressed, git-like artifact store for AI pipelines.

    payload ──put──► objects ──publish──► operation log ──► refs ──lookup──► hit, or miss + why
    (text, value,    (blob, tree,         (one commit        (phase-3-generated_code
     bytes, files)    snapshot)            point)             → snapshot)

``aicas.open()`` gives a ``Store``; everything public is named in ``__all__`` here.
"""

from __future__ import annotations

from aicas.errors import (
    AicasError,
    Conflict,
    Damaged,
    InvalidInput,
    InvalidName,
    NotFound,
    StageFailed,
    StorageFailed,
    UnsupportedFormat,
    Vanished,
)
from aicas.objects.files import Files
from aicas.objects.payload import FromDirectory, FromFile, Payload
from aicas.objects.snapshot import Cost, Snapshot
from aicas.opening import in_memory, init, open  # noqa: A004  (open, as in zarr or dbm)
from aicas.store import InvalidationPlan, Recipe, Store, Use
from aicas.validity.check import Hit, Miss
from aicas.validity.reasons import Reason

__version__ = "0.1.0"

__all__ = [
    "AicasError",
    "Conflict",
    "Cost",
    "Damaged",
    "Files",
    "FromDirectory",
    "FromFile",
    "Hit",
    "InvalidInput",
    "InvalidName",
    "InvalidationPlan",
    "Miss",
    "NotFound",
    "Payload",
    "Reason",
    "Recipe",
    "Snapshot",
    "StageFailed",
    "StorageFailed",
    "Store",
    "UnsupportedFormat",
    "Use",
    "Vanished",
    "__version__",
    "in_memory",
    "init",
    "open",
]
