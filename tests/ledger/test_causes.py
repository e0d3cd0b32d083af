from __future__ import annotations

import pytest

from aicas.ledger.causes import CAUSES, cause_of
from aicas.validity import reasons
from aicas.validity.reasons import Reason

KINDS = [cls for cls in vars(reasons).values() if getattr(cls, "__base__", None) is Reason]
CODES = [cls.code for cls in KINDS if cls is not reasons.Amended]  # which is never one's own


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        ([], "repeated"),
        (["never_stored"], "first"),
        (["input_changed"], "input_changed"),
        (["selector_unmatched"], "input_changed"),
        (["agent_incompatible", "input_changed"], "recipe_changed"),
        (["input_changed", "recipe_changed", "quarantined"], "failed"),
        (["recipe_changed", "expired"], "expired"),
        (["quarantined", "invalidated"], "invalidated"),
        (["expired", "evicted", "input_changed"], "evicted"),
        (["evicted", "payload_unreadable"], "damaged"),
    ],
)
def test_of_several_reasons_the_most_decisive_is_the_cause(codes: list[str], cause: str) -> None:
    assert cause_of(codes) == cause
    assert cause_of(codes[::-1]) == cause


def test_every_reason_a_lookup_can_give_has_a_cause() -> None:
    assert len(CODES) >= 10
    assert {cause_of([code]) for code in CODES} == {*CAUSES} - {"sampled", "repeated"}
