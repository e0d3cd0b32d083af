"""A payload as the JSON document that holds it, and back.

Text is a JSON string and a JSON-like value is itself, so other tools find what they expect.
Bytes are ``{"base64": ...}``. Files are ``{"files": {path: text}}`` with, where there are any,
``files_b64`` (what is no UTF-8), ``modes`` (``"100755"``, or ``"120000"`` for a link, whose text
is its target) and ``empty_folders``. The media type in the index tells one from another.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from aicas.errors import InvalidInput
from aicas.objects.files import Files
from aicas.objects.media import TREE, VALUE
from aicas.objects.payload import Payload
from aicas.objects.tree import EntryKind, check_link_target
from aicas.transfer.fields import Fields

_GENERATED_CODE = "/generated_code.json"
_FILE_FIELDS = frozenset({"files", "files_b64", "modes", "empty_folders"})
_MODES: dict[str, int] = {f"{m.value:06o}": m.value for m in EntryKind if m is not EntryKind.TREE}


def to_document(payload: Payload) -> Any:
    """The document of a payload, as ``Store.get`` returns it."""
    if isinstance(payload, Files):
        return _files_document(payload)
    if isinstance(payload, bytes):
        return {"base64": binascii.b2a_base64(payload, newline=False).decode()}
    return payload


def _files_document(files: Files) -> dict[str, Any]:
    texts, binaries, modes = {}, {}, {}
    for path in files:
        content = files[path]
        try:
            texts[path] = content.decode()
        except UnicodeDecodeError:
            binaries[path] = binascii.b2a_base64(content, newline=False).decode()
        if files.mode(path) != EntryKind.FILE.value:
            modes[path] = f"{files.mode(path):06o}"
    document: dict[str, Any] = {"files": texts}
    extras = {"files_b64": binaries, "modes": modes, "empty_folders": list(files.empty_folders)}
    return document | {name: value for name, value in extras.items() if value}


def from_document(document: Any, media_type: str | None, path: str) -> Payload:
    """The payload a document holds.

    Where the index names no media type, a string is text and anything else a value, but for
    generated code that maps paths to texts: that is files.

    Args:
        document: decoded JSON.
        media_type: of the payload, where the index says.
        path: the document's place in the folder.

    Raises:
        InvalidInput: the document is not what the media type says, or a path or mode in it is
            one no tree may hold.
    """
    if media_type is None:
        return _untyped(document, path)
    if media_type == VALUE:
        return document
    if media_type == TREE:
        return _files(Fields(document))
    if media_type.startswith("text/"):
        if not isinstance(document, str):
            raise InvalidInput(f"is no string, though its media type is {media_type[:60]!a}")
        return document
    return _decoded("base64", Fields(document).text("base64"))


def _untyped(document: Any, path: str) -> Payload:
    if not path.endswith(_GENERATED_CODE) or not isinstance(document, dict):
        return document
    if isinstance(document.get("files"), dict) and not document.keys() - _FILE_FIELDS:
        return _files(Fields(document))
    if document and all(isinstance(content, str) for content in document.values()):
        return Files(document)
    return document


def _files(document: Fields) -> Files:
    unknown = sorted(document.value.keys() - _FILE_FIELDS)
    if unknown:
        raise InvalidInput(f"holds the unknown field {unknown[0][:40]!a}")
    if "files" not in document.value:
        raise InvalidInput("lacks 'files'")
    contents: dict[str, bytes | str] = dict(document.strings("files"))
    for path, text in document.strings("files_b64"):
        if path in contents:
            raise InvalidInput(f"holds {path[:60]!a} twice")
        contents[path] = _decoded(path, text)
    modes = {path: _mode(path, mode) for path, mode in document.strings("modes")}
    empty = document.items("empty_folders", str, "strings")
    files = Files(contents, modes=modes, empty_folders=empty)
    _check_links(files, modes)
    return files


def _mode(path: str, text: str) -> int:
    if text not in _MODES:
        raise InvalidInput(f"mode {text[:20]!a} of {path[:60]!a} is not one of {', '.join(_MODES)}")
    return _MODES[text]


def _check_links(files: Files, modes: Mapping[str, int]) -> None:
    for path, mode in modes.items():
        if mode == EntryKind.SYMLINK.value:
            check_link_target(files[path])


def _decoded(path: str, text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"{path[:60]!a} is not base64") from error
