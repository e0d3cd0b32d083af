"""What a request is about: its title, the things it speaks of, and every word as a hint."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from dataclasses import dataclass

from aicas.orchestrator.demo.lexicon import (
    ACTION_HINTS,
    ACTIONABLE,
    ASIDES,
    CONTAINERS,
    HOLDERS,
    IGNORED,
    IRREGULAR,
    JOINS,
    STANDS_FOR,
)

MAX_THINGS = 4
_WORD = re.compile(r"[a-z][a-z0-9]*|[,;.:&/+()]")
_LONGEST_WORD = 24
_CLASS_NAMES = frozenset({"Any", "Namespace", "Record", "Storage"})
_DEVICES = frozenset({"con", "prn", "aux", "nul"})


@dataclass(frozen=True, slots=True)
class Thing:
    """One kind of record: what one is called, and what all of them are called."""

    singular: str
    plural: str

    @property
    def collection(self) -> str:
        """The plural as a name in code."""
        return self.plural.replace(" ", "_")

    @property
    def class_name(self) -> str:
        """The singular as a class name that clashes with nothing in the generated code."""
        name = "".join(word.capitalize() for word in self.singular.split())
        return f"{name}Entry" if keyword.iskeyword(name) or name in _CLASS_NAMES else name


@dataclass(frozen=True, slots=True)
class Subject:
    """What was understood of a request."""

    title: str
    package: str
    primary: Thing
    phrases: tuple[tuple[str, ...], ...]
    """What was asked for besides, phrase by phrase."""
    words: frozenset[str]
    actionable: bool


def understand(request: str) -> Subject:
    """Read a request. Every text gives a subject; one without usable words is about items."""
    plain = unicodedata.normalize("NFKD", request).encode("ascii", "ignore").decode().lower()
    tokens = _WORD.findall(re.sub(r"(?<=\w)['-](?=\w)", "", plain))
    segments = _segments(tokens)
    words = frozenset(token[:_LONGEST_WORD] for token in tokens if token.isalnum())
    head, rest = _head(segments)
    primary = _thing(head) or Thing("item", "items")
    asked = tuple(phrase for wanted, phrase in rest if wanted)
    return Subject(
        title=_title(request),
        package=_package(head, primary),
        primary=primary,
        phrases=asked,
        words=words,
        actionable=primary.singular in ACTIONABLE or bool(words & ACTION_HINTS),
    )


def _segments(tokens: list[str]) -> list[tuple[bool, tuple[str, ...]]]:
    """Phrases between connecting words, and whether each is something wanted."""
    segments: list[tuple[bool, tuple[str, ...]]] = []
    wanted, phrase = True, list[str]()
    for token in [*tokens, "."]:
        if token in JOINS or token in ASIDES or not token.isalnum():
            if phrase:
                segments.append((wanted, tuple(phrase)))
                phrase = []
            wanted = token not in ASIDES
        elif token not in IGNORED:
            phrase.append(token[:_LONGEST_WORD])
    return segments


def _head(
    segments: list[tuple[bool, tuple[str, ...]]],
) -> tuple[tuple[str, ...], list[tuple[bool, tuple[str, ...]]]]:
    """The first phrase that names a thing, and all others."""
    for place, (_, phrase) in enumerate(segments):
        if any(word not in CONTAINERS or word in STANDS_FOR for word in phrase):
            return phrase, segments[:place] + segments[place + 1 :]
    return (segments[0][1] if segments else ()), segments[1:]


def _thing(phrase: tuple[str, ...]) -> Thing | None:
    """The main thing a phrase is about."""
    named = [word for word in phrase if word not in CONTAINERS]
    for word in reversed(named):
        if word in STANDS_FOR:
            return thing_of(STANDS_FOR[word])
    if named:
        return thing_of(named[-1])
    standing = [STANDS_FOR[word] for word in phrase if word in STANDS_FOR]
    return thing_of(standing[-1]) if standing else None


def thing_of(noun: str) -> Thing:
    """A thing by one word, in either number."""
    singular = _singular(noun)
    return Thing(singular, _plural(singular))


def side_thing(phrase: tuple[str, ...]) -> Thing | None:
    """A thing named besides the main one: its last two words say which it is."""
    last = phrase[-2:]
    if not last or all(word in CONTAINERS for word in last):
        return None
    if last[-1] in HOLDERS and len(last) == 2:
        name = " ".join(last)
        return Thing(f"{name} entry", name)
    named = [word for word in last if word not in CONTAINERS]
    singular = " ".join([*named[:-1], _singular(named[-1])])
    return Thing(singular, " ".join([*named[:-1], _plural(_singular(named[-1]))]))


def _singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(s|x|z|ch|sh)es$", word) and len(word) > 4:
        return word[:-2]
    if word.endswith("s") and not re.search(r"(ss|us|is)$", word) and len(word) > 2:
        return word[:-1]
    return word


def _plural(word: str) -> str:
    for plural, singular in IRREGULAR.items():
        if singular == word:
            return plural
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    return word + "s"


def _title(request: str) -> str:
    """The request as a title: visible letters, digits, spaces and hyphens, no leading verb."""
    kept = "".join(
        char if char.isalnum() or char == "-" or unicodedata.category(char).startswith("M") else " "
        for char in request
    )
    words = kept.split()
    while len(words) > 1 and words[0].lower() in IGNORED:
        words.pop(0)
    title = " ".join(words)[:60].strip(" -") or "Project"
    return title[0].upper() + title[1:]


def _package(head: tuple[str, ...], primary: Thing) -> str:
    name = "_".join(head[:3])[:40].strip("_") or primary.collection
    taken = name in sys.stdlib_module_names or keyword.iskeyword(name) or name in _DEVICES
    if taken or name in ("tests", "docs") or len(name) < 3:
        name += "_app"
    return name
