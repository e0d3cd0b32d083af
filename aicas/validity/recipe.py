"""The recipe of a stage run, and the fingerprint of a recipe with its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from aicas import canonical
from aicas.errors import InvalidInput
from aicas.ids import Kind, ObjectId, digest, hash_object
from aicas.names import Key
from aicas.objects.snapshot import Input

PROMPT, PROMPT_HASH, AGENT_VERSION = "prompt", "prompt_hash", "agent_version"
CODE_VERSION = "code_version"
AGENT_POLICIES: Final = ("exact", "major", "any")
UNMATCHED: Final = b""
"""Stands for the digest of a part that a selector did not find."""


class Recipe(Mapping[str, Any]):
    """What decides a stage's result besides its inputs, each component by itself.

    A recipe is its components, and compares equal to a mapping of them. It keeps its own copy of
    them, so that what is computed from them once stays right.

    Attributes:
        agent_policy: which other agent versions a stored result may come from and still count:
            ``exact`` none, ``major`` those that agree up to their first number, ``any`` all.
            It says how to compare, so it is no component and is not stored.
    """

    __slots__ = ("_components", "_digest", "agent_policy")

    def __init__(
        self,
        *,
        prompt: str | None = None,
        agent_version: str | None = None,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        code_version: str | None = None,
        agent_policy: str = "exact",
        **more: Any,
    ) -> None:
        """A recipe of the components that are given, the usual ones and any of your own.

        Args:
            prompt: its text; its hash is added as ``prompt_hash``.
            agent_version: for example ``coder-v2.1``.
            model: the model's name.
            parameters: of the call, nested as deep as you like.
            code_version: see ``from_function``.
            agent_policy: ``exact``, ``major`` or ``any``.
            more: components with names of your own.

        Raises:
            InvalidInput: an unknown policy, or a value that is not JSON-like.
        """
        usual = {
            PROMPT: prompt,
            AGENT_VERSION: agent_version,
            "model": model,
            "parameters": parameters,
            CODE_VERSION: code_version,
        }
        given = {name: value for name, value in usual.items() if value is not None}
        self._fill({**given, **more}, agent_policy)

    @classmethod
    def of(cls, components: Mapping[str, Any], agent_policy: str = "exact") -> Recipe:
        """The recipe of these components; a recipe is returned as it is.

        Raises:
            InvalidInput: an unknown policy, a name that is not text, a value not JSON-like.
        """
        if isinstance(components, Recipe):
            return components
        made = cls.__new__(cls)
        made._fill(components, agent_policy)
        return made

    @classmethod
    def from_function(cls, function: Callable[..., Any], **components: Any) -> Recipe:
        """A recipe whose code version covers a function and what it calls in its own package.

        Args:
            function: the stage's code.
            components: as for ``Recipe``.

        Raises:
            InvalidInput: the function's source cannot be read, or as ``Recipe`` raises.
        """
        from aicas.validity.code import code_version

        return cls(code_version=code_version(function), **components)

    def _fill(self, components: Mapping[str, Any], agent_policy: str) -> None:
        if agent_policy not in AGENT_POLICIES:
            allowed = ", ".join(AGENT_POLICIES)
            raise InvalidInput(f"agent policy {agent_policy!a} is not one of {allowed}")
        own: dict[str, Any] = canonical.unpack(canonical.pack(components))
        prompt = own.get(PROMPT)
        if isinstance(prompt, str) and PROMPT_HASH not in own:
            own[PROMPT_HASH] = hash_object(Kind.BLOB, prompt.encode()).hex()
        self._components = own
        self._digest: bytes | None = None
        self.agent_policy = agent_policy

    @property
    def digest(self) -> bytes:
        """Bytes that any difference in any component changes."""
        if self._digest is None:
            self._digest = b"".join(
                digest("recipe component v1", name.encode(), canonical.pack(value))
                for name, value in sorted(self._components.items())
            )
        return self._digest

    def __getitem__(self, name: str) -> Any:
        return self._components[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __len__(self) -> int:
        return len(self._components)

    def __repr__(self) -> str:
        return f"Recipe.of({self._components!r})"


def fingerprint(key: Key, recipe: Mapping[str, Any], inputs: Sequence[Input]) -> bytes:
    """What decides a stage's result: its key, recipe components and the digests of its inputs.

    Not times, sessions, costs or snapshot ids: an input that was made anew with the same content
    leaves the fingerprint as it was. The order in which inputs are named does not matter.
    """
    used = sorted(
        digest("input v1", item.key.encode(), (item.selector or "").encode(), item.digest)
        for item in inputs
    )
    return digest("fingerprint v1", key.encode(), Recipe.of(recipe).digest, b"".join(used))


def payload_digest(payload: ObjectId) -> bytes:
    """The digest of an input that was read as a whole: the id of its payload, kind included."""
    return digest("whole payload v1", bytes([payload.kind]), payload)
