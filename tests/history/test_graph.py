"""The drawn lanes say exactly which node has which parents; the checker reads the glyphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aicas.history.graph import GraphRow, draw_graph, to_ascii

DOWN, LEFT, RIGHT = set("│├┤┼╮╭┬"), set("─┤┼╮╯┬┴"), set("─├┼╭╰┬┴")

Dag = list[tuple[int, list[int]]]


@st.composite
def dags(draw: st.DrawFn) -> Dag:
    size = draw(st.integers(0, 14))
    return [
        (n, draw(st.lists(st.integers(n + 1, size - 1), max_size=4)) if n + 1 < size else [])
        for n in range(size)
    ]


def read_edges(rows: list[GraphRow[int]]) -> set[tuple[int, int]]:
    """Every (node, parent) found by following glyphs downwards from each node."""
    lines: list[str] = []
    nodes: dict[tuple[int, int], int] = {}
    for row in rows:
        (at,) = [i for i, glyph in enumerate(row.lines[0]) if glyph in "*o"]
        nodes[len(lines), at] = row.node
        lines += row.lines
    edges = set()
    for (y, x), node in nodes.items():
        if lines[y][x] == "*":
            edges |= {(node, nodes[end]) for end in descend(lines, nodes, y + 1, x, fresh=True)}
    return edges


def descend(
    lines: list[str], nodes: dict[tuple[int, int], int], y: int, x: int, *, fresh: bool
) -> list[tuple[int, int]]:
    """The nodes a line comes to that enters (y, x) from above.

    One fresh from its node goes every way the glyphs lead, another down if it can.
    """
    if (y, x) in nodes:
        return [(y, x)]
    ends = []
    if lines[y][x] in DOWN:
        ends += descend(lines, nodes, y + 1, x, fresh=False)
    if fresh or not ends:
        for step, way in ((-1, LEFT), (1, RIGHT)):
            at = x
            while lines[y][at] in way or (at != x and lines[y][at] == "│"):
                at += step
                if lines[y][at] in DOWN - {"│"}:
                    ends += descend(lines, nodes, y + 1, at, fresh=False)
    return ends


@given(dags())
def test_drawn_edges_are_the_given_edges(dag: Dag) -> None:
    rows = list(draw_graph(dag))
    assert [row.node for row in rows] == [node for node, _ in dag]
    assert read_edges(rows) == {(node, parent) for node, parents in dag for parent in parents}


@given(dags())
def test_lines_of_one_row_are_equally_wide(dag: Dag) -> None:
    for row in draw_graph(dag):
        assert {len(line) for line in row.lines} == {len(row.pad)}
        assert to_ascii("".join(row.lines)).isascii()


def drawn(dag: list[tuple[str, list[str]]]) -> list[str]:
    return [
        (line + (row.node if line is row.lines[0] else "")).rstrip()
        for row in draw_graph(dag)
        for line in row.lines
    ]


def test_a_branch_opens_and_joins() -> None:
    dag = [("d", ["b", "c"]), ("c", ["a"]), ("b", ["a"]), ("a", [])]
    assert drawn(dag) == ["*   d", "├─╮", "│ * c", "* │ b", "├─╯", "o a"]


def test_a_crossed_lane_stays_whole() -> None:
    dag = [("x", ["r"]), ("y", ["s"]), ("z", ["r"]), ("s", []), ("r", [])]
    assert drawn(dag) == [
        "* x",
        "│ * y",
        "│ │ * z",
        "├─│─╯",
        "│ o s",
        "o r",
    ]


def test_versions_of_one_stage_are_one_straight_line() -> None:
    assert drawn([("c", ["b"]), ("b", ["a"]), ("a", [])]) == ["* c", "* b", "o a"]


def test_nodes_without_edges_stay_in_the_first_lane() -> None:
    assert drawn([("a", []), ("b", []), ("c", [])]) == ["o a", "o b", "o c"]


def test_a_lane_to_a_parent_beyond_the_listing_stays_open() -> None:
    rows = list(draw_graph([("c", ["b", "z"]), ("b", ["a"])]))
    assert [row.pad for row in rows] == ["│ │ ", "│ │ "]


def test_rows_are_drawn_as_nodes_come() -> None:
    endless = ((n, [n + 1]) for n in iter(int, 1))
    assert next(draw_graph(endless)).lines == ("* ",)


def test_ascii_form_has_the_same_shape() -> None:
    rows = list(draw_graph([("c", ["a", "b"]), ("b", ["a"]), ("a", [])]))
    assert [to_ascii(line) for row in rows for line in row.lines] == [
        "*   ",
        "+-. ",
        "| * ",
        "+-' ",
        "o ",
    ]
