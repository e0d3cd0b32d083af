"""One producer for an output, however many want it: the steps every ``get_or_create`` takes.

    look ──► claim ──► look again ──► produce ──► store ──► let go
               │ taken                   │ raises
               └── wait, look again      └── leave word, let go

Whoever finds the output stored takes nothing and waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from aicas.backends.base import LEASE_SECONDS, Left, Taken
from aicas.cache.failure import decode_error, encode_error
from aicas.cache.heartbeat import Heartbeat
from aicas.cache.result import Produced, Result
from aicas.errors import InvalidInput, OutputRejected
from aicas.objects.snapshot import FAILED
from aicas.store import Claim, Store
from aicas.validity.check import Hit
from aicas.validity.inputs import Use
from aicas.validity.reasons import Reason
from aicas.validity.recipe import Recipe

OnFailure = Literal["share", "retry"]
_SHORTEST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.005, 0.05, 1.5
_BEATS_IN_A_LIFE = 4
_under_way: ContextVar[tuple[object, ...]] = ContextVar("under_way", default=())


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller of ``get_or_create`` wants."""

    key: str
    recipe: Recipe | None = None
    inputs: tuple[str | Use, ...] = ()
    sample: int | None = None
    session: str | None = None
    on_failure: OnFailure = "share"
    tags: tuple[str, ...] = ()
    expires_in_hours: float | None = None

    def __post_init__(self) -> None:
        if self.on_failure not in ("share", "retry"):
            raise InvalidInput(f"on_failure is 'share' or 'retry', not {self.on_failure!a}")


def hit_result(store: Store, found: Hit) -> Result:
    """What a caller gets of a lookup that hit."""
    return Result(store.payload(found.snapshot), found.snapshot, moved=found.moved)


class Turn(Enum):
    """Whose turn it is, when an output is not there."""

    WAIT = "another is producing it"
    PRODUCE = "this one is to produce it"


class Producers:
    """Those of one cache. Safe for many threads."""

    def __init__(self, store: Store, lease_seconds: float = LEASE_SECONDS) -> None:
        """Producers for a store, whose leases others take after so many seconds of silence."""
        if not lease_seconds > 0:
            raise InvalidInput(f"a lease cannot live for {lease_seconds} seconds")
        self.store = store
        self.lease_seconds = lease_seconds
        self.heartbeat = Heartbeat(lease_seconds / _BEATS_IN_A_LIFE)

    def look(self, request: Request) -> Result | None:
        """What is stored, if it is good to use."""
        found = self.store.lookup(
            request.key,
            request.recipe,
            request.inputs,
            sample=request.sample,
            session=request.session,
        )
        return hit_result(self.store, found) if found else None

    def identity(self, request: Request) -> object:
        """Equal for requests that one output answers."""
        recipe = request.recipe.digest if request.recipe is not None else None
        return self.store.project, request.key, recipe, request.inputs, request.sample


