"""Any order of puts, deletions, packings and lost indexes, compared with a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from backends_world import blob, commit, delete, pack, stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from local_world import Folder

from aicas.backends.local import packing, packwriter, view
from aicas.backends.local.backend import LocalBackend
from aicas.ids import ObjectId

OBJECTS = dict(blob(f"object {n} " * (1 + n * 3 % 40)) for n in range(24))
IDS = list(OBJECTS)
LARGE = [b"large %d " % n * 70_000 for n in range(2)]
ALL = OBJECTS | dict(map(blob, LARGE))
few = st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=8, unique=True)
which = st.integers(0, 1)


@contextmanager
def small_limits() -> Iterator[None]:
    """Everything that comes in batches comes in small ones."""
    with ExitStack() as patches:
        for module, name, value in (
            (packing, "BATCH_OBJECTS", 12),
            (packing, "_AT_ONCE", 3),
            (packwriter, "FULL_BLOCK", 400),
            (view, "FOLD_RECORDS", 5),
            (view, "_MOST_RECORDS", 10),
        ):
            patches.enter_context(mock.patch.object(module, name, value))
        yield


class PackMachine(RuleBasedStateMachine):
    """Two backends on one folder; ``held`` is what any of them must answer."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = ExitStack()
        self.limits.enter_context(small_limits())
        self.home = Path(tempfile.mkdtemp())
        self.folder = Folder.new(self.home / "store")
        self.held: dict[ObjectId, bytes] = {}

    @initialize(segment_bytes=st.sampled_from([1, 700, 64 << 20]))
    def start(self, segment_bytes: int) -> None:
        self.segment_bytes = segment_bytes
        self.backends = [self.folder.open(segment_bytes) for _ in range(2)]

    @rule(numbers=few, at=which)
    def put(self, numbers: list[int], at: int) -> None:
        objects = {IDS[n]: OBJECTS[IDS[n]] for n in numbers}
        commit(self.backends[at], objects=objects)
        self.held.update(objects)

    @rule(number=which, at=which)
    def put_large(self, number: int, at: int) -> None:
        staged = stage(self.backends[at], LARGE[number])
        commit(self.backends[at], objects={staged.id: staged})
        self.held[staged.id] = ALL[staged.id]

    @rule(numbers=few, at=which)
    def delete(self, numbers: list[int], at: int) -> None:
        doomed = [list(ALL)[-n if n < 2 else n] for n in numbers]
        gone = delete(self.backends[at], *doomed)
        assert gone == self.held.keys() & set(doomed)
        for object_id in gone:
            del self.held[object_id]

    @rule(at=which)
    def pack(self, at: int) -> None:
        pack(self.backends[at])

    @rule(at=which)
    def read(self, at: int) -> None:
        self.check(self.backends[at])

    @rule(at=which)
    def reopen(self, at: int) -> None:
        self.backends[at].close()
        self.backends[at] = self.folder.open(self.segment_bytes)

    @rule(at=which)
    def lose_the_index(self, at: int) -> None:
        self.folder.drop_index()
        self.backends[at] = self.folder.open(self.segment_bytes)

    @precondition(lambda self: hasattr(self, "backends"))
    @invariant()
    def no_draft_is_left(self) -> None:
        names = [path.name for path in (self.folder.path / "packs").glob("*")]
        assert all(name.endswith(".pack") for name in names)
        assert len(names) <= 12

    def check(self, backend: LocalBackend) -> None:
        assert backend.read(ALL) == self.held
        assert backend.missing(ALL) == ALL.keys() - self.held.keys()
        assert sorted(found.id for found in backend.scan()) == sorted(self.held)
        assert backend.find("", 100) == sorted(self.held)
        assert list(backend.check()) == []

    def teardown(self) -> None:
        try:
            self.folder.close()
            self.folder.drop_index()
            self.check(self.folder.open())
        finally:
            self.folder.close()
            self.limits.close()
            shutil.rmtree(self.home)


TestPackMachine = PackMachine.TestCase
