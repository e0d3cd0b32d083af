"""What a store can be asked by those who would produce what a lookup did not find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aicas.backends.base import LEASE_SECONDS, Left, Taken
from aicas.ids import digest
from aicas.names import check_key
from aicas.store.judging import Question
from aicas.store.putting import StorePut
from aicas.validity.inputs import Use
from aicas.validity.recipe import Recipe, fingerprint

if TYPE_CHECKING:
    from aicas.backends.base import Lease
    from aicas.validity.check import Hit, Miss


class Claim(NamedTuple):
    """The right to produce an output, which one caller has at a time."""

    lease: Lease
    inputs: tuple[Use, ...]
    """The inputs as they were when it was granted: what the output will be recorded as made of."""


class StoreClaims(StorePut):
    """The part of a ``Store`` that lets one caller at a time produce an output."""

    def claim(
        self,
        key: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] = (),
        *,
        sample: int | None = None,
        waited_on: int | None = None,
        lifetime: float = LEASE_SECONDS,
    ) -> Claim | Taken | Left:
        """Take the right to produce this output, if nobody has it; never waits.

        What the inputs need is not collected while the right is held.

        Args:
            key: the stage.
            recipe: as it will be run.
            inputs: as they will be used.
            sample: which of several outputs of the recipe.
            waited_on, lifetime: see ``Backend.lease``.

        Raises:
            InvalidInput: a name or recipe that no store may hold, or a selector that matches
                nothing.
            NotFound: an input does not exist.
            StorageFailed: the medium refused.
        """
        used = tuple(self._input_used(item) for item in inputs)
        wanted = fingerprint(check_key(key), Recipe.of(recipe or {}), used)
        which = b"" if sample is None else str(sample).encode()
        name = digest("production lease v1", self.project.encode(), wanted, which).hex()
        needs = {item.snapshot for item in used}
        taken = self._backend.lease(name, needs=needs, waited_on=waited_on, lifetime=lifetime)
        if isinstance(taken, (Taken, Left)):
            return taken
        return Claim(taken, tuple(Use(i.key, i.snapshot.hex(), i.selector, i.digest) for i in used))

    def look_again(
        self,
        key: str,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] = (),
        *,
        sample: int | None = None,
        session: str | None = None,
    ) -> Hit | Miss:
        """Answer a lookup that has missed once more: the miss is not recorded anew, a hit is.

        Raises:
            InvalidInput, NotFound: as ``lookup``.
        """
        made = None if recipe is None else Recipe.of(recipe)
        asked = None if made is None else (made.digest, made.agent_policy)
        now = self._clock()
        found = self._judge(Question(key, sample, asked, tuple(inputs)), made, session, now)
        if found:
            self._record_lookup(key, found, session, now)
        return found

    def stamp(self) -> object:
        """A value that is equal to an earlier one only if nothing was committed in between."""
        return self._backend.stamp()
