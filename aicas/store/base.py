"""What every part of a ``Store`` is built on."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aicas.clock import Clock, system_clock
from aicas.config import Config
from aicas.history.revisions import Resolver
from aicas.names import check_project
from aicas.objects.reader import ObjectReader

if TYPE_CHECKING:
    from aicas.backends.base import Backend
    from aicas.history.moves import Moves
    from aicas.history.publish import Publisher
    from aicas.ledger.recorder import Recorder
    from aicas.objects.snapshot import Snapshot
    from aicas.validity.inputs import InputDigests


class StoreBase:
    """The wiring of a ``Store``: a backend, seen from one project.

    Modules that only some commands need are imported where they are used, here and in the parts
    of the store above, so that a short-lived process which only lists does not pay for them.

    Attributes:
        project: the project that bare keys belong to.
        config: the settings in force.
        location: its folder; ``None`` for a store in memory.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        config: Config | None = None,
        project: str | None = None,
        location: Path | None = None,
        clock: Clock = system_clock,
        actor: str = "unknown",
        reader: ObjectReader | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Wire a store over a backend.

        Args:
            backend: where it lives.
            config: its settings; the defaults where none are given.
            project: the project that bare keys belong to; the settings name the usual one.
            location: its folder, for those who ask.
            clock: tells the time that is recorded and against which expiry is judged.
            actor: recorded in operations as who made them.
            reader: one to share caches with.
            recorder: one to share the queue of lookups with.
        """
        self.config = config or Config()
        self.project = check_project(project or self.config.project)
        self.location = location
        self._backend = backend
        self._reader = reader or ObjectReader(backend)
        self._clock = clock
        self._actor = actor
        self._shared_recorder = recorder
        self._resolved: dict[str, tuple[object, Snapshot]] = {}

    def _after_put(self, put_bytes: int | None) -> None:
        """See to what a put of so many bytes may have made due; ``None`` for a great many.

        Here nothing; ``StoreMaintenance`` does.
        """

    def _resolver(self) -> Resolver:
        return Resolver(self._backend, self._reader, self.project, self._clock())

    @cached_property
    def _publisher(self) -> Publisher:
        from aicas.history.publish import Publisher

        return Publisher(
            self._backend,
            self._reader,
            self._clock,
            self._actor,
            compress=self.config.compression_enabled,
        )

    @cached_property
    def _moves(self) -> Moves:
        from aicas.history.moves import Moves

        return Moves(self._backend, self._publisher)

    @cached_property
    def _recorder(self) -> Recorder | None:
        """Where lookups are recorded; ``None`` when the settings turn that off."""
        if not self.config.analytics_enabled:
            return None
        if self._shared_recorder is not None:
            return self._shared_recorder
        from aicas.ledger.recorder import Recorder

        return Recorder(self._backend)

    @cached_property
    def _digests(self) -> InputDigests:
        from aicas.validity.inputs import InputDigests

        return InputDigests(self._reader)
