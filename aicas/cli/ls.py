"""``aicas ls``: the keys of a project, or the files of an artifact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from aicas.cli.forms import Form, print_listing, snapshot_form
from aicas.cli.invocation import Invocation, json_option, key_argument, pass_invocation
from aicas.cli.render.snapshot import holds
from aicas.cli.render.table import print_table
from aicas.cli.render.terminal import Screen, Span, Text
from aicas.cli.render.units import age, size
from aicas.cli.target import Content, Folder, is_view, open_target, split_target
from aicas.ids import TreeId
from aicas.names import split_ref
from aicas.objects.tree import Entry, EntryKind, walk_with_folders

if TYPE_CHECKING:
    from aicas.ids import SnapshotId
    from aicas.names import Key
    from aicas.objects.snapshot import Snapshot
    from aicas.store import Store


@click.command()
@key_argument("target", metavar="[KEY[:PATH]]", required=False)
@json_option
@pass_invocation
def command(invocation: Invocation, *, target: str | None, as_json: bool) -> None:
    """List the keys of a project, or the files of an artifact.

    Without an argument the keys of the current project; with PROJECT@{op:N} the keys as they
    were after that operation.
    """
    with invocation.store() as store, invocation.page() as screen:
        if target is None:
            refs = _keys_in(store, "live")
            aside = _keys_in(store, "quarantine")
        elif is_view(store, target):
            refs, aside = dict(store.resolve_view(target).refs), {}
        else:
            _list_files(screen, store, target, as_json)
            return
        if as_json:
            print_listing(screen, "keys", _key_forms(store, refs, aside))
        else:
            _print_keys(screen, store, _listed(refs, aside), invocation.clock())


def _keys_in(store: Store, space: str) -> dict[Key, SnapshotId]:
    refs = store.refs(f"{space}/{store.project}/")
    parts = [(split_ref(ref), target) for ref, target in refs.items()]
    return {key: target for (_, project, key), target in parts if project == store.project}


def _listed(
    refs: Mapping[Key, SnapshotId], aside: Mapping[Key, SnapshotId]
) -> list[tuple[Key, SnapshotId, bool]]:
    """What to list, by key: what is current, then what is in quarantine."""
    both = [(key, False, i) for key, i in refs.items()] + [(k, True, i) for k, i in aside.items()]
    return [(key, target, kept) for key, kept, target in sorted(both)]


def _key_forms(
    store: Store, refs: Mapping[Key, SnapshotId], aside: Mapping[Key, SnapshotId]
) -> Iterator[Form]:
    for key, target, kept in _listed(refs, aside):
        snapshot = snapshot_form(store.snapshot(target))
        yield {"key": key, "is_quarantined": kept, "snapshot": snapshot}


def _print_keys(
    screen: Screen, store: Store, listed: Sequence[tuple[Key, SnapshotId, bool]], now: int
) -> None:
    rows = [
        (
            Span(key, "key"),
            Span(target.short, "id"),
            holds(snapshot),
            size(snapshot.size_bytes),
            Span(age(snapshot.created_at, now), "dim"),
            _status(snapshot, kept),
        )
        for key, target, kept in listed
        for snapshot in [store.snapshot(target)]
    ]
    headings = ("KEY", "SNAPSHOT", "HOLDS", "SIZE", "CREATED", "VALIDATION")
    print_table(screen, rows, headings=headings, right=(3,))


def _status(snapshot: Snapshot, is_quarantined: bool) -> Sequence[Text]:
    style = {"passed": "good", "failed": "warn"}.get(snapshot.validation_status, "dim")
    kept = [Span(", in quarantine", "warn")] if is_quarantined else []
    return [Span(snapshot.validation_status, style), *kept]


def _list_files(screen: Screen, store: Store, target: str, as_json: bool) -> None:
    revision, path = split_target(target)
    snapshot = store.show(revision)
    found = open_target(store, snapshot, path)
    if isinstance(found, Content):
        name = path or snapshot.key
        entries = iter([(name, Entry(EntryKind.FILE.value, found.id, found.size))])
    else:
        entries = _entries(store, found)
    if as_json:
        print_listing(screen, "files", (_file_form(*entry) for entry in entries))
        return
    rows = [
        (
            Span(f"{entry.mode:06o}", "dim"),
            Span(entry.id.short, "id"),
            size(entry.size),
            name,
        )
        for name, entry in entries
    ]
    print_table(screen, rows, right=(2,))


def _entries(store: Store, folder: Folder) -> Iterator[tuple[str, Entry]]:
    """Files and links, and the folders that hold none."""
    for path, entry in walk_with_folders(folder.id, store.tree):
        if entry.kind is not EntryKind.TREE or not store.tree(TreeId(entry.id)):
            yield folder.prefix + path, entry


def _file_form(path: str, entry: Entry) -> Form:
    return {
        "path": path,
        "mode": f"{entry.mode:06o}",
        "kind": entry.kind.name.lower(),
        "id": entry.id.hex(),
        "size_bytes": entry.size,
    }
