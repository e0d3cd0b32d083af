"""Code versions: of real modules, written, imported, edited and imported again."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from aicas.errors import InvalidInput
from aicas.validity.code import code_version
from aicas.validity.recipe import Recipe

STAGE = {
    "shop/__init__.py": "",
    "shop/stage.py": """
        from shop import tools
        from shop.tools import shout as loud
        from other import outside

        LIMIT = 3
        prompt = "Write it."
        seen = []


        def produce(text, n=LIMIT):
            # the first draft
            seen.append(text)
            return tools.first(loud(prompt + text))[:n] + outside()


        def unrelated():
            return 1
        """,
    "shop/tools.py": """
        from shop.deep import second
        import json


        def first(text):
            return second(json.dumps(text))


        def shout(text):
            return text.upper()


        def nobody_calls():
            return 0
        """,
    "shop/deep.py": """
        TABLE = {"a": [1, 2], "b": {"c": None}}


        def second(text):
            return third(text) + str(TABLE)


        def third(text):
            return text[::-1]
        """,
    "other.py": """
        def outside():
            return ""
        """,
}
STAGE = {name: dedent(text).lstrip("\n") for name, text in STAGE.items()}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Writes files to a folder of their own and imports a module of them, anew each time."""
    folders = count()
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(files: Mapping[str, str], module: str = "shop.stage") -> ModuleType:
        forget()
        folder = tmp_path / str(next(folders))
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        importlib.invalidate_caches()
        return importlib.import_module(module)

    def forget() -> None:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("shop", "other", "script"):
                del sys.modules[name]

    yield load
    forget()


def edited(file: str, *edits: tuple[str, str]) -> dict[str, str]:
    text = STAGE[file]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return {**STAGE, file: text}


def versions(load: Callable[..., ModuleType], *sources: Mapping[str, str]) -> list[str]:
    return [code_version(load(files).produce) for files in sources]


@pytest.mark.parametrize(
    "files",
    [
        edited("shop/stage.py", ("tools.first(", "tools.first('' + ")),
        edited("shop/stage.py", ("n=LIMIT", "n=LIMIT + 1")),
        edited("shop/tools.py", ("text.upper()", "text.lower()")),
        edited("shop/tools.py", ("second(json", "second('' + json")),
        edited("shop/deep.py", ("text[::-1]", "text[::-2]")),
        edited("shop/deep.py", ("third(text) +", "third(text) + 'x' +")),
        edited("shop/stage.py", ("LIMIT = 3", "LIMIT = 4")),
        edited("shop/stage.py", ("Write it.", "Write it well.")),
        edited("shop/deep.py", ("[1, 2]", "[1, 3]")),
        edited("shop/deep.py", ("None", "False")),
    ],
)
def test_a_change_of_the_function_a_helper_or_a_constant_changes_the_version(
    load: Callable[..., ModuleType], files: Mapping[str, str]
) -> None:
    before, after = versions(load, STAGE, files)
    assert before != after


@pytest.mark.parametrize(
    "files",
    [
        STAGE,
        edited("shop/stage.py", ("return 1", "return 2")),
        edited("shop/tools.py", ("return 0", "return 5")),
        edited("shop/stage.py", ("# the first draft", "# the second draft, much longer")),
        edited("shop/stage.py", ("seen = []", "seen = ['old']")),
        edited("shop/stage.py", ('"Write it."', "'Write it.'")),
        edited("shop/stage.py", ('"Write it."', '"Write" " it."')),
        edited("shop/stage.py", ("(text, n=LIMIT)", "(\n    text,\n    n = LIMIT,\n)")),
        edited("shop/deep.py", ("text[::-1]", "text[ ::-1 ]  # backwards")),
        edited("shop/deep.py", ("\n\ndef", "\n\n\n\n# more room\ndef")),
        edited("shop/deep.py", ("[1, 2]", "[1, 2,]")),
        edited("other.py", ('""', '"another package"')),
    ],
)
def test_formatting_comments_other_packages_and_unrelated_code_do_not(
    load: Callable[..., ModuleType], files: Mapping[str, str]
) -> None:
    before, after = versions(load, STAGE, files)
    assert before == after


