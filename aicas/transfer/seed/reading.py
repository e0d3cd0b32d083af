"""Read a cache folder into a project: checked whole first, then put in dependency order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from aicas.errors import InvalidInput, NotFound
from aicas.ids import SnapshotId
from aicas.names import Key, Project, TreePath, check_key
from aicas.objects.payload import FromDirectory, Payload, prepare
from aicas.objects.snapshot import Snapshot, encode_snapshot
from aicas.store import Store
from aicas.transfer.discard import Discarding
from aicas.transfer.fields import Fields
from aicas.transfer.seed import layout
from aicas.transfer.seed.documents import from_document
from aicas.transfer.seed.entries import Entry, RecordedInput, from_entry
from aicas.transfer.seed.folder import SeedFolder
from aicas.validity.inputs import Use
from aicas.validity.recipe import Recipe

NOT_HELD = "dependencies_not_held"
"""The name in ``meta`` of dependencies that did not come along and cannot be linked."""


@dataclass(frozen=True, slots=True)
class SeedImport:
    """What an import of a cache folder did."""

    project: Project
    added: tuple[Key, ...]
    unchanged: tuple[Key, ...]
    """Keys whose current version is this one already."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One key's place in the folder and what the index says of it."""

    key: Key
    place: TreePath
    entry: Entry
    draft: Snapshot
    """All of the snapshot but its links; what says whether the store has it already."""


def import_seed(store: Store, directory: str | Path, project: str | None = None) -> SeedImport:
    """Put every artifact of a cache folder as a new version of its key.

    A dependency is linked to the version that came along. Where the index says that another
    version was used, the artifact is stale, as it was where it comes from.

    Args:
        store: where to.
        directory: a cache folder: what ``export_seed`` wrote, or one of the seed's own.
        project: in place of the store's current one.

    Raises:
        NotFound: there is no such folder.
        InvalidInput: a file is missing, unknown, too large, a link or no strict JSON; a name,
            path or field no store may hold; dependencies in a circle. Nothing was written.
        Conflict, StorageFailed: see ``Store.put``. What was put before stays.
    """
    view = store if project is None else store.at_project(project)
    with SeedFolder(directory) as folder:
        items = {item.key: item for item in _ordered(_checked(folder))}
        done: dict[str, Snapshot] = {}
        added, unchanged = [], []
        for key, item in items.items():
            current = _current(view, key)
            if current is not None and _is_same(current, item.draft):
                done[key] = current
                unchanged.append(key)
            else:
                done[key] = _put(view, folder, item, items, done)
                added.append(key)
    return SeedImport(view.project, tuple(added), tuple(unchanged))


def _checked(folder: SeedFolder) -> list[_Item]:
    """Every artifact of the folder, if all of it can be imported."""
    unknown = folder.files()
    entries = _index(folder)
    items = []
    for key, value in entries.items():
        try:
            place = _place(check_key(key), folder)
            entry = from_entry(value, key)
            draft = _draft(Key(key), entry, _payload(folder, place, entry))
            items.append(_Item(Key(key), place, entry, draft))
        except InvalidInput as error:
            raise InvalidInput(f"{str(folder.path)!a}: {key[:60]!a}: {error}") from error
        if not _is_folder(place):  # what a walk lists under that name is a link
            unknown.discard(place)
    unknown -= {layout.INDEX, layout.REPORTS, *filter(None, map(layout.sidecar_path, unknown))}
    if unknown:
        raise InvalidInput(f"{str(folder.path)!a} holds {min(unknown)!a}, unknown to its index")
    return items


def _index(folder: SeedFolder) -> dict[str, Any]:
    index = Fields(folder.document(TreePath(layout.INDEX))).value
    entries = index.get("entries", index)
    found = dict(Fields(entries).value)
    for key, path in layout.FOLDER_OF_KEY.items():
        if key not in found and folder.holds_files(path):
            found[key] = {}
    return found


def _place(key: Key, folder: SeedFolder) -> TreePath:
    as_files = layout.FOLDER_OF_KEY.get(key)
    document = layout.document_path(key)
    if as_files is None:
        return document
    if document not in folder.files():
        return TreePath(as_files)
    if folder.holds_files(as_files):
        raise InvalidInput(f"lies both in {document!r} and in {as_files!r}")
    return document


