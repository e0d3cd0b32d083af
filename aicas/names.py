"""Names from outside, parsed once: keys, projects, refs and tree paths.

The verdict on a name is the same on every system: what Windows, macOS, a shell or a terminal
would take for something else is refused everywhere, on write and on read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType

from aicas.errors import InvalidName

Key = NewType("Key", str)
Project = NewType("Project", str)
RefName = NewType("RefName", str)
TreePath = NewType("TreePath", str)

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4096
# A store has far fewer names than uses of them.
_REMEMBERED = 10_000
STORE_FOLDER = ".aicas"
SPACES = ("live", "quarantine", "samples", "pins", "remotes")
MAX_SAMPLE = 999_999_999
_SAMPLE = re.compile(r"[1-9][0-9]{0,8}")

# Reserved device names of Windows, with or without an extension.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "123456789\u00b9\u00b2\u00b3"]
)
# Cc, Cf (holds the bidi controls), Cs (lone surrogates), Zl and Zp can fake what is displayed.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# The two joiners, category Cf, are ordinary spelling in Persian, Indic scripts and emoji.
_JOINERS = frozenset("\u200c\u200d")
_WINDOWS_FORBIDDEN = frozenset('<>:"|?*\\')
# What separates the parts of a revision or a selector cannot be part of a key.
_KEY_PUNCTUATION = frozenset("._-+=,()")


@lru_cache(maxsize=_REMEMBERED)
def check_key(text: str) -> Key:
    """A stage's name: letters, digits and ``._-+=,()``, not starting with ``-`` or ``.``.

    Raises:
        InvalidName: anything else, or over 255 bytes.
    """
    _check_word("key", text, text)
    return Key(text)


@lru_cache(maxsize=_REMEMBERED)
def check_project(text: str) -> Project:
    """A namespace of keys: one or more parts of a key's form, joined by ``/``.

    Raises:
        InvalidName: a part that is no valid key, an empty part, or over 255 bytes in all.
    """
    for part in text.split("/"):
        _check_word("project", text, part)
    if len(text.encode()) > MAX_NAME_BYTES:
        raise InvalidName("project", text, f"is longer than {MAX_NAME_BYTES} bytes")
    return Project(text)


@lru_cache(maxsize=_REMEMBERED)
def check_label(what: str, text: str) -> str:
    """A tag, session or metadata name: one line of visible text of at most 255 bytes."""
    problem = _hidden_problem(text)
    if not problem and not text.strip():
        problem = "is empty"
    if not problem and text.startswith("-"):
        problem = "starts with '-', like an option"
    if not problem and len(text.encode()) > MAX_NAME_BYTES:
        problem = f"is longer than {MAX_NAME_BYTES} bytes"
    if problem:
        raise InvalidName(what, text, problem)
    return text


def _check_word(what: str, whole: str, part: str) -> None:
    _check_part(what, whole, part)
    if part.startswith("."):
        raise InvalidName(what, whole, "starts with '.'")
    for char in part:
        if not (char.isalnum() or char in _KEY_PUNCTUATION):
            raise InvalidName(what, whole, f"holds {char!a}; use letters, digits and ._-+=,()")
    if unicodedata.normalize("NFC", part) != part:
        raise InvalidName(what, whole, "is not in Unicode normal form C")


def check_tree_name(name: str, *, whole: str | None = None) -> str:
    """One component of a tree path.

    Raises:
        InvalidName: empty, ``.`` or ``..``, a separator, a drive, a control or invisible
            character, a name Windows reserves, a leading ``-``, the folder of a store (which a
            restored tree must not plant), or over 255 bytes.
    """
    return _check_part("path", name if whole is None else whole, name)


def _check_part(what: str, whole: str, part: str) -> str:
    problem = _part_problem(part)
    if problem:
        raise InvalidName(what, whole, problem)
    return part


@lru_cache(maxsize=_REMEMBERED)
def _part_problem(part: str) -> str | None:
    hidden = _hidden_problem(part)
    if hidden:
        return hidden
    if part in ("", ".", ".."):
        return f"has the part {part!r}" if part else "has an empty part"
    if part.startswith("-"):
        return "has a part that starts with '-', like an option"
    if "/" in part or _WINDOWS_FORBIDDEN.intersection(part):
        return 'holds one of / \\ : < > " | ? *'
    if part[-1] in ". ":
        return "has a part that ends in a dot or space"
    if part.split(".", maxsplit=1)[0].rstrip(" ").casefold() in _DEVICES:
        return "has a part that is a device name on Windows"
    if part.casefold() == STORE_FOLDER:
        return "has a part that is the folder of a store"
    if len(part.encode()) > MAX_NAME_BYTES:
        return f"has a part longer than {MAX_NAME_BYTES} bytes"
    return None


def _hidden_problem(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        if unicodedata.category(char) in _HIDDEN_CATEGORIES and char not in _JOINERS:
            return f"holds the control or invisible character U+{ord(char):04X}"
    return None


@lru_cache(maxsize=_REMEMBERED)
def check_tree_path(path: str) -> TreePath:
    """A relative path inside a tree, its parts joined by ``/``.

    Raises:
        InvalidName: absolute, over 4096 bytes, or a part ``check_tree_name`` refuses.
    """
    if path.startswith("/"):
        raise InvalidName("path", path, "is absolute")
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise InvalidName("path", path, f"is longer than {MAX_PATH_BYTES} bytes")
    for part in path.split("/"):
        _check_part("path", path, part)
    return TreePath(path)


def check_collisions(names: Iterable[str]) -> None:
    """Refuse names in one folder that some file system would take for the same file.

    Raises:
        InvalidName: two names are equal after Unicode normalisation and case folding.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = name.lower() if name.isascii() else _fold(name)
        other = seen.setdefault(folded, name)
        if other is not name and other != name:
            raise InvalidName("path", name, f"differs from {other!a} only by case or form")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def live_ref(project: Project, key: Key) -> RefName:
    """The ref a key of a project has while its artifact is good to use."""
    return RefName(f"live/{project}/{key}")


