"""What a producer that fails leaves for those who wait: canonical bytes of one small map."""

from __future__ import annotations

from aicas import canonical
from aicas.errors import AicasError, OutputRejected, ProducerFailed, StageFailed
from aicas.ids import SnapshotId

_MOST_CHARACTERS = 2000


def encode_error(error: BaseException) -> bytes:
    """What to leave when producing raised ``error``."""
    if isinstance(error, OutputRejected):
        return canonical.pack({"rejected": error.snapshot_id})
    try:
        text = str(error)
    except Exception:  # the error is another's: it must not hide itself
        text = ""
    plain = text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode()
    return canonical.pack({"kind": type(error).__name__, "message": " ".join(plain.split())})


def decode_error(key: str, outcome: bytes) -> StageFailed:
    """The error to raise in one who waited for the producer that left ``outcome``."""
    try:
        fields = canonical.unpack(outcome)
        if "rejected" in fields:
            return OutputRejected(key, SnapshotId(fields["rejected"]))
        return ProducerFailed(key, str(fields["kind"]), str(fields["message"]))
    except (AicasError, KeyError, TypeError):
        return ProducerFailed(key, "an error that another version of aicas left", "")
