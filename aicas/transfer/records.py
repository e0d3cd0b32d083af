"""Recorded stage artifacts: one typed record per line, checked before anything uses it.

What a source did not record stays ``None`` or empty here: nothing is filled in. ``replayer``
turns the deltas of these records back into whole trees.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aicas import clock
from aicas.errors import InvalidInput
from aicas.ids import Kind, hash_object
from aicas.names import Key, Project, TreePath, check_key, check_project, check_tree_path
from aicas.objects.tree import MAX_DEPTH
from aicas.transfer.fields import Fields
from aicas.transfer.lines import read_lines
from aicas.transfer.strictjson import MAX_BYTES, parse_json

PayloadKind = Literal["full", "delta"]


@dataclass(frozen=True, slots=True)
class Omitted:
    """A file the record names without holding its bytes."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordPayload:
    """What one record carries: a text, or files (all of them, or those that changed)."""

    kind: PayloadKind
    text: str | None = None
    files: Mapping[TreePath, bytes] = field(default_factory=dict)
    omitted: Mapping[TreePath, Omitted] = field(default_factory=dict)
    deleted: tuple[TreePath, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One version of one stage artifact, as its source recorded it."""

    line: int
    """Where it stands in the file, from 1."""
    digest: str
    """BLAKE3 of the line it was read from, in hexadecimal."""
    project: Project
    seq: int
    stage_key: Key
    version: int
    payload: RecordPayload
    deps: tuple[tuple[Key, int], ...] = ()
    """The keys it was made from, each with the version it had then."""
    agent: str | None = None
    model: str | None = None
    prompt: str | None = None
    tokens: Mapping[str, Any] | int | None = None
    cost_usd: float | int | None = None
    calls: tuple[Mapping[str, Any], ...] = ()
    started_at: str | None = None
    ended_at: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)
    """Every other recorded field that is not null or empty, as it stands."""

    @property
    def recorded_at(self) -> int | None:
        """When the stage ended (else began), in microseconds since 1970 UTC.

        Raises:
            InvalidInput: the recorded time is not ISO 8601.
        """
        text = self.ended_at or self.started_at
        return None if text is None else clock.parse_iso(text)


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a ``.jsonl`` or ``.jsonl.zst`` file, in order, one in memory at a time.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line is not strict JSON or over 8 MiB, a name is not one a store may
            hold, a field has another type, ``seq`` does not rise within a project, or the
            compressed data is damaged. The text names the line.
    """
    path = Path(path)
    last_seq: dict[Project, int] = {}
    for number, line in read_lines(path, MAX_BYTES):
        where = f"line {number} of {str(path)!a}"
        value = parse_json(line, what=where)
        try:
            record = _record(number, line, value)
            if record.seq <= last_seq.get(record.project, -1):
                raise InvalidInput(f"seq {record.seq} does not follow {last_seq[record.project]}")
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error}") from error
        last_seq[record.project] = record.seq
        yield record


_TYPED = frozenset(
    {"project", "seq", "stage_key", "version", "payload", "payload_kind", "deps", "dep_versions"}
    | {"agent", "model", "prompt", "tokens", "cost_usd", "calls", "started_at", "ended_at"}
)


def _record(number: int, line: bytes, value: Any) -> Record:
    fields = Fields(value)
    record = Record(
        line=number,
        digest=str(hash_object(Kind.BLOB, line)),
        project=check_project(fields.text("project")),
        seq=fields.count("seq", least=0),
        stage_key=check_key(fields.text("stage_key")),
        version=fields.count("version", least=1),
        payload=_payload(fields),
        deps=_deps(fields),
        agent=fields.optional_text("agent"),
        model=fields.optional_text("model"),
        prompt=fields.optional_text("prompt"),
        tokens=fields.optional("tokens", (dict, int), "an object or a number"),
        cost_usd=fields.optional("cost_usd", (int, float), "a number"),
        calls=tuple(fields.items("calls", dict, "objects")),
        started_at=fields.optional_text("started_at"),
        ended_at=fields.optional_text("ended_at"),
        rest={
            name: inner
            for name, inner in fields.value.items()
            if name not in _TYPED and inner not in (None, [], {})
        },
    )
    _ = record.recorded_at
    return record


def _deps(fields: Fields) -> tuple[tuple[Key, int], ...]:
    versions = Fields(fields.optional("dep_versions", dict, "an object") or {})
    keys = [check_key(key) for key in fields.items("deps", str, "strings")]
    if len(set(keys)) != len(keys):
        raise InvalidInput("deps names a key twice")
    return tuple((key, versions.count(key, least=1)) for key in keys)


def _payload(fields: Fields) -> RecordPayload:
    kind = fields.text("payload_kind")
    if kind not in ("full", "delta"):
        raise InvalidInput(f"payload_kind {kind[:20]!a} is neither full nor delta")
    payload = Fields(fields.optional("payload", dict, "an object"))
    unknown = sorted(set(payload.value) - _PAYLOAD_FIELDS)
    if unknown:
        raise InvalidInput(f"payload holds the unknown field {unknown[0][:40]!a}")
    text = payload.optional_text("text")
    if text is not None:
        if len(payload.value) > 1 or kind != "full":
            raise InvalidInput("a text payload must be full and hold nothing else")
        return RecordPayload("full", text=text)
    if "files" not in payload.value:
        raise InvalidInput("payload holds neither text nor files")
    plain = {path: body.encode() for path, body in payload.strings("files")}
    binary = {path: _base64(path, body) for path, body in payload.strings("files_b64")}
    omitted = {path: _omitted(path, facts) for path, facts in payload.members("omitted_files")}
    if len({*plain, *binary, *omitted}) != len(plain) + len(binary) + len(omitted):
        raise InvalidInput("payload holds a path twice")
    deleted = tuple(payload.items("deleted", str, "strings"))
    for path in (*plain, *binary, *omitted, *deleted):
        check_tree_path(path)
        if path.count("/") >= MAX_DEPTH:
            raise InvalidInput(f"path {path[:60]!a} has more than {MAX_DEPTH} parts")
    typed: Literal["full", "delta"] = "full" if kind == "full" else "delta"
    return RecordPayload(
        typed,
        files={TreePath(path): body for path, body in {**plain, **binary}.items()},
        omitted={TreePath(path): facts for path, facts in omitted.items()},
        deleted=tuple(TreePath(path) for path in deleted),
    )


_PAYLOAD_FIELDS = frozenset({"text", "files", "files_b64", "omitted_files", "deleted"})


def _base64(path: str, body: str) -> bytes:
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"files_b64 of {path[:60]!a} is not base64") from error


def _omitted(path: str, facts: Any) -> Omitted:
    fields = Fields(facts)
    return Omitted(fields.count("bytes", least=0), fields.text("sha256"))
