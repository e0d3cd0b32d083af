"""Selectors: the part of an input that a stage depends on.

One that starts with ``/`` is a JSON Pointer (RFC 6901) into a JSON-like value; any other is a
glob over the files of a tree. The digest of a part covers exactly what it names, so that a change
anywhere else leaves what depends on it valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from aicas import canonical
from aicas.errors import Damaged, InvalidInput
from aicas.ids import Kind, TreeId, digest
from aicas.names import MAX_PATH_BYTES
from aicas.objects.files import Files
from aicas.objects.media import VALUE
from aicas.objects.payload import Payload, decode_payload
from aicas.objects.reader import ObjectReader
from aicas.objects.snapshot import Snapshot
from aicas.objects.tree import MAX_DEPTH, MAX_ENTRIES, Entry, EntryKind
from aicas.validity.glob import parse_glob

MAX_SELECTOR_BYTES = MAX_PATH_BYTES
_BAD_ESCAPE = re.compile(r"~(?![01])")
# As many digits as any list could need; a longer number is no index of one.
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")
_NOTHING: Final = object()


def split_selector(text: str) -> tuple[str, str]:
    """The revision and the selector of ``REVISION#SELECTOR``, parted at the first ``#``.

    Raises:
        InvalidInput: either is empty, or see ``check_selector``.
    """
    revision, _, selector = text.partition("#")
    if not revision or not selector:
        raise InvalidInput(
            f"{text[:80]!a} lacks a {'selector' if revision else 'revision'}",
            hint="write REVISION#SELECTOR, for example 'plan#/phases/3' or 'code#src/**/*.py'",
        )
    check_selector(selector)
    return revision, selector


def check_selector(selector: str) -> None:
    """Refuse what is neither a JSON Pointer nor a glob.

    Raises:
        InvalidInput: empty, over 4096 bytes, not valid Unicode, a ``~`` that escapes nothing in
            a pointer, or see ``Glob``.
    """
    try:
        size = len(selector.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"selector {selector[:80]!a} is not valid Unicode") from error
    if not 0 < size <= MAX_SELECTOR_BYTES:
        raise InvalidInput(
            f"a selector of {size} bytes is not one of 1 to {MAX_SELECTOR_BYTES} bytes"
        )
    if not selector.startswith("/"):
        parse_glob(selector)
    elif _BAD_ESCAPE.search(selector):
        raise InvalidInput(
            f"JSON Pointer {selector[:80]!a} holds '~' without 0 or 1 after it",
            hint="in a JSON Pointer, ~0 stands for ~ and ~1 for /",
        )


def slice_digest(snapshot: Snapshot, selector: str, reader: ObjectReader) -> bytes | None:
    """32 bytes over exactly the part of a payload that a selector names; ``None``: no such part.

    Of a value, they cover the value found; of files, their paths, modes and contents' ids.

    Raises:
        InvalidInput: no valid selector, or not one for this kind of payload.
        NotFound, Damaged: the payload cannot be read.
    """
    check_selector(selector)
    if selector.startswith("/"):
        found = _pointed_at(snapshot, selector, reader)
        return None if found is _NOTHING else digest("value slice v1", canonical.pack(found))
    parts = [
        part
        for path, entry in sorted(_matches(snapshot, selector, reader))
        for part in (path.encode(), entry.mode.to_bytes(4, "little"), entry.id)
    ]
    return digest("files slice v1", *parts) if parts else None


def selected(snapshot: Snapshot, selector: str, reader: ObjectReader) -> Payload | None:
    """The part of a payload that a selector names: a JSON-like value, or the ``Files`` that match.

    ``None`` where it names nothing, and where the value it names is null.

    Raises:
        InvalidInput, NotFound, Damaged: see ``slice_digest``.
    """
    check_selector(selector)
    if selector.startswith("/"):
        found = _pointed_at(snapshot, selector, reader)
        return None if found is _NOTHING else found
    entries = dict(_matches(snapshot, selector, reader))
    return Files.stored(entries, reader.blob) if entries else None


def _pointed_at(snapshot: Snapshot, pointer: str, reader: ObjectReader) -> Any:
    payload = snapshot.payload
    if payload.kind is not Kind.BLOB or payload.media_type != VALUE:
        raise InvalidInput(
            f"JSON Pointer {pointer[:80]!a} does not fit {snapshot.key}, which is"
            f" {_described(snapshot)}",
            hint="a selector that starts with '/' points into a JSON-like value",
        )
    value = decode_payload(payload, reader.blob, reader.tree)
    for token in pointer.split("/")[1:]:
        value = _member(value, token.replace("~1", "/").replace("~0", "~"))
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, _NOTHING)
    if isinstance(value, list) and _INDEX.fullmatch(name):
        index = int(name)
        return value[index] if index < len(value) else _NOTHING
    return _NOTHING


def _matches(snapshot: Snapshot, glob: str, reader: ObjectReader) -> Iterator[tuple[str, Entry]]:
    """Path and entry of every file that a glob names; folders it cannot match are not read."""
    payload = snapshot.payload
    if payload.kind is not Kind.TREE:
        raise InvalidInput(
            f"glob {glob[:80]!a} does not fit {snapshot.key}, which is {_described(snapshot)}",
            hint="only files are selected by a glob; a pointer into a value starts with '/'",
        )
    pattern = parse_glob(glob)
    seen = 0
    waiting = [("", TreeId(payload.id), pattern.start, 0)]
    while waiting:
        prefix, folder, places, depth = waiting.pop()
        for name, entry in reader.tree(folder).items():
            seen += 1
            path = prefix + name
            if seen > MAX_ENTRIES or depth > MAX_DEPTH or len(path) > MAX_PATH_BYTES:
                raise Damaged("files are too many or too deeply nested", object_id=payload.id)
            if entry.kind is not EntryKind.TREE:
                if pattern.accepts(places, name):
                    yield path, entry
            elif below := pattern.enter(places, name):
                waiting.append((f"{path}/", TreeId(entry.id), below, depth + 1))


def _described(snapshot: Snapshot) -> str:
    if snapshot.payload.kind is Kind.TREE:
        return "files"
    return "a value" if snapshot.payload.media_type == VALUE else "one text or binary"
