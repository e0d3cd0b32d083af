"""``Cache``: what is stored, or else produced by one caller while the others wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aicas.backends.base import LEASE_SECONDS
from aicas.cache.producer import (
    Attempt,
    OnFailure,
    Producers,
    Request,
    Turn,
    hit_result,
    pauses,
)
from aicas.cache.result import Produced, Result
from aicas.cache.stage import Stage, Stages
from aicas.objects.payload import Payload
from aicas.store import Store
from aicas.validity.inputs import Use
from aicas.validity.recipe import Recipe

Produce = Callable[[], Payload | Produced]


class Cache(Stages):
    """A store in front of what is dear to produce. Safe for many threads and processes.

    Of all who want one output, wherever they run, one produces it. When its process ends, another
    takes over at once; when it lives but gives no sign of life, after ``lease_seconds``.
    """

    def __init__(self, store: Store, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """A cache in front of ``store``."""
        self._store = store
        self._producers = Producers(store, lease_seconds)

    def get_or_create(
        self,
        key: str,
        produce: Produce,
        *,
        recipe: Mapping[str, Any] | None = None,
        inputs: Sequence[str | Use] = (),
        sample: int | None = None,
        session: str | None = None,
        on_failure: OnFailure = "share",
        tags: Sequence[str] = (),
        expires_in_hours: float | None = None,
    ) -> Result:
        """The output of a stage: as it is stored, or as ``produce`` makes it now.

        A hit waits for nobody. Otherwise one caller runs ``produce`` and stores what it returns,
        as made from the inputs as they were before; the others wait and get what was stored.

        Args:
            key: the stage.
            produce: returns the payload, alone or as ``Produced``.
            recipe, inputs, sample, session: see ``Store.lookup`` and ``Store.put``.
            on_failure: for one who waits while another's ``produce`` fails: ``share`` takes that
                failure for its own, ``retry`` lets it try with its own ``produce``.
            tags, expires_in_hours: see ``Store.put``.

        Raises:
            ProducerFailed: the caller waited for raised, and failures are shared. Whoever runs
                ``produce`` gets its error as it is.
            OutputRejected: what was produced did not pass its validation.
            InvalidInput, NotFound, Conflict, Damaged, StorageFailed: see ``Store.lookup`` and
                ``Store.put``.
        """
        found = self._store.lookup(key, recipe, inputs, sample=sample, session=session)
        if found:
            return hit_result(self._store, found)
        return self._create(
            Request(
                key,
                None if recipe is None else Recipe.of(recipe),
                tuple(inputs),
                sample,
                session,
                on_failure,
                tuple(tags),
                expires_in_hours,
            ),
            produce,
        )

    def _create(self, request: Request, produce: Produce) -> Result:
        attempt = Attempt(self._producers, request)
        try:
            for pause in pauses():
                step = attempt.step()
                if isinstance(step, Result):
                    return step
                if step is Turn.PRODUCE:
                    break
                time.sleep(pause)
            with attempt.producing():
                made = Produced.of(produce())
        except BaseException as error:
            attempt.fail(error)
            raise
        return attempt.finish(made)

    def _calling(self, function: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            request = stage.request(args, kwargs)
            found = self._producers.look(request)
            return (found or self._create(request, partial(function, *args, **kwargs))).payload

        return call
