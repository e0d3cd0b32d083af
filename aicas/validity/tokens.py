"""Source code reduced to what it says: no comments, no formatting, the same for every Python.

What a formatter changes does not count: white space and line breaks inside statements, the quotes
of strings, strings written in several pieces, commas before a closing bracket.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections.abc import Iterator
from typing import Final

_DROPPED: Final = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})
_BLOCKS: Final = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\t+", tokenize.DEDENT: "\t-"}
_CLOSING: Final = frozenset(")]}")
_OPENING: Final = frozenset("([{")
# Since Python 3.12 a formatted string is several tokens: its start, its parts, its end.
_STARTS: Final = frozenset(
    getattr(tokenize, name, -1) for name in ("FSTRING_START", "TSTRING_START")
)
_ENDS: Final = frozenset(getattr(tokenize, name, -1) for name in ("FSTRING_END", "TSTRING_END"))


def normalised(source: str) -> str:
    """The tokens of some statements, or of an expression in brackets, one a line.

    Raises:
        SyntaxError: it is not Python.
    """
    try:
        words = list(_joined(_words(source)))
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error
    return "\n".join(_without_last_commas(words))


_Word = tuple[str, str]
"""What it is, and its text: a name or number or sign, a block's edge, a string, a raw string."""


def _words(source: str) -> Iterator[_Word]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = source.splitlines(keepends=True)
    for token in tokens:
        if token.type in _STARTS:
            end = _end_of_string(tokens)
            yield "raw", _between(lines, token.start, end)
        elif token.type == tokenize.STRING:
            yield _string(token.string)
        elif token.type in _BLOCKS:
            yield "edge", _BLOCKS[token.type]
        elif token.type == tokenize.NUMBER:
            yield "word", token.string.lower()
        elif token.type not in _DROPPED:
            yield "word", token.string


def _end_of_string(tokens: Iterator[tokenize.TokenInfo]) -> tuple[int, int]:
    depth = 1
    for token in tokens:
        depth += (token.type in _STARTS) - (token.type in _ENDS)
        if depth == 0:
            return token.end
    raise SyntaxError("a formatted string does not end")


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    first, last = lines[start[0] - 1][start[1] :], lines[end[0] - 1][: end[1]]
    return "".join([first, *lines[start[0] : end[0] - 1], last])


def _string(text: str) -> _Word:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):  # a formatted string, which is an expression
        return "raw", text
    return ("bytes" if isinstance(value, bytes) else "text"), ascii(value)


def _joined(words: Iterator[_Word]) -> Iterator[_Word]:
    """Strings side by side are one string; formatted ones only lose the quotes around them."""
    before: _Word | None = None
    for kind, text in words:
        if before and kind == before[0] and kind in ("text", "bytes"):
            both = ast.literal_eval(f"{before[1]} {text}")
            before = (kind, ascii(both))
            continue
        if before:
            yield before
        before = (kind, _unquoted(text) if kind == "raw" else text)
    if before:
        yield before


def _unquoted(text: str) -> str:
    """A formatted string without its quotes, where there are no others that could matter."""
    start = min(text.index(quote) for quote in "'\"" if quote in text)
    prefix, rest = text[:start].lower(), text[start:]
    width = 3 if rest[:3] == 3 * rest[0] and len(rest) >= 6 else 1
    inner = rest[width:-width]
    if width == 1 and not {"'", '"', "\\"} & set(inner):
        return f"{prefix} {inner}"
    return prefix + rest


def _without_last_commas(words: list[_Word]) -> Iterator[str]:
    """The words, less the commas before closing brackets that make no difference."""
    brackets: list[tuple[bool, int]] = []  # whether one comma alone means something; commas inside
    for number, (kind, text) in enumerate(words):
        if kind == "word" and text in _OPENING:
            brackets.append((_one_comma_counts(words, number), 0))
        elif kind == "word" and text in _CLOSING and brackets:
            brackets.pop()
        elif kind == "word" and text == "," and brackets:
            counts, commas = brackets[-1]
            brackets[-1] = (counts, commas + 1)
            following = words[number + 1] if number + 1 < len(words) else ("", "")
            if following[0] == "word" and following[1] in _CLOSING and (commas or not counts):
                continue
        yield f"{kind[0]} {text}"


def _one_comma_counts(words: list[_Word], number: int) -> bool:
    """Whether a bracket holds a tuple if there is one comma in it: ``(a,)`` or ``x[a,]``."""
    kind, before = words[number - 1] if number else ("", "")
    follows_value = kind in ("text", "bytes", "raw") or (
        kind == "word"
        and (before in _CLOSING or (before.isidentifier() and not keyword.iskeyword(before)))
    )
    if words[number][1] == "[":
        return follows_value
    return words[number][1] == "(" and not follows_value
