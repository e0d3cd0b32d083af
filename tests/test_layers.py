"""The architecture as a rule: modules import downward only, and the outside only at the edge."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import aicas

ROOT = Path(aicas.__file__).parent
REPOSITORY = ROOT.parent

# Low to high; names on one line do not import one another.
LAYERS = [
    ["errors"],
    ["clock", "ids", "units"],
    ["canonical", "names"],
    ["config", "location"],
    ["backends"],
    ["objects"],
    ["history"],
    ["validity"],
    ["graph"],
    ["ledger"],
    ["retention"],
    ["verify"],
    ["store"],
    ["analytics"],
    ["cache", "transfer", "opening"],
    ["orchestrator"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ENVIRONMENT_READERS = {"opening", "cli", "orchestrator"}
PRINTERS = {"cli", "orchestrator"}


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield parts[0], path, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer they reach"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_package_has_its_place_in_the_layers() -> None:
    found = {name for name, _, _ in modules()} - {"__init__", "__main__"}
    assert found == set(LEVEL)


def test_a_module_imports_only_its_own_layer_or_lower_ones() -> None:
    upward = []
    for layer, path, tree in modules():
        if layer in ("__init__", "__main__", "orchestrator"):
            continue
        for name in imported(tree):
            target = name.split(".")[1] if name.startswith("aicas.") else None
            if target in LEVEL and target != layer and LEVEL[target] >= LEVEL[layer]:
                upward.append(f"{path.relative_to(ROOT)} imports {name}")
    assert upward == []


def test_the_orchestrator_imports_only_public_names() -> None:
    private = []
    for layer, path, tree in modules():
        if layer != "orchestrator":
            continue
        for name in imported(tree):
            if name.startswith("aicas") and not name.startswith("aicas.orchestrator"):
                public = name.removeprefix("aicas.")
                if name != "aicas" and public not in aicas.__all__:
                    private.append(f"{path.relative_to(ROOT)} imports {name}")
    assert private == []


def test_only_one_module_calls_blake3() -> None:
    users = [path.name for _, path, tree in modules() if "blake3.blake3" in set(imported(tree))]
    assert users == ["ids.py"]


def test_nothing_stored_is_ever_unpickled_or_evaluated() -> None:
    for _, path, tree in modules():
        names = set(imported(tree))
        assert not names & {"pickle", "marshal", "shelve", "joblib", "yaml"}, path
        calls = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"eval", "exec"}, path


def test_only_the_edge_reads_the_environment_prints_or_exits() -> None:
    offenders = []
    for layer, path, tree in modules():
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
            reads = text in ("os.environ", "os.getenv") or text.startswith("os.getenv(")
            prints = text.startswith(("print(", "sys.exit(", "click.echo("))
            if (reads and layer not in ENVIRONMENT_READERS) or (prints and layer not in PRINTERS):
                offenders.append(f"{path.relative_to(ROOT)}: {text[:60]}")
    assert offenders == []


def test_the_time_is_passed_in_everywhere() -> None:
    """But for the clock itself, and where the age of a file is judged by its file system's time."""
    readers = {
        str(path.relative_to(ROOT))
        for _, path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and re.fullmatch(r"time\.(time|time_ns)|datetime\.(now|utcnow)", ast.unparse(node.func))
    }
    assert readers == {"clock.py", "backends/local/large.py", "backends/local/packs.py"}


def test_the_architecture_document_lists_these_layers() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    block = re.search(r"```layers\n(.*?)```", text, re.DOTALL)
    assert block
    listed = [line.split(":")[0].split(", ") for line in block[1].splitlines()]
    assert listed == LAYERS
