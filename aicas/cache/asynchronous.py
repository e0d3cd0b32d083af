"""``AsyncCache``: as ``Cache``, for the tasks of an event loop, which never waits for a disk."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from aicas.backends.base import LEASE_SECONDS
from aicas.cache.producer import Attempt, OnFailure, Producers, Request, Turn, pauses
from aicas.cache.result import Produced, Result
from aicas.cache.stage import Stage, Stages
from aicas.objects.payload import Payload
from aicas.store import Store
from aicas.validity.inputs import Use
from aicas.validity.recipe import Recipe

Made = Payload | Produced
AsyncProduce = Callable[[], Made | Awaitable[Made]]
_Answer = TypeVar("_Answer")


class AsyncCache(Stages):
    """A store in front of what is dear to produce, for the tasks of one or more event loops.

    Tasks, threads and processes with an ``AsyncCache`` or a ``Cache`` all share one producer, as
    ``Cache`` promises. A task that is cancelled while it waits disturbs nobody. One that is
    cancelled while its asynchronous ``produce`` runs stops it and lets another take over; a
    blocking ``produce`` cannot be stopped: it goes on, and what it returns is stored.
    """

    def __init__(self, store: Store, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """A cache in front of ``store``."""
        self._producers = Producers(store, lease_seconds)

    async def get_or_create(
        self,
        key: str,
        produce: AsyncProduce,
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

        Args:
            key: the stage.
            produce: returns the payload, alone or as ``Produced``; an asynchronous function, or
                a blocking one, which runs in a thread of its own.
            recipe, inputs, sample, session, on_failure, tags, expires_in_hours: see
                ``Cache.get_or_create``.

        Raises:
            ProducerFailed, OutputRejected, InvalidInput, NotFound, Conflict, Damaged,
                StorageFailed: see ``Cache.get_or_create``.
        """
        made = None if recipe is None else Recipe.of(recipe)
        request = Request(
            key, made, tuple(inputs), sample, session, on_failure, tuple(tags), expires_in_hours
        )
        return await self._answer(request, produce)

    async def _answer(self, request: Request, produce: AsyncProduce) -> Result:
        found = await _in_thread(partial(self._producers.look, request))
        if found:
            return found
        attempt = Attempt(self._producers, request)
        try:
            for pause in pauses():
                step = await _in_thread(attempt.step)
                if isinstance(step, Result):
                    return step
                if step is Turn.PRODUCE:
                    break
                await asyncio.sleep(pause)
        except BaseException as error:
            await _abandon(attempt, error)
            raise
        return await _produce(attempt, produce)

    def _calling(self, function: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            request = stage.request(args, kwargs)
            return (await self._answer(request, partial(function, *args, **kwargs))).payload

        return call


async def _produce(attempt: Attempt, produce: AsyncProduce) -> Result:
    if inspect.iscoroutinefunction(produce):
        return await _finish(attempt, produce())
    made = await _begin(attempt, produce)
    return made if isinstance(made, Result) else await _finish(attempt, made)


async def _finish(attempt: Attempt, making: Awaitable[Made]) -> Result:
    """Produce an output in this task, and store it in a thread."""
    try:
        with attempt.producing():
            made = await making
    except Exception as error:
        await _in_thread(partial(attempt.fail, error))
        raise
    except BaseException as error:
        await _abandon(attempt, error)
        raise
    return await _in_thread(partial(attempt.finish, Produced.of(made)))


async def _begin(attempt: Attempt, produce: AsyncProduce) -> Result | Awaitable[Made]:
    """Run a producer in a thread of its own, so that short steps find one free.

    Returns:
        What came of it, once it is stored; or, of a function that only looked like a blocking
        one, what is to be awaited.
    """
    done: futures.Future[Result | Awaitable[Made]] = futures.Future()
    serve = partial(_serve, attempt, produce, done)
    try:
        threading.Thread(target=copy_context().run, args=(serve,), name="aicas-producer").start()
        return await asyncio.wrap_future(done)
    except asyncio.CancelledError:
        if done.done() and not done.cancelled() and not done.exception():
            await _in_thread(partial(_drop, attempt, done.result()))
        raise
    except RuntimeError:
        # Of no thread that could be started; after the producer's own nothing is held any more.
        await _in_thread(attempt.abandon)
        raise


def _serve(
    attempt: Attempt, produce: AsyncProduce, done: futures.Future[Result | Awaitable[Made]]
) -> None:
    try:
        with attempt.producing():
            made = produce()
        outcome = made if inspect.isawaitable(made) else attempt.finish(Produced.of(made))
    except BaseException as error:
        attempt.fail(error)
        with suppress(futures.InvalidStateError):
            done.set_exception(error)
        return
    try:
        done.set_result(outcome)
    except futures.InvalidStateError:
        _drop(attempt, outcome)  # who wanted it was cancelled


def _drop(attempt: Attempt, outcome: Result | Awaitable[Made]) -> None:
    """Nobody is there to await it; what is stored stays."""
    if inspect.iscoroutine(outcome):
        outcome.close()
    attempt.abandon()


async def _in_thread(step: Callable[[], _Answer]) -> _Answer:
    """Take a short step in a thread; one that was asked for is taken, cancelled or not."""
    loop = asyncio.get_running_loop()
    taken = loop.run_in_executor(None, copy_context().run, step)
    try:
        return await asyncio.shield(taken)
    except asyncio.CancelledError:
        taken.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


async def _abandon(attempt: Attempt, error: BaseException) -> None:
    if isinstance(error, GeneratorExit):  # the loop is gone, and nothing can be awaited
        attempt.abandon()
    else:
        await _in_thread(attempt.abandon)
