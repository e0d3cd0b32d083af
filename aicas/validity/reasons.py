"""Why a lookup missed, each reason a value with its facts; ``str`` says it in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from aicas.clock import format_time
from aicas.ids import ObjectId, SnapshotId

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands between a lookup and a hit. ``code`` is its stable name."""

    code: ClassVar[str]


@dataclass(frozen=True, slots=True)
class NeverStored(Reason):
    """No run of this stage was ever stored here."""

    code = "never_stored"

    def __str__(self) -> str:
        return "never stored"


@dataclass(frozen=True, slots=True)
class Invalidated(Reason):
    """The ref was moved away."""

    code = "invalidated"
    verb: str
    number: int
    at: int
    why: str | None

    def __str__(self) -> str:
        moved = "invalidated" if self.verb == "invalidate" else f"moved away ({self.verb})"
        return _by_operation(moved, self.number, self.at, self.why)


@dataclass(frozen=True, slots=True)
class Expired(Reason):
    """Its expiry time has passed."""

    code = "expired"
    at: int

    def __str__(self) -> str:
        return f"expired at {format_time(self.at)}"


@dataclass(frozen=True, slots=True)
class Evicted(Reason):
    """What it produced was dropped to make room; what it cost and was made from is still known."""

    code = "evicted"
    number: int
    at: int
    why: str | None

    def __str__(self) -> str:
        return _by_operation("evicted", self.number, self.at, self.why)


@dataclass(frozen=True, slots=True)
class Quarantined(Reason):
    """The newest output did not pass its validation; it is kept where no lookup finds it."""

    code = "quarantined"
    number: int
    at: int
    snapshot: SnapshotId
    why: str | None

    def __str__(self) -> str:
        return _by_operation("quarantined", self.number, self.at, self.why)


@dataclass(frozen=True, slots=True)
class Amended(Reason):
    """It was corrected by hand; the first cause of what was made from it, never of itself."""

    code = "amended"
    number: int
    at: int
    why: str | None

    def __str__(self) -> str:
        return _by_operation("amended", self.number, self.at, self.why)


@dataclass(frozen=True, slots=True)
class RecipeChanged(Reason):
    """A component of the recipe is not what it was. ``None`` stands for an absent one."""

    code = "recipe_changed"
    component: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.component} changed from {_brief(self.old)} to {_brief(self.new)}"


@dataclass(frozen=True, slots=True)
class AgentIncompatible(Reason):
    """It comes from an agent version that the wanted one's policy does not accept."""

    code = "agent_incompatible"
    old: Any
    new: Any
    policy: str

    def __str__(self) -> str:
        if self.policy == "exact":
            return f"agent_version changed from {_brief(self.old)} to {_brief(self.new)}"
        return (
            f"agent_version {_brief(self.old)} is not compatible with {_brief(self.new)}"
            f" (policy {self.policy})"
        )


@dataclass(frozen=True, slots=True)
class InputChanged(Reason):
    """What it was made from is not what it would be made from. ``None``: not an input."""

    code = "input_changed"
    key: str
    selector: str | None
    old: bytes | None
    new: bytes | None

    def __str__(self) -> str:
        name = input_name(self.key, self.selector)
        if self.old is None:
            return f"input {name} is new"
        if self.new is None:
            return f"input {name} is gone"
        return f"input {name} changed"


@dataclass(frozen=True, slots=True)
class SelectorUnmatched(Reason):
    """The part of an input that it depends on is not there any more."""

    code = "selector_unmatched"
    key: str
    selector: str

    def __str__(self) -> str:
        return f"input {input_name(self.key, self.selector)} matches nothing"


@dataclass(frozen=True, slots=True)
class PayloadUnreadable(Reason):
    """The ref points at something the store cannot give back."""

    code = "payload_unreadable"
    object_id: ObjectId
    problem: str

    def __str__(self) -> str:
        return f"stored but unreadable: {self.problem}"


def input_name(key: str, selector: str | None) -> str:
    """An input as it is written: ``KEY`` or ``KEY#SELECTOR``."""
    return key if selector is None else f"{key}#{selector}"


def _by_operation(what: str, number: int, at: int, why: str | None) -> str:
    because = f": {why}" if why else ""
    return f"{what} by operation {number} at {format_time(at)}{because}"


def _brief(value: Any) -> str:
    if value is None:
        return "nothing"
    is_text = isinstance(value, str)
    flat = " ".join((value if is_text else repr(value)).split())
    shown = flat if len(flat) <= _SHOWN_CHARACTERS else flat[: _SHOWN_CHARACTERS - 3] + "..."
    return repr(shown) if is_text else shown
