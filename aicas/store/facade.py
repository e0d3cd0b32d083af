"""``Store``: all of its parts, and how it is left or seen from another project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aicas.store.maintaining import StoreMaintenance

if TYPE_CHECKING:
    from aicas.store.batch import Batch


class Store(StoreMaintenance):
    """A store as one project sees it. Safe for many threads; other processes may use it too."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Record what is still to be recorded and release the store's files.

        For every view made with ``at_project`` too.
        """
        if "_recorder" in self.__dict__ and self._recorder is not None:
            self._recorder.close()
        self._backend.close()

    def batch(self, *, progress: Callable[[int], object] | None = None) -> Batch:
        """Put many snapshots with few flushes: ``with store.batch() as batch: batch.put(...)``.

        ``put`` returns before the disk has anything. Puts are committed in their order, some
        thousands at a time, and all of them are durable when the block is left, even by an
        exception. Each put is all or nothing, as ever; the batch as a whole is not: a process that
        is killed leaves the first so many of them. Memory stays bounded however many there are.

        What ``batch.put`` returns is what will be stored, unless another process publishes to the
        same key first: then the snapshot comes after that one, under another id.

        Args:
            progress: called now and then with the number of snapshots that are durable.
        """
        from aicas.history.batch import BatchPublisher
        from aicas.store.batch import Batch

        def settled(durable: int) -> None:
            if progress is not None:
                progress(durable)
            self._after_put(None)

        publisher = BatchPublisher(
            self._backend,
            self._clock,
            self._actor,
            compress=self.config.compression_enabled,
            progress=settled,
        )
        return Batch(
            publisher,
            config=self.config,
            project=self.project,
            clock=self._clock,
            actor=self._actor,
            recorder=self._recorder,
        )

    def at_project(self, project: str) -> Store:
        """The same store seen from another project; shares caches and files."""
        return Store(
            self._backend,
            config=self.config,
            project=project,
            location=self.location,
            clock=self._clock,
            actor=self._actor,
            reader=self._reader,
            recorder=self._recorder,
        )
