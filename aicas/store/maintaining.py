"""The upkeep a store needs from time to time, when asked for and of its own accord."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from aicas.clock import HOUR
from aicas.errors import AicasError, Conflict
from aicas.store.upkeep import StoreUpkeep

if TYPE_CHECKING:
    from aicas.backends.base import Lease, Packing
    from aicas.retention.eviction import EvictionPlan
    from aicas.retention.limit import Counted, SizeWatch
    from aicas.retention.maintenance import MaintenancePlan, MaintenanceResult, Pace

AT_ONCE_SECONDS = 2.0
"""What upkeep of its own accord spends on packing, which can go on another time."""
_RETRIES = 24
"""Into how many parts the interval falls for upkeep that did not come to its end."""
_WAIT_SECONDS = 0.05
_WAITS = 1_200


class StoreMaintenance(StoreUpkeep):
    """The part of a ``Store`` that keeps it within its size and sees to what is due.

    Attributes:
        notice: what the last upkeep of its own accord could not do, in a line; ``None`` if it did
            all it should.
    """

    notice: str | None = None

    def plan_maintain(self) -> MaintenancePlan:
        """What ``maintain`` would do, but for packing.

        Raises:
            Damaged: as ``plan_evict``.
        """
        from aicas.retention.eviction import plan_down_to
        from aicas.retention.maintenance import MaintenancePlan

        expiry = self.plan_expire()
        holdings, usage = self._holdings(leaving=set(expiry.refs))
        limit = self.config.max_cache_bytes
        return MaintenancePlan(expiry, plan_down_to(holdings, limit, usage))

    def maintain(self, reason: str | None = None, pace: Pace | None = None) -> MaintenanceResult:
        """Move away what has expired, evict down to ``max_cache_size_gb``, and pack.

        What it did is an operation of its own, with the verb ``maintain``. It can be left at any
        moment, by a crash or an interrupt: what was done by then stays done, and all of it is
        sound.

        Args:
            reason: recorded.
            pace: how long it may take, and who is told how far it is.

        Raises:
            Conflict: another is at it, or others moved the same refs all the time.
            Damaged, StorageFailed: as ``evict``.
        """
        from aicas.retention.maintenance import Pace

        done = self._maintain(reason, pace or Pace(), lambda: True)
        if done is None:
            raise Conflict("another process is doing the upkeep of this store")
        return done

    def maintain_if_due(self) -> MaintenanceResult | None:
        """Do so if nobody has for ``cleanup_interval_hours``, and nobody is at it.

        A store that is younger than that needs none yet. Costs one look at the operations since.
        Packing that takes long goes on when it is due again.

        Raises:
            Conflict, Damaged, StorageFailed: as ``maintain``.
        """
        from aicas.retention.maintenance import Pace, is_due

        interval = int(self.config.cleanup_interval_hours * HOUR)

        def due() -> bool:
            return is_due(self._backend, since=self._clock() - interval)

        if not interval or not due():
            return None
        return self._maintain("it was due", Pace(AT_ONCE_SECONDS), due)

    def _maintain(
        self, reason: str | None, pace: Pace, due: Callable[[], bool]
    ) -> MaintenanceResult | None:
        from aicas.history.publish import Account
        from aicas.retention.maintenance import MAINTAIN, MaintenancePlan, MaintenanceResult

        lease = self._lease_of_upkeep()
        if lease is None:
            return None
        try:
            if not due():
                return None  # another did it just now
            pace.tell("looking for what has expired", 0)
            expiry = self.plan_expire()
            expired = self.expire(reason)
            pace.tell("looking for what to evict", 0)
            eviction = self.plan_evict()
            evicted = self.evict(eviction, reason)
            packed = pace.run("packing", self.pack())
            facts = {
                "expired": len(expired.changes) if expired else 0,
                "evicted": evicted.payloads,
                "packed": packed.objects,
                "bytes": evicted.freed_bytes + packed.freed_bytes,
            }
            done = self._publisher.move((), Account(MAINTAIN, reason, facts=facts))
            self._watch.count(kept_up_at=self._clock() - (0 if packed.complete else self._rest()))
            plan = MaintenancePlan(expiry, eviction)
            return MaintenanceResult(plan, done, expired, evicted, packed)
        finally:
            lease.release()

    def _lease_of_upkeep(self) -> Lease | None:
        from aicas.backends.base import Left, Taken
        from aicas.retention.maintenance import MAINTAIN

        lease = self._backend.lease(MAINTAIN)
        return None if isinstance(lease, Taken | Left) else lease

    def _rest(self) -> int:
        """All of the interval but for the part after which packing goes on."""
        interval = int(self.config.cleanup_interval_hours * HOUR)
        return interval - interval // _RETRIES

    def pack(self) -> Iterator[Packing]:
        """Move what the store holds to where it takes less room, a batch at each step.

        Nothing else changes, so it is safe beside any number of readers and writers, and may be
        left after any step, by a crash too.

        Raises:
            StorageFailed: the medium refused.
        """
        from functools import partial

        from aicas.objects.codec import plain_frame
        from aicas.retention.arrangement import arrange

        return self._backend.pack(partial(arrange, self._reader), plain_frame)

    @cached_property
    def _watch(self) -> SizeWatch:
        from aicas.retention.limit import SizeWatch

        return SizeWatch(self._backend, self.config.max_cache_bytes)

    def _after_put(self, put_bytes: int | None) -> None:
        """Keep the store within its size, and do what is due; what was put is durable already."""
        if not self.config.auto_maintain:
            return
        if put_bytes is not None and not self._watch.spend(put_bytes):
            return
        try:
            self._see_to_it()
        except AicasError as error:  # no failure of the put
            self.notice = f"the store was not kept within its size: {error}"

    def _see_to_it(self) -> None:
        now = self._clock()
        interval = int(self.config.cleanup_interval_hours * HOUR)
        seen = self._watch.look(now)

        def due() -> bool:
            return now - self._watch.look(now).kept_up_at >= interval

        if seen.stored_bytes > self._watch.level(seen):
            self._make_room()
        elif interval and now - seen.kept_up_at >= interval:
            from aicas.retention.maintenance import Pace

            self._maintain("it was due", Pace(AT_ONCE_SECONDS), due)

    def _make_room(self) -> None:
        """Drop one batch, or wait while another process does."""
        watch = self._watch
        for _ in range(_WAITS):
            lease = self._lease_of_upkeep()
            if lease is not None:
                try:
                    self._drop_batch(watch.count(kept_up_at=watch.look(self._clock()).kept_up_at))
                finally:
                    lease.release()
                return
            time.sleep(_WAIT_SECONDS)
            seen = watch.look(self._clock())
            if seen.stored_bytes <= watch.level(seen) + watch.batch // 2:
                return

    def _drop_batch(self, counted: Counted) -> None:
        watch = self._watch
        if counted.stored_bytes <= watch.limit - watch.batch // 4:
            watch.look(self._clock())  # the estimate was too high, or another made room just now
            return
        reason = "the store was over max_cache_size_gb"
        self.expire(reason)
        plan = self.plan_evict(to_bytes=max(watch.limit - watch.batch, 0))
        self.evict(plan, reason)
        left = watch.count(kept_up_at=counted.kept_up_at)
        if plan.short_by_bytes:
            watch.note(left._replace(next_bytes=left.stored_bytes + watch.batch // 2))
        self.notice = _shortage(plan, left.stored_bytes - watch.limit)
        watch.look(self._clock())


def _shortage(plan: EvictionPlan, excess: int) -> str | None:
    """What to say where a store stays over its limit; ``None`` where it does not."""
    from collections import Counter

    from aicas.units import format_count, format_size

    if excess <= 0:
        return None
    reasons = Counter(spared.reason for spared in plan.spared)
    stays = (f"{format_count(number, 'payload')} {why}" for why, number in sorted(reasons.items()))
    why = "; ".join(stays) or "what is left is the record"
    return f"the store stays {format_size(excess)} over max_cache_size_gb: {why}"
