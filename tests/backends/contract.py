"""What every backend promises. A backend's own test only says how to make one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress

import pytest
from backends_world import (
    AT,
    answers,
    blob,
    commit,
    delete,
    expected,
    in_order,
    name,
    operation,
    pack,
    put,
    snapshot,
    stage,
)

from aicas.backends.base import (
    ABSENT,
    LEASE_SECONDS,
    Arranged,
    Backend,
    Commit,
    Lease,
    LeaseState,
    Left,
    RefMove,
    RefState,
    Staged,
    Taken,
)
from aicas.backends.events import MAX_EVENT_BYTES
from aicas.backends.leases import MAX_OUTCOME_BYTES
from aicas.backends.operation import RefChange
from aicas.clock import DAY, EARLIEST, LATEST
from aicas.errors import Conflict, InvalidInput, Vanished
from aicas.ids import ObjectId, SnapshotId
from aicas.names import RefName
from aicas.objects.codec import plain_frame


class BackendContract:
    """Subclasses provide the fixture ``backend``: an empty one."""

    @pytest.fixture
    def backend(self) -> Backend:
        raise NotImplementedError

    def test_an_empty_backend_holds_nothing(self, backend: Backend) -> None:
        some, _ = blob("x")
        assert backend.last_number() == 0
        assert backend.refs("") == {}
        assert list(backend.operations()) == []
        assert list(backend.scan()) == []
        assert backend.read([some]) == {}
        assert backend.stream(some) is None
        assert backend.missing([some]) == {some}
        assert backend.find("", 10) == []
        assert backend.ref(name("a")) is None
        assert backend.reflog(name("a")) == []
        assert backend.dependents(name("a")) == set()
        assert backend.operation(0) is None
        assert backend.operation(1) is None
        assert list(backend.check()) == []

    def test_what_is_published_is_read_back_byte_for_byte(self, backend: Backend) -> None:
        objects = dict([blob(b""), blob(b"x"), blob(bytes(range(256)) * 300), snapshot("s")])
        commit(backend, objects=objects)
        assert backend.read(objects) == objects
        assert backend.missing(objects) == set()
        for object_id, stored in objects.items():
            reader = backend.stream(object_id)
            assert reader is not None
            assert b"".join(iter(lambda: reader.read(1000), b"")) == stored  # noqa: B023
            reader.close()
            reader.close()

    def test_ids_that_are_not_held_are_left_out(self, backend: Backend) -> None:
        (held, stored), (other, _) = blob("held"), blob("other")
        commit(backend, objects={held: stored})
        assert backend.read([held, other]) == {held: stored}
        assert backend.missing([held, other]) == {other}

    def test_scan_lists_each_object_once_with_its_size_and_time(self, backend: Backend) -> None:
        first, second = blob("first"), blob("second, longer")
        commit(backend, objects=dict([first]), at=AT)
        commit(backend, objects=dict([first, second]), at=AT + 5)
        listed = {found.id: (found.stored_bytes, found.at) for found in backend.scan()}
        assert {i: at for i, (_, at) in listed.items()} == {first[0]: AT, second[0]: AT + 5}
        assert all(listed[i][0] >= len(stored) for i, stored in (first, second))

    def test_find_goes_by_prefix_of_the_hexadecimal_id(self, backend: Backend) -> None:
        objects = dict(blob(str(n)) for n in range(40))
        commit(backend, objects=objects)
        in_order = sorted(objects)
        assert backend.find("", 100) == in_order
        assert backend.find("", 7) == in_order[:7]
        for digits in (1, 2, 3, 9, 64):
            prefix = in_order[20].hex()[:digits]
            wanted = [i for i in in_order if i.hex().startswith(prefix)]
            assert backend.find(prefix, 100) == wanted
        delete(backend, in_order[20])
        assert backend.find(in_order[20].hex(), 1) == []

    def test_operations_are_numbered_from_one_without_gaps(self, backend: Backend) -> None:
        for count in range(1, 6):
            assert commit(backend, verb=f"verb{count}").number == count
            assert backend.last_number() == count
        assert [o.number for o in backend.operations()] == [5, 4, 3, 2, 1]
        assert [o.verb for o in backend.operations(newest_first=False, since=3)] == [
            "verb4",
            "verb5",
        ]
        third = backend.operation(3)
        assert third is not None
        assert (third.verb, third.number) == ("verb3", 3)
        assert backend.operation(6) is None

    def test_an_operation_comes_back_as_it_was_committed(self, backend: Backend) -> None:
        new, stored = snapshot("new")
        change = RefChange(name("a"), None, new, (name("b"),))
        whole = operation([change], reason="why \u00e9")
        committed = backend.publish({new: stored}, whole, {change.ref: ABSENT})
        assert committed == whole.numbered(1)
        assert backend.operation(1) == committed

    def test_a_ref_remembers_where_it_last_stood(self, backend: Backend) -> None:
        ref = name("a")
        first = put(backend, "a", "1")
        second = put(backend, "a", "2")
        assert backend.ref(ref) == RefState(second, second, 2)
        commit(backend, RefChange(ref, second, None))
        assert backend.ref(ref) == RefState(None, second, 3)
        assert backend.refs("live/") == {ref: RefState(None, second, 3)}
        assert backend.reflog(ref) == [
            RefMove(3, second, None),
            RefMove(2, first, second),
            RefMove(1, None, first),
        ]

    def test_refs_are_listed_by_prefix_and_sorted(self, backend: Backend) -> None:
        for key in ("b", "a", "c"):
            put(backend, key, key)
        new, stored = snapshot("elsewhere")
        other = RefChange(RefName("pins/default/a"), None, new)
        commit(backend, other, objects={new: stored})
        assert list(backend.refs("live/")) == [name("a"), name("b"), name("c")]
        assert list(backend.refs("")) == [name("a"), name("b"), name("c"), other.ref]
        assert list(backend.refs("live/default/b")) == [name("b")]
        assert backend.refs("quarantine/") == {}

    def test_edges_follow_the_current_snapshot_only(self, backend: Backend) -> None:
        put(backend, "plan", "1")
        put(backend, "spec", "1")
        code = put(backend, "code", "1", "plan", "spec")
        assert backend.dependents(name("plan")) == {name("code")}
        put(backend, "code", "2", "spec")
        assert backend.dependents(name("plan")) == set()
        assert backend.dependents(name("spec")) == {name("code")}
        state = backend.ref(name("code"))
        assert state is not None
        commit(backend, RefChange(name("code"), state.target, None))
        assert backend.dependents(name("spec")) == set()
        commit(backend, RefChange(name("code"), None, code, (name("plan"), name("spec"))))
        assert backend.dependents(name("plan")) == {name("code")}

    def test_a_ref_that_is_not_as_expected_refuses_everything(self, backend: Backend) -> None:
        first = put(backend, "a", "1")
        second = put(backend, "a", "2")
        new, stored = snapshot("new")
        wrong: list[list[RefChange]] = [
            [RefChange(name("a"), first, new)],
            [RefChange(name("a"), None, new)],
            [RefChange(name("b"), None, new), RefChange(name("a"), first, new)],
            [RefChange(name("b"), first, new)],
        ]
        for changes in wrong:
            with pytest.raises(Conflict):
                backend.publish({new: stored}, operation(changes), expected(changes))
        assert backend.last_number() == 2
        assert backend.missing([new]) == {new}
        assert backend.refs("") == {name("a"): RefState(second, second, 2)}

    def test_several_commits_are_made_in_order(self, backend: Backend) -> None:
        first, stored_first = snapshot("first")
        second, stored_second = snapshot("second")
        moves = [RefChange(name("a"), None, first), RefChange(name("a"), first, second)]
        made = backend.publish_all(
            [
                Commit({first: stored_first}, operation(moves[:1]), expected(moves[:1])),
                Commit(
                    {first: stored_first, second: stored_second},
                    operation(moves[1:]),
                    expected(moves[1:]),
                    [first],
                ),
            ]
        )
        assert [o.number for o in made] == [1, 2] == [o.number for o in backend.operations()][::-1]
        assert backend.refs("") == {name("a"): RefState(second, second, 2)}
        assert backend.read([first, second]) == {first: stored_first, second: stored_second}
        assert len(list(backend.scan())) == 2

    def test_one_commit_that_cannot_be_made_refuses_all_of_them(self, backend: Backend) -> None:
        current = put(backend, "a", "1")
        new, stored = snapshot("new")
        good = Commit({new: stored}, operation(), {})
        change = RefChange(name("a"), None, new)
        with pytest.raises(Conflict):
            backend.publish_all([good, Commit({}, operation([change]), expected([change]))])
        with pytest.raises(Vanished):
            backend.publish_all([good, Commit({}, operation(), {}, [snapshot("lost")[0]])])
        assert backend.last_number() == 1
        assert backend.missing([new]) == {new}
        assert backend.refs("") == {name("a"): RefState(current, current, 1)}

    def test_what_was_seen_before_another_commit_is_looked_at_again(self, backend: Backend) -> None:
        new, stored = snapshot("new")
        change = RefChange(name("a"), None, new)
        seen = backend.stamp()
        put(backend, "a", "1")
        with pytest.raises(Conflict):
            backend.publish({new: stored}, operation([change]), expected([change]), [], seen)
        seen = backend.stamp()
        delete(backend, *dict([blob("1")]))
        with pytest.raises(Vanished):
            backend.publish({new: stored}, operation(), {}, [blob("1")[0]], seen)
        assert backend.publish({new: stored}, operation(), {}, [], backend.stamp()).number == 3

    def test_a_ref_that_is_only_expected_guards_the_commit_too(self, backend: Backend) -> None:
        current = put(backend, "a", "1")
        new, stored = snapshot("new")
        change = RefChange(name("b"), None, new)
        expect = {**expected([change]), name("a"): ABSENT}
        with pytest.raises(Conflict):
            backend.publish({new: stored}, operation([change]), expect)
        expect = {**expected([change]), name("a"): current}
        assert backend.publish({new: stored}, operation([change]), expect).number == 2

    def test_moving_a_ref_without_expecting_it_is_a_mistake(self, backend: Backend) -> None:
        new, stored = snapshot("new")
        change = RefChange(name("a"), None, new)
        with pytest.raises(ValueError, match="without expecting"):
            backend.publish({new: stored}, operation([change]), {})
        with pytest.raises(ValueError, match="without expecting"):
            backend.publish({new: stored}, operation([change]), {change.ref: new})
        assert backend.last_number() == 0

    def test_several_refs_move_together(self, backend: Backend) -> None:
        one, two = put(backend, "a", "1"), put(backend, "b", "1")
        changes = [RefChange(name("a"), one, None), RefChange(name("b"), two, one)]
        commit(backend, *changes)
        assert backend.refs("") == {
            name("a"): RefState(None, one, 3),
            name("b"): RefState(one, one, 3),
        }

    def test_a_required_object_that_is_not_held_refuses_everything(self, backend: Backend) -> None:
        (held, stored), (gone, _) = blob("held"), blob("gone")
        commit(backend, objects={held: stored})
        new, frame = snapshot("new")
        change = RefChange(name("a"), None, new)
        with pytest.raises(Vanished) as caught:
            commit(backend, change, objects={new: frame}, require=[held, gone])
        assert caught.value.ids == (gone,)
        assert backend.missing([new]) == {new}
        assert backend.last_number() == 1
        commit(backend, change, objects={new: frame}, require=[held, new])

    def test_publishing_an_object_again_keeps_the_first(self, backend: Backend) -> None:
        object_id, stored = blob("same")
        commit(backend, objects={object_id: stored}, at=AT)
        commit(backend, objects={object_id: stored}, at=AT + 9)
        assert [found.at for found in backend.scan()] == [AT]

    def test_the_stamp_changes_with_every_commit_and_with_nothing_else(
        self, backend: Backend
    ) -> None:
        stamps = [backend.stamp()]
        assert backend.stamp() == stamps[0]
        for content in "abc":
            new = put(backend, "a", content)
            stamps.append(backend.stamp())
            backend.read([new])
            assert backend.stamp() == stamps[-1]
        delete(backend, blob("a")[0])
        stamps.append(backend.stamp())
        assert len(set(stamps)) == len(stamps)

    def test_a_staged_object_appears_with_the_commit_that_names_it(self, backend: Backend) -> None:
        content = b"large " * 100_000
        blob_id, stored = blob(content)
        staged = stage(backend, content)
        assert (staged.id, staged.stored_bytes) == (blob_id, len(stored))
        assert backend.missing([blob_id]) == {blob_id}
        assert list(backend.scan()) == []
        commit(backend, objects={blob_id: staged})
        assert backend.read([blob_id]) == {blob_id: stored}
        assert [found.stored_bytes for found in backend.scan()] == [len(stored)]

    def test_staging_the_same_object_twice_is_harmless(self, backend: Backend) -> None:
        content = b"large " * 100_000
        blob_id, stored = blob(content)
        first, second = stage(backend, content), stage(backend, content)
        commit(backend, objects={blob_id: first})
        commit(backend, objects={blob_id: second})
        assert backend.read([blob_id]) == {blob_id: stored}

    def test_a_staged_object_that_is_gone_refuses_everything(self, backend: Backend) -> None:
        content = b"large " * 100_000
        blob_id, _ = blob(content)
        lost = Staged(blob_id, 10, "0" * 32)
        new, stored = snapshot("new")
        with pytest.raises(Vanished):
            commit(
                backend,
                RefChange(name("a"), None, new),
                objects={new: stored, blob_id: lost},
            )
        assert backend.last_number() == 0
        assert backend.missing([new, blob_id]) == {new, blob_id}

    def test_a_refused_commit_leaves_a_staged_object_for_the_next_try(
        self, backend: Backend
    ) -> None:
        content = b"large " * 100_000
        blob_id, stored = blob(content)
        staged = stage(backend, content)
        current = put(backend, "a", "1")
        with pytest.raises(Conflict):
            commit(backend, RefChange(name("a"), None, current), objects={blob_id: staged})
        commit(backend, objects={blob_id: staged})
        assert backend.read([blob_id]) == {blob_id: stored}

    def test_leaving_the_staging_without_finishing_discards_it(self, backend: Backend) -> None:
        with pytest.raises(ZeroDivisionError), backend.stage() as staging:
            staging.write(b"half")
            raise ZeroDivisionError
        assert list(backend.scan()) == []
        assert list(backend.check()) == []

    def test_deleted_objects_are_gone_and_may_come_again(self, backend: Backend) -> None:
        objects: dict[ObjectId, bytes] = dict(blob(f"object {n}") for n in range(10))
        commit(backend, objects=objects)
        put(backend, "a", "1")
        doomed = sorted(objects)[:5]
        done = backend.delete(doomed, operation(verb="gc"), 2, lambda newer: ())
        assert done.ids == frozenset(doomed)
        assert done.freed_bytes > 0
        assert done.operation.number == 3
        assert backend.missing(objects) == set(doomed)
        kept = {i: stored for i, stored in objects.items() if i not in doomed}
        assert backend.read(objects) == kept
        commit(backend, objects=objects)
        assert backend.read(objects) == objects
        assert list(backend.check()) == []

    def test_a_deleted_large_object_may_come_again(self, backend: Backend) -> None:
        content = b"large " * 100_000
        blob_id, stored = blob(content)
        for _ in range(2):
            commit(backend, objects={blob_id: stage(backend, content)})
            assert backend.read([blob_id]) == {blob_id: stored}
            assert delete(backend, blob_id) == {blob_id}
            assert backend.missing([blob_id]) == {blob_id}
            assert backend.stream(blob_id) is None

    def test_deleting_asks_what_commits_since_then_need(self, backend: Backend) -> None:
        put(backend, "a", "1")
        seen = backend.last_number()
        doomed, _ = blob("1")
        second = put(backend, "a", "2")
        asked: list[list[int]] = []

        def spare(newer: object) -> set[ObjectId]:
            asked.append([o.number for o in newer])  # type: ignore[attr-defined]
            assert backend.read([second]), "what was committed is readable here"
            return {doomed}

        done = backend.delete([doomed, blob("2")[0]], operation(verb="gc"), seen, spare)
        assert asked == [[2]]
        assert done.ids == {blob("2")[0]}

    def test_deleting_without_newer_commits_asks_nothing(self, backend: Backend) -> None:
        put(backend, "a", "1")

        def spare(newer: object) -> set[ObjectId]:
            raise AssertionError("nothing was committed since")

        assert backend.delete([blob("1")[0]], operation(verb="gc"), 1, spare).ids

    def test_an_error_while_asking_deletes_nothing(self, backend: Backend) -> None:
        put(backend, "a", "1")

        def spare(newer: object) -> set[ObjectId]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            backend.delete([blob("1")[0]], operation(verb="gc"), 0, spare)
        assert backend.last_number() == 1
        assert backend.missing([blob("1")[0]]) == set()

    def test_deleting_what_is_not_held_deletes_nothing(self, backend: Backend) -> None:
        put(backend, "a", "1")
        assert delete(backend, blob("never stored")[0]) == frozenset()

    def test_a_reader_keeps_the_object_it_holds(self, backend: Backend) -> None:
        content = b"large " * 100_000
        blob_id, stored = blob(content)
        small, small_stored = blob("small")
        commit(backend, objects={blob_id: stage(backend, content), small: small_stored})
        readers = backend.stream(blob_id), backend.stream(small)
        delete(backend, blob_id, small)
        for reader, wanted in zip(readers, (stored, small_stored), strict=True):
            assert reader is not None
            assert b"".join(iter(lambda: reader.read(9999), b"")) == wanted  # noqa: B023
            reader.close()

    def test_packing_changes_nothing_that_is_answered(self, backend: Backend) -> None:
        for step in range(6):
            put(backend, f"key{step % 2}", f"content {step}", f"key{(step + 1) % 2}")
        content = b"large " * 100_000
        commit(backend, objects={blob(content)[0]: stage(backend, content)})
        commit(backend, objects=dict(blob(bytes([n]) * 5000) for n in range(20)))
        delete(backend, blob("content 0")[0])
        truth = answers(backend)
        sample = sorted(backend.read(found.id for found in backend.scan()))[7]
        for _ in range(3):
            pack(backend)
            assert answers(backend) == truth
            assert backend.find(sample.hex()[:5], 9) == [sample]
            assert backend.missing([sample, blob("content 0")[0]]) == {blob("content 0")[0]}
            reader = backend.stream(sample)
            assert reader is not None
            assert reader.read(1 << 20) == backend.read([sample])[sample]
            assert list(backend.check()) == []
        assert backend.last_number() == 9, "it is no operation"

    def test_objects_come_and_go_between_packings(self, backend: Backend) -> None:
        objects = dict(blob(f"object {n}" * 9) for n in range(12))
        ids = sorted(objects)
        commit(backend, objects=objects)
        for step in range(12):
            pack(backend)
            assert delete(backend, ids[step], ids[step - 1]) >= {ids[step]}
            assert backend.missing(ids) == {ids[step], ids[step - 1]}
            if step % 2:
                pack(backend)
            commit(backend, objects={i: objects[i] for i in (ids[step], ids[step - 1])})
            assert backend.read(ids) == objects
            assert [found.id for found in sorted(backend.scan())] == ids
        pack(backend)
        assert delete(backend, *ids) == set(ids)
        pack(backend)
        assert list(backend.scan()) == []
        assert backend.read(ids) == {}
        assert list(backend.check()) == []

    def test_what_is_packed_is_held_like_anything_else(self, backend: Backend) -> None:
        (held, stored), (new, frame) = blob("held"), snapshot("new")
        commit(backend, objects={held: stored}, at=AT)
        pack(backend)
        commit(backend, objects={held: stored}, at=AT + 5_000_000)
        assert [found.at for found in backend.scan()] == [AT]
        commit(backend, objects={new: frame}, require=[held])
        delete(backend, held)
        with pytest.raises(Vanished):
            commit(backend, require=[held])

    def test_an_arrangement_is_asked_for_each_object_once(self, backend: Backend) -> None:
        objects = dict(blob(f"object {n}") for n in range(9))
        commit(backend, objects=objects)
        asked: list[ObjectId] = []

        def arranged(ids: Collection[ObjectId]) -> list[Arranged]:
            assert backend.read(ids) == {i: objects[i] for i in ids}, "it may read them"
            asked.extend(ids)
            return in_order(ids)[::-1]

        for done in backend.pack(arranged, plain_frame):
            assert done.objects > 0
        assert len(asked) == len(set(asked))
        assert backend.read(objects) == objects

    def test_an_object_that_is_not_sound_stays_as_it_is(self, backend: Backend) -> None:
        objects = dict(blob(f"object {n}") for n in range(9))
        bad = sorted(objects)[4]
        objects[bad] = objects[bad][:-9] + b"!" + objects[bad][-8:]
        newer, frame = blob("of a version that is not known yet")
        objects[newer] = b"\xff" + frame[1:]
        commit(backend, objects=objects)
        truth = answers(backend)
        for _ in range(2):
            pack(backend)
            assert answers(backend) == truth
        assert delete(backend, bad, newer) == {bad, newer}

    def test_what_an_arrangement_leaves_out_stays_where_it_is(self, backend: Backend) -> None:
        objects = dict(blob(f"object {n}") for n in range(9))
        commit(backend, objects=objects)
        truth = answers(backend)
        for _ in range(3):
            list(backend.pack(lambda ids: in_order(ids)[1:], plain_frame))
            assert answers(backend) == truth

    def test_a_packing_may_be_left_at_any_moment(self, backend: Backend) -> None:
        objects = dict(blob(f"object {n}") for n in range(9))
        commit(backend, objects=objects)
        truth = answers(backend)

        def interrupted(ids: Collection[ObjectId]) -> list[Arranged]:
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            list(backend.pack(interrupted, plain_frame))
        assert answers(backend) == truth
        next(iter(backend.pack(in_order, plain_frame)), None)  # one batch, and no more
        assert answers(backend) == truth
        pack(backend)
        assert answers(backend) == truth
        assert delete(backend, *objects) == set(objects)

    def test_times_that_no_pack_can_say_are_kept(self, backend: Backend) -> None:
        for at in (EARLIEST, -1_000_000, AT, LATEST):
            commit(backend, objects=dict([blob(f"of {at}")]), at=at)
        truth = answers(backend)
        pack(backend)
        commit(backend, objects=dict([blob("at last")]), at=AT + 1)
        pack(backend)
        later = {found.id: found.at for found in backend.scan()}
        assert AT < later.pop(blob("at last")[0]) <= AT + 1_000_000
        assert sorted(later.items()) == truth["objects"]

    def test_concurrent_commits_to_one_ref_chain_without_a_loss(self, backend: Backend) -> None:
        def work(worker: int) -> None:
            for step in range(8):
                append(backend, f"{worker}.{step}")

        run_threads(work, 4)
        moves = backend.reflog(name("a"))
        assert len(moves) == 32
        assert [move.old for move in moves[:-1]] == [move.new for move in moves[1:]]
        assert moves[-1].old is None
        assert list(backend.check()) == []

    def test_events_come_back_by_day_in_the_order_recorded(self, backend: Backend) -> None:
        assert list(backend.recorded()) == []
        backend.record(AT + DAY, [b"later"])
        backend.record(AT, [b"b", b"a"])
        backend.record(AT + 1, [b"\xff \x00\r", b"a"])
        backend.record(AT, [])
        assert list(backend.recorded()) == [b"b", b"a", b"\xff \x00\r", b"a", b"later"]
        assert list(backend.recorded(AT + 5)) == list(backend.recorded()), "the whole day"
        assert list(backend.recorded(AT + DAY)) == [b"later"]
        assert list(backend.recorded(AT + 2 * DAY)) == []
        assert backend.last_number() == 0
        assert list(backend.check()) == []

    @pytest.mark.parametrize("bad", [b"", b"\n", b"two\nlines", b"x" * (MAX_EVENT_BYTES + 1)])
    def test_an_event_that_is_no_line_is_refused_with_its_batch(
        self, backend: Backend, bad: bytes
    ) -> None:
        with pytest.raises(InvalidInput, match="one line"):
            backend.record(AT, [b"good", bad])
        backend.record(AT, [b"x" * MAX_EVENT_BYTES])
        assert list(backend.recorded()) == [b"x" * MAX_EVENT_BYTES]

    def test_events_of_years_no_calendar_has_are_refused(self, backend: Backend) -> None:
        for at in (EARLIEST - 1, LATEST + 1):
            with pytest.raises(InvalidInput, match="outside the years"):
                backend.record(at, [b"x"])
        backend.record(EARLIEST, [b"first"])
        backend.record(LATEST, [b"last"])
        assert list(backend.recorded(EARLIEST)) == [b"first", b"last"]

    def test_concurrent_recordings_keep_every_event_of_a_batch_together(
        self, backend: Backend
    ) -> None:
        def work(worker: int) -> None:
            for step in range(8):
                backend.record(AT, [b"%d %d %d" % (worker, step, n) for n in range(3)])

        run_threads(work, 4)
        found = [tuple(map(int, event.split())) for event in backend.recorded()]
        batches = [found[n : n + 3] for n in range(0, len(found), 3)]
        assert all(batch == [(*batch[0][:2], n) for n in range(3)] for batch in batches)
        for worker in range(4):
            assert [b[0][1] for b in batches if b[0][0] == worker] == list(range(8))

    def test_a_lease_has_one_holder_at_a_time(self, backend: Backend) -> None:
        first = take(backend, "a")
        assert first.epoch == 1
        assert backend.lease("a") == Taken(1)
        assert take(backend, "b").epoch == 1, "another name is another lease"
        assert first.renew()
        first.release()
        assert not first.renew()
        second = take(backend, "a")
        first.release()
        assert backend.lease("a") == Taken(second.epoch), "what was given back frees nothing"

    def test_an_outcome_is_told_to_those_who_waited_and_to_nobody_else(
        self, backend: Backend
    ) -> None:
        take(backend, "a").release(b"first")
        assert backend.lease("a", waited_on=1) == Left(b"first")
        assert backend.lease("a", waited_on=1) == Left(b"first"), "to each of them"
        second = take(backend, "a")
        assert second.epoch == 2, "one who has not waited takes it"
        assert backend.lease("a", waited_on=1) == Left(b"first")
        assert backend.lease("a", waited_on=2) == Taken(2)
        second.release(b"")
        assert backend.lease("a", waited_on=2) == Left(b"")
        assert backend.lease("a", waited_on=1) == Left(b""), "it waited through both"
        assert take(backend, "a", waited_on=3).epoch == 3

    def test_a_lease_given_back_without_a_word_is_forgotten(self, backend: Backend) -> None:
        take(backend, "a").release(b"first")
        take(backend, "a").release()
        assert take(backend, "a", waited_on=1).epoch == 1

    def test_an_outcome_that_is_too_long_is_refused_and_the_lease_kept(
        self, backend: Backend
    ) -> None:
        lease = take(backend, "a")
        with pytest.raises(InvalidInput, match="outcome"):
            lease.release(b"x" * (MAX_OUTCOME_BYTES + 1))
        assert backend.lease("a") == Taken(1)
        lease.release(b"x" * MAX_OUTCOME_BYTES)
        assert backend.lease("a", waited_on=1) == Left(b"x" * MAX_OUTCOME_BYTES)

    def test_a_holder_that_is_silent_for_its_lifetime_while_watched_loses_its_lease(
        self, backend: Backend
    ) -> None:
        lost = take(backend, "a", lifetime=0)
        assert backend.lease("a") == Taken(1), "the first look only begins the watch"
        assert lost.renew()
        assert backend.lease("a") == Taken(1), "it gave a sign of life"
        new = take(backend, "a")
        assert new.epoch == 2
        assert not lost.renew()
        lost.release(b"too late")
        assert backend.lease("a", waited_on=1) == Taken(2)
        assert new.renew()

    def test_a_holder_that_is_silent_for_less_keeps_its_lease(self, backend: Backend) -> None:
        lease = take(backend, "a", lifetime=10_000)
        for _ in range(100):
            assert backend.lease("a", lifetime=0) == Taken(1)
        assert lease.renew()

    def test_leases_lists_those_that_are_held_and_what_they_need(self, backend: Backend) -> None:
        assert backend.leases() == []
        needs = blob("x")[0], snapshot("y")[0]
        first, second = take(backend, "a", needs=needs), take(backend, "b")
        assert sorted(backend.leases()) == [LeaseState("a", 1, needs), LeaseState("b", 1, ())]
        assert [type(needed) for needed in backend.leases()[0].needs] == list(map(type, needs))
        first.release(b"word")
        second.release()
        assert backend.leases() == []
        assert take(backend, "a").epoch == 2, "looking takes nothing"

    @pytest.mark.parametrize("bad", ["", "a" * 129, "a/b", ".", "..", "a.b", "a\n", "\0", "\u00e9"])
    def test_a_lease_of_no_plain_name_is_refused(self, backend: Backend, bad: str) -> None:
        with pytest.raises(InvalidInput, match="a lease is named"):
            backend.lease(bad)
        assert backend.leases() == []

    @pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), 1e10])
    def test_a_lifetime_that_cannot_be_is_refused(self, backend: Backend, bad: float) -> None:
        with pytest.raises(InvalidInput, match="cannot live"):
            backend.lease("a", lifetime=bad)
        assert take(backend, "-_" * 64).epoch == 1

    def test_checking_leaves_only_the_leases_that_are_held(self, backend: Backend) -> None:
        held = take(backend, "held")
        take(backend, "failed").release(b"why")
        assert list(backend.check()) == []
        assert backend.leases() == [LeaseState("held", 1, ())]
        assert held.renew()
        assert take(backend, "failed", waited_on=1).epoch == 1

    def test_threads_that_want_one_lease_have_it_one_after_the_other(
        self, backend: Backend
    ) -> None:
        inside: list[int] = []
        turns: list[int] = []

        def work(worker: int) -> None:
            done = 0
            while done < 8:
                lease = backend.lease("a")
                if isinstance(lease, (Taken, Left)):
                    continue
                inside.append(worker)
                assert inside == [worker]
                turns.append(worker)
                done += 1
                assert lease.renew()
                inside.remove(worker)
                lease.release(b"word" if done % 2 else None)

        run_threads(work, 4)
        assert sorted(turns) == sorted(list(range(4)) * 8)
        assert backend.leases() == []

    def test_closing_twice_is_allowed(self, backend: Backend) -> None:
        put(backend, "a", "1")
        backend.close()
        backend.close()


def take(
    backend: Backend,
    name: str,
    *,
    needs: Collection[ObjectId] = (),
    waited_on: int | None = None,
    lifetime: float = LEASE_SECONDS,
) -> Lease:
    """Take a lease that is free."""
    lease = backend.lease(name, needs=needs, waited_on=waited_on, lifetime=lifetime)
    assert not isinstance(lease, (Taken, Left))
    return lease


def append(backend: Backend, content: str) -> SnapshotId:
    """Put a version behind whatever is there, as often as it takes."""
    while True:
        try:
            return put(backend, "a", content)
        except Conflict:
            continue


def run_threads(work: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def run(worker: int) -> None:
        try:
            work(worker)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
