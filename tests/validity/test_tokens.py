"""What a formatter changes does not count; whatever else is written does."""

from __future__ import annotations

import pytest

from aicas.validity.tokens import normalised

SAME = [
    ("f(a, b)", "f( a,b )"),
    ("f(a, b)", "f(\n    a,\n    b,\n)"),
    ("f(a)", "f(a,)"),
    ("[a, b]", "[a, b,]"),
    ("[a]", "[a,]"),
    ("{'a': 1}", '{"a": 1,}'),
    ("(a, b)", "(a, b,)"),
    ("return [a]", "return [a,]"),
    ("x = 'it'", 'x = "it"'),
    ("x = 'it' 'em'", "x = 'item'"),
    ("x = (\n    'it'  # one\n    'em'\n)", "x = ('item')"),
    ("x = '''it'''", "x = 'it'"),
    ("x = r'a\\d'", "x = 'a\\\\d'"),
    ("x = f'a{b}'", 'x = f"a{b}"'),
    ("x = F'a{b}'", "x = f'a{b}'"),
    ("x = 0XFF + 1E3", "x = 0xff + 1e3"),
    ("if a:\n    b()\n", "if a:\n  # why\n\n  b()  # what\n"),
    ("x = a + \\\n    b", "x = a + b"),
    ("def f(a, b): pass", "def f(\n    a,\n    b,\n): pass"),
]
DIFFERENT = [
    ("x = (a,)", "x = (a)"),
    ("return (a,)", "return (a)"),
    ("x[a,]", "x[a]"),
    ("x = 'a'", "x = b'a'"),
    ("x = 'a' b", "x = 'a b'"),
    ("x = f'a{b}'", "x = 'a{b}'"),
    ("x = f'a{b}'", "x = f'a{c}'"),
    ("x = f'a' 'b'", "x = f'a' 'c'"),
    ("x = 'a\\n'", "x = 'an'"),
    ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
    ("x = 1", "x = 1.0"),
    ("x = 'a'; y = 'b'", "x = 'a'; y = 'ab'"),
    ("'a', 'b'", "'a' 'b'"),
    ('"""What it does."""', '"""What it did."""'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_another_layout_is_the_same_code(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_words_are_other_code(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_what_is_not_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        normalised("f(")
