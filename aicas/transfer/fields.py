"""Members of a JSON object from outside, each taken out as the type it must have."""

from __future__ import annotations

from typing import Any

from aicas.errors import InvalidInput


class Fields:
    """A JSON object whose members are taken out by name and type.

    Raises:
        InvalidInput: from the constructor and every method, when the value is another; the text
            names the member.
    """

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidInput(f"{type(value).__name__} stands where an object belongs")
        self.value: dict[str, Any] = value

    def text(self, name: str) -> str:
        """A string that must be there."""
        found = self.optional_text(name)
        if found is None:
            raise InvalidInput(f"lacks {name!a}")
        return found

    def optional_text(self, name: str) -> str | None:
        """A string, or ``None`` where there is none."""
        found: str | None = self.optional(name, str, "a string")
        return found

    def optional(self, name: str, kind: type | tuple[type, ...], called: str) -> Any:
        """A member of one of the types, or ``None`` where there is none."""
        found = self.value.get(name)
        if found is not None and (isinstance(found, bool) or not isinstance(found, kind)):
            raise InvalidInput(f"{name} is not {called}")
        return found

    def count(self, name: str, *, least: int) -> int:
        """An integer of at least ``least`` that must be there."""
        found = self.optional(name, int, "an integer")
        if found is None or found < least:
            raise InvalidInput(f"{name[:60]!a} must be an integer of at least {least}")
        return int(found)

    def items(self, name: str, kind: type, called: str) -> list[Any]:
        """A list whose items are of one type; empty where there is none."""
        found: list[Any] = self.optional(name, list, "a list") or []
        if not all(isinstance(item, kind) for item in found):
            raise InvalidInput(f"{name} holds something other than {called}")
        return found

    def members(self, name: str) -> list[tuple[str, Any]]:
        """The members of an object; empty where there is none."""
        found: dict[str, Any] = self.optional(name, dict, "an object") or {}
        return list(found.items())

    def strings(self, name: str) -> list[tuple[str, str]]:
        """The members of an object that holds only strings."""
        members = self.members(name)
        if not all(isinstance(inner, str) for _, inner in members):
            raise InvalidInput(f"{name} holds something other than strings")
        return members