class Attempt:
    """One caller's way to an output that was not there. Every method may block, and none waits.

    One thread at a time, but for ``abandon``.
    """

    def __init__(self, producers: Producers, request: Request) -> None:
        self._producers = producers
        self._store = producers.store
        self._request = request
        self._seen: object = None
        self._waited_on: int | None = None
        self._reasons: tuple[Reason, ...] = ()
        self._lock = threading.Lock()
        self._claim: Claim | None = None
        self._is_abandoned = False

    def step(self) -> Result | Turn:
        """Look whether it is there by now; if not, whether it is this caller's turn.

        Raises:
            ProducerFailed, OutputRejected: the one waited for failed, and failures are shared.
            InvalidInput: it is this caller's own output that it would wait for, or as
                ``Store.claim``, which also raises NotFound and StorageFailed.
        """
        found = self._look()
        if found:
            return found
        request = self._request
        claim = self._store.claim(
            request.key,
            request.recipe,
            request.inputs,
            sample=request.sample,
            waited_on=self._waited_on if request.on_failure == "share" else None,
            lifetime=self._producers.lease_seconds,
        )
        if isinstance(claim, Left):
            raise decode_error(request.key, claim.outcome)
        if isinstance(claim, Taken):
            if self._producers.identity(request) in _under_way.get():
                raise InvalidInput(f"{request.key} is wanted by what produces it")
            # Counting begins anew when a lease is forgotten: the least waits for all since.
            self._waited_on = min(claim.epoch, self._waited_on or claim.epoch)
            return Turn.WAIT
        self._hold(claim)
        try:
            found = self._look()  # it may have come between the look and the claim
        except BaseException:
            self.abandon()
            raise
        if found:
            self.abandon()
        return found or Turn.PRODUCE

    def _look(self) -> Result | None:
        stamp = self._store.stamp()
        if stamp == self._seen:
            return None
        request = self._request
        found = self._store.look_again(
            request.key,
            request.recipe,
            request.inputs,
            sample=request.sample,
            session=request.session,
        )
        self._seen = stamp
        if found:
            return hit_result(self._store, found)
        self._reasons = found.reasons
        return None

    def _hold(self, claim: Claim) -> None:
        with self._lock:
            if not self._is_abandoned:
                self._claim = claim
                self._producers.heartbeat.add(claim.lease)
                return
        claim.lease.release()

    def _let_go(self) -> Claim | None:
        with self._lock:
            claim, self._claim = self._claim, None
            return claim

    def _release(self, claim: Claim, outcome: bytes | None = None) -> None:
        self._producers.heartbeat.remove(claim.lease)
        claim.lease.release(outcome)

    @contextmanager
    def producing(self) -> Iterator[None]:
        """While the producer runs, so that one that waits for itself is found out."""
        mine = self._producers.identity(self._request)
        token = _under_way.set((*_under_way.get(), mine))
        try:
            yield
        finally:
            _under_way.reset(token)

    def finish(self, made: Produced) -> Result:
        """Store what was produced, and let the others have it.

        Raises:
            OutputRejected: it did not pass its validation; it was stored in quarantine.
            InvalidInput, Conflict, StorageFailed: see ``Store.put``; those who wait are told.
        """
        claim = self._let_go()
        if claim is None:
            raise RuntimeError("only the producer may finish, and only once")
        try:
            result = self._put(claim, made)
        except BaseException as error:
            self._release(claim, _word_on(error))
            raise
        self._release(claim)
        return result

    def _put(self, claim: Claim, made: Produced) -> Result:
        request = self._request
        snapshot = self._store.put(
            request.key,
            made.payload,
            inputs=claim.inputs,
            recipe=request.recipe,
            session=request.session,
            sample=request.sample,
            tags=tuple(dict.fromkeys([*request.tags, *made.tags])),
            meta=made.meta,
            cost=made.cost,
            validation_status=made.validation_status,
            expires_in_hours=request.expires_in_hours,
        )
        if made.validation_status == FAILED:
            raise OutputRejected(request.key, snapshot.id, self._reasons)
        return Result(self._store.payload(snapshot), snapshot, self._reasons)

    def fail(self, error: BaseException) -> None:
        """Leave word that producing raised ``error``, and let go."""
        claim = self._let_go()
        if claim:
            self._release(claim, _word_on(error))

    def abandon(self) -> None:
        """Let go without a word: another will take over. For any thread, at any time."""
        with self._lock:
            self._is_abandoned = True
        claim = self._let_go()
        if claim:
            self._release(claim)


def _word_on(error: BaseException) -> bytes | None:
    """What to leave; an interruption says nothing of the producer, so another is to take over."""
    return encode_error(error) if isinstance(error, Exception) else None


def pauses() -> Iterator[float]:
    """How long to wait between one step and the next, in seconds; without end."""
    pause = _SHORTEST_PAUSE
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
