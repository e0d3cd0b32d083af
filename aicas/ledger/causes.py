"""Why money was spent on a stage: one cause for each time, so that causes add up to the total."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, get_args

Cause = Literal[
    "first",
    "invalidated",
    "expired",
    "evicted",
    "failed",
    "recipe_changed",
    "input_changed",
    "damaged",
    "sampled",
    "repeated",
]

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
"""``first`` is money spent for the first time; every other cause is spent again."""

# The most decisive first: what was lost or taken away would have been paid for again even if the
# recipe had stayed the same, and a changed recipe even if the inputs had.
_CAUSE_OF_REASON: Final[dict[str, Cause]] = {
    "payload_unreadable": "damaged",
    "evicted": "evicted",
    "invalidated": "invalidated",
    "expired": "expired",
    "quarantined": "failed",
    "recipe_changed": "recipe_changed",
    "agent_incompatible": "recipe_changed",
    "input_changed": "input_changed",
    "selector_unmatched": "input_changed",
    "never_stored": "first",
}

_RANK: Final = {code: rank for rank, code in enumerate(_CAUSE_OF_REASON)}


def cause_of(codes: Collection[str]) -> Cause:
    """The one cause behind the reasons of a miss; without reasons, the run was ``repeated``.

    Args:
        codes: ``Reason.code`` of every reason.
    """
    if not codes:
        return "repeated"
    return _CAUSE_OF_REASON[min(codes, key=_RANK.__getitem__)]
