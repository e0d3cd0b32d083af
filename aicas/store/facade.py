"""``Store``: all of its parts, and how it is left or seen from another project."""

from __future__ import annotations

from aicas.store.upkeep import StoreUpkeep


class Store(StoreUpkeep):
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