def _payload(folder: SeedFolder, place: TreePath, entry: Entry) -> Payload:
    if _is_folder(place):
        return FromDirectory(folder.path / place)
    document = folder.document(place)
    try:
        return from_document(document, entry.media_type, place)
    except InvalidInput as error:
        raise InvalidInput(f"{place!r}: {error}") from error


def _is_folder(place: TreePath) -> bool:
    return place in layout.FOLDER_OF_KEY.values()


def _draft(key: Key, entry: Entry, payload: Payload) -> Snapshot:
    """What the put will make of an entry, but for the links; refused here if refused there."""
    prepared = prepare(payload, Discarding, compress=False, media_type=_media_type(entry, payload))
    draft = Snapshot(
        key=key,
        created_at=entry.created_at or 0,
        payload=prepared.ref,
        recipe=dict(Recipe.of(entry.recipe)),
        session_id=entry.session_id,
        validation_status=entry.validation_status,
        expiry_time=entry.expiry_time,
        tags=entry.tags,
        cost=entry.cost,
        meta=entry.meta,
    )
    encode_snapshot(draft)
    return draft


def _media_type(entry: Entry, payload: Payload) -> str | None:
    return None if isinstance(payload, FromDirectory) else entry.media_type


def _ordered(items: list[_Item]) -> list[_Item]:
    """Each after what it was made from.

    Current versions of two keys may each have been made from an earlier version of the other;
    then only the links to versions that are in the folder decide.
    """
    by_key = {item.key: item for item in items}
    loose = {item.key: {i.key for i in item.entry.inputs} & by_key.keys() for item in items}
    exact = {item.key: {i.key for i in item.entry.inputs if _is_exact(i, by_key)} for item in items}
    for edges in (loose, exact):
        try:
            order = TopologicalSorter({k: sorted(e) for k, e in edges.items()}).static_order()
            return [by_key[Key(key)] for key in order]
        except CycleError:
            continue
    raise InvalidInput("the index says that artifacts were made from one another in a circle")


def _is_exact(used: RecordedInput, items: Mapping[Key, _Item]) -> bool:
    """Whether the version that was used is the one in the folder; a foreign index means so."""
    item = items.get(Key(used.key))
    return item is not None and used.snapshot in (None, item.entry.id)


def _current(store: Store, key: Key) -> Snapshot | None:
    try:
        return store.show(key)
    except NotFound:
        return None


def _is_same(current: Snapshot, draft: Snapshot) -> bool:
    alike = draft._replace(
        created_at=draft.created_at or current.created_at,
        inputs=current.inputs,
        fingerprint=current.fingerprint,
        parent=current.parent,
    )
    meta = {name: value for name, value in current.meta.items() if name != NOT_HELD}
    return current._replace(meta=meta) == alike


def _put(
    store: Store,
    folder: SeedFolder,
    item: _Item,
    items: Mapping[Key, _Item],
    done: Mapping[str, Snapshot],
) -> Snapshot:
    entry = item.entry
    payload = _payload(folder, item.place, entry)
    links = [(used.key, _link(store, used, items, done)) for used in entry.inputs]
    lost = list(dict.fromkeys(key for key, link in links if link is None))
    return store.put(
        item.key,
        payload,
        inputs=[link for _, link in links if link is not None],
        recipe=entry.recipe,
        session=entry.session_id,
        tags=entry.tags,
        meta={**entry.meta, NOT_HELD: lost} if lost else entry.meta,
        cost=entry.cost,
        validation_status=entry.validation_status,
        expires_in_hours=0,
        expires_at=entry.expiry_time,
        created_at=entry.created_at,
        media_type=_media_type(entry, payload),
        reason="imported from a cache folder",
    )


def _link(
    store: Store,
    used: RecordedInput,
    items: Mapping[Key, _Item],
    done: Mapping[str, Snapshot],
) -> Use | None:
    """The input a recorded dependency becomes; ``None`` if there is nothing to link it to."""
    here = done.get(used.key)
    if here is not None and _is_exact(used, items):
        return Use(used.key, str(here.id), used.selector)
    if used.snapshot is not None and _holds(store, used.snapshot):
        return Use(used.key, used.snapshot, used.selector)
    return None if here is None else Use(used.key, str(here.id), used.selector, used.digest)


def _holds(store: Store, snapshot: str) -> bool:
    try:
        raw = bytes.fromhex(snapshot)
        return len(raw) == 32 and bool(store.snapshot(SnapshotId(raw)).id)
    except (ValueError, NotFound):
        return False