def test_running_the_function_changes_nothing(load: Callable[..., ModuleType]) -> None:
    module = load(STAGE)
    before = code_version(module.produce)
    module.produce("x")
    assert code_version(module.produce) == before


def test_code_may_move_within_its_package(load: Callable[..., ModuleType]) -> None:
    moved = {
        **STAGE,
        "shop/deep.py": "from shop.deeper import second\n",
        "shop/deeper.py": STAGE["shop/deep.py"],
    }
    before, after = versions(load, STAGE, moved)
    assert before == after


def only(text: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/stage.py": dedent(text)}


def differ(load: Callable[..., ModuleType], text: str, old: str, new: str) -> bool:
    """Whether an edit changes the version of ``produce``."""
    whole = dedent(text)
    assert old in whole
    before, after = versions(load, only(whole), only(whole.replace(old, new)))
    return before != after


def test_recursion_and_circles_end(load: Callable[..., ModuleType]) -> None:
    text = """
        def produce(n):
            return even(n)

        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != 0 and (even(n - 1) or produce(n))
        """
    assert differ(load, text, "n != 0", "n > 0")


def test_which_helper_a_name_stands_for_counts(load: Callable[..., ModuleType]) -> None:
    text = """
        def one():
            return 1

        def two():
            return 2

        first, second = one, two

        def produce():
            return first() - second()
        """
    assert differ(load, text, "= one, two", "= two, one")


def test_classes_count_with_their_methods_bases_and_what_those_call(
    load: Callable[..., ModuleType],
) -> None:
    text = """
        from enum import Enum

        class Mode(Enum):
            FAST = 1
            SLOW = 2

        MODE = Mode.FAST

        def inner():
            return 1

        class Base:
            def run(self):
                return self.step() + inner()

        class Agent(Base):
            factor = 2

            def step(self):
                return 3

            @staticmethod
            def named(name):
                return name

        agent = Agent()

        class Unused(Base):
            def run(self):
                return 4

        def produce():
            return agent.run(), MODE
        """
    for old, new in [
        ("return 1", "return 9"),
        ("factor = 2", "factor = 9"),
        ("return 3", "return 9"),
        ("+ inner()", "- inner()"),
        ("MODE = Mode.FAST", "MODE = Mode.SLOW"),
    ]:
        assert differ(load, text, old, new), old
    assert not differ(load, text, "return 4", "return 9")


def test_decorators_of_the_package_count_and_others_are_looked_beneath(
    load: Callable[..., ModuleType],
) -> None:
    text = """
        import functools

        def retried(function):
            @functools.wraps(function)
            def wrapper(*args):
                return attempts(3, function, args)
            return wrapper

        def attempts(n, function, args):
            return function(*args)

        def plain(function):
            def wrapper(*args):
                return function(*args)
            return wrapper

        @functools.lru_cache(maxsize=8)
        @retried
        def produce(text):
            return helper(text)

        @plain
        def helper(text):
            return text + "1"
        """
    for old, new in [
        ("attempts(3", "attempts(4"),
        ("return function(*args)\n\ndef plain", "return None\n\ndef plain"),
        ("helper(text)\n\n@plain", "helper(text + '')\n\n@plain"),
        ('"1"', '"2"'),
    ]:
        assert differ(load, text, old, new), old


def test_what_a_function_imports_by_itself_counts(load: Callable[..., ModuleType]) -> None:
    text = """
        def produce():
            from shop.late import value as found
            from .late import other
            import shop.later
            import json
            return found(), other, json, shop.later.last()
        """
    late = "def value():\n    return 1\n\nother = 2\n"
    files = {**only(text), "shop/late.py": late, "shop/later.py": "def last():\n    return 3\n"}
    changes = [
        {"shop/late.py": late.replace("1", "9")},
        {"shop/late.py": late.replace("2", "9")},
        {"shop/later.py": "def last():\n    return 9\n"},
    ]
    found = versions(load, files, *({**files, **change} for change in changes))
    assert len(set(found)) == 4


def test_tables_of_functions_and_patterns_count(load: Callable[..., ModuleType]) -> None:
    text = """
        import re

        WORD = re.compile("[a-z]+")
        KINDS = frozenset({"a", "b"})

        def one(text):
            return 1

        HANDLERS = {"one": one, "many": [lambda text: 2]}

        def produce(text):
            return HANDLERS[text](text), WORD, KINDS
        """
    for old, new in [("return 1", "return 9"), ("[a-z]", "[A-Z]"), ('"b"', '"c"'), (": 2", ": 9")]:
        assert differ(load, text, old, new), old
    assert not differ(load, text, '{"a", "b"}', '{"b", "a"}')


def test_what_functions_assign_is_no_constant(load: Callable[..., ModuleType]) -> None:
    text = """
        calls = 0

        def produce():
            global calls
            calls += 1
            return calls
        """
    assert not differ(load, text, "calls = 0", "calls = 7")


def test_closures_and_partial_application_count() -> None:
    def made(word: str) -> Callable[[], str]:
        def produce() -> str:
            return helper() + word

        def helper() -> str:
            return "x"

        return produce

    def plain(a: int, b: int = 0) -> int:
        return a + b

    calls = 0

    def counting() -> int:
        nonlocal calls
        calls += 1
        return calls

    assert code_version(made("a")) == code_version(made("a")) != code_version(made("b"))
    one, two = functools.partial(plain, 1), functools.partial(plain, 2)
    assert len({code_version(f) for f in (plain, one, two, functools.partial(plain, b=1))}) == 4
    before = code_version(counting)
    assert counting() == 1
    assert code_version(counting) == before


class Agent:
    """Stands for the agents of an orchestrator."""

    def run(self) -> int:
        return 1

    def __call__(self) -> int:
        return 2


def test_methods_and_callable_objects_are_known_by_their_class() -> None:
    agent = Agent()
    assert code_version(agent.run) == code_version(Agent().run)
    assert code_version(agent) == code_version(Agent)
    assert code_version(agent.run) != code_version(agent)
    assert code_version(Agent.run) != code_version(Agent)


def test_lambdas_are_read_too() -> None:
    first = lambda x: x + 1  # noqa: E731
    second = lambda x: x + 2  # noqa: E731
    third = [
        lambda x: (
            x  # the same over several lines
            + 1
        )
    ][0]
    assert code_version(first) != code_version(second)
    assert isinstance(code_version(third), str)


def test_a_script_is_its_own_package(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    text = (
        "from aicas.validity.code import code_version\n"
        "from aicas.ids import digest\n"
        "def helper(): return 1\n"
        "def produce(): return helper(), digest\n"
        "print(code_version(produce))\n"
    )

    def run(text: str) -> str:
        script.write_text(text)
        command = [sys.executable, str(script)]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()

    assert run(text) == run("# a comment\n" + text) != run(text.replace("return 1", "return 2"))


def test_a_module_run_as_a_program_has_the_version_it_has_when_imported(
    load: Callable[..., ModuleType],
) -> None:
    last = 'if __name__ == "__main__":\n    from aicas.validity.code import code_version\n'
    last += "    print(code_version(produce))\n"
    files = {**STAGE, "shop/stage.py": STAGE["shop/stage.py"] + last}
    module = load(files)
    assert module.__file__
    done = subprocess.run(
        [sys.executable, "-m", "shop.stage"],
        cwd=Path(module.__file__).parent.parent,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.decode().strip() == code_version(module.produce)


def no_source() -> Any:
    scope: dict[str, Any] = {"__name__": __name__}
    exec("def made():\n    return 1\n", scope)
    return scope["made"]


@pytest.mark.parametrize("function", [len, "text".upper, no_source(), eval("lambda: 1"), object()])
def test_what_has_no_source_is_refused_in_one_line(function: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot be read") as refusal:
        code_version(function)
    assert "\n" not in str(refusal.value)
    assert refusal.value.hint and "code_version" in refusal.value.hint


def test_a_recipe_can_be_made_of_a_function() -> None:
    recipe = Recipe.from_function(no_formatting, model="gpt-4")
    assert recipe == {"code_version": code_version(no_formatting), "model": "gpt-4"}


def no_formatting() -> int:
    return 1