def quarantine_ref(project: Project, key: Key) -> RefName:
    """The ref of a key's output that did not pass its validation."""
    return RefName(f"quarantine/{project}/{key}")


def pin_ref(project: Project, name: Key) -> RefName:
    """The ref of what a project pinned by a name."""
    return RefName(f"pins/{project}/{name}")


def sample_ref(project: Project, key: Key, sample: int) -> RefName:
    """The ref of one of several outputs kept for a key.

    Raises:
        InvalidName: ``sample`` is no whole number from 1 to 999,999,999.
    """
    if type(sample) is not int or not 1 <= sample <= MAX_SAMPLE:
        raise InvalidName("sample", str(sample), f"is not a whole number from 1 to {MAX_SAMPLE}")
    return RefName(f"samples/{project}/{key}={sample}")


def check_ref(text: str) -> RefName:
    """A whole ref name: ``SPACE/PROJECT/KEY``, or ``samples/PROJECT/KEY=N``.

    Raises:
        InvalidName: an unknown space, or a project, key or sample that is not valid.
    """
    split_ref(RefName(text))
    return RefName(text)


@lru_cache(maxsize=_REMEMBERED)
def split_ref(ref: RefName) -> tuple[str, Project, Key]:
    """The space, project and key of a ref name; of a sample, the key it is a sample of.

    Raises:
        InvalidName: it is not a valid ref name.
    """
    space, _, rest = ref.partition("/")
    project, _, key = rest.rpartition("/")
    if space not in SPACES:
        raise InvalidName("ref", ref, "does not start with one of " + ", ".join(SPACES))
    if space == "samples":
        key, _, number = key.rpartition("=")
        if not _SAMPLE.fullmatch(number):
            raise InvalidName("ref", ref, "does not end in '=' and the number of a sample")
    return space, check_project(project), check_key(key)


def sample_of(ref: RefName) -> int:
    """The number of the sample that a ref under ``samples/`` names."""
    return int(ref.rpartition("=")[2])
