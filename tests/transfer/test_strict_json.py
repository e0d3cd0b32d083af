from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicas.errors import InvalidInput
from aicas.transfer.strictjson import MAX_BYTES, parse_json

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES)
def test_every_strict_json_text_reads_as_the_standard_parser_reads_it(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse_json(text) == json.loads(text)
        assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        '{"a": 1, "a": 2}',
        '["\\ud800"]',
        '{"\\udfff": 1}',
        "18446744073709551616",
        "-9223372036854775809",
        "9" * 10_000,
        "1 2",
        '"abc\\',
        "'a'",
        b"\xff",
        b"\xef\xbb\xbf1",
        b'"\xed\xa0\x80"',
        "\ud800",
    ],
)
def test_what_is_not_strict_json_is_refused_in_one_line(text: str | bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_json(text, what="line 7")
    assert str(caught.value).startswith("line 7 ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 4_000_000,
        b"[" * 300_000,
        b'{"a":' * 1_000_000,
        b"[" + b"[]," * 2_700_000 + b"[]]",
        b'"\\' * 4_000_000,
        b'"' * 8_000_000,
        b'"\\"' * 2_000_000,
        b"[" + b"0," * 3_000_000 + b"0]",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_a_bomb_is_refused_within_bounded_memory(text: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(InvalidInput):
        parse_json(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
