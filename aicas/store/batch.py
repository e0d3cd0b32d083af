"""Many puts for the price of few flushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicas.history.batch import BatchPublisher
from aicas.ids import SnapshotId
from aicas.store.putting import StorePut
from aicas.validity.inputs import Use

if TYPE_CHECKING:
    from types import TracebackType

    from aicas.clock import Clock
    from aicas.config import Config
    from aicas.ledger.recorder import Recorder
    from aicas.objects.snapshot import Snapshot


class Batch(StorePut):
    """A store that is put into without waiting for the disk; made by ``Store.batch``.

    It shows the store as it will be: what was put can be used as an input, looked up and read.
    Safe for many threads.
    """

    def __init__(
        self,
        publisher: BatchPublisher,
        *,
        config: Config,
        project: str,
        clock: Clock,
        actor: str,
        recorder: Recorder | None,
    ) -> None:
        """Wire a batch.

        Args:
            publisher: gathers what is put.
            config, project, clock, actor, recorder: those of the store.
        """
        super().__init__(
            publisher.backend,
            config=config,
            project=project,
            clock=clock,
            actor=actor,
            reader=publisher.reader,
            recorder=recorder,
        )
        self._gathering = publisher
        self._publisher = publisher

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Make everything durable that was put, also when the block failed."""
        try:
            self.flush()
        finally:
            self._gathering.close()

    def flush(self) -> None:
        """Make everything durable that was put; others see it from now on.

        Raises:
            Vanished: an input was collected meanwhile. What does not depend on it was stored.
            Conflict, StorageFailed: see ``Publisher.put``. After the latter nothing more can be
                put, and what was put since the last flush may or may not be there.
        """
        self._gathering.settle()

    def at_project(self, project: str) -> Batch:
        """The same batch seen from another project."""
        return Batch(
            self._gathering,
            config=self.config,
            project=project,
            clock=self._clock,
            actor=self._actor,
            recorder=self._recorder,
        )

    def _named(self, item: str | Use) -> tuple[Use, Snapshot]:
        if isinstance(item, Use) and self._gathering.renamed:
            try:
                new = self._gathering.renamed.get(SnapshotId(bytes.fromhex(item.revision)))
            except ValueError:
                new = None
            if new is not None:
                item = item._replace(revision=str(new))
        return super()._named(item)
