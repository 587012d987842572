"""The floors of docs/architecture.md, held against the code: imports go only downward, without circles."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from pages import ROOT

SOURCE = ROOT / "src" / "graft"
LIGHT = ("data", "report", "tasks")  # rooms that do not load torch when they are imported; nor do all verbs together
MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def floors() -> dict[str, int]:
    """Room (a folder's or file's name) → floor, from the table of the page."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE)
    return {name.removesuffix("/"): int(floor) for floor, names in rows for name in re.findall(r"`([^`]+)`", names)}


FLOORS = floors()


def room(module: str) -> str:
    """The room of a module, as the page names it; "" for the package itself and `python -m graft`."""
    parts = module.split(".")[1:]
    if not parts or parts[0] == "__main__":
        return ""
    return parts[0] if (SOURCE / parts[0]).is_dir() else f"{parts[0]}.py"


def imports(path: Path) -> set[str]:
    """Modules of graft that this file imports at run time, anywhere in it."""
    return {name for node in _running(ast.parse(path.read_text(encoding="utf-8"))) for name in _named(node)}


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from _running(child)


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in MODULES)
    elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in inner if name in MODULES)
        if any(name not in MODULES for name in inner):
            yield node.module


IMPORTS = {module: imports(path) - {module} for module, path in MODULES.items()}


def test_every_room_is_on_a_floor() -> None:
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms == set(FLOORS)


@pytest.mark.parametrize("module", [module for module in MODULES if room(module)])
def test_imports_go_downward(module: str) -> None:
    upward = [name for name in IMPORTS[module] if room(name) and FLOORS[room(name)] > FLOORS[room(module)]]
    assert upward == []
    if room(module) in ("data", "report"):
        assert [name for name in IMPORTS[module] if room(name) == "tasks"] == []


def test_there_are_no_circles() -> None:
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names them


def test_light_rooms_do_not_load_torch() -> None:
    light = ["graft", "graft.cli.main", *(module for module in MODULES if room(module) in LIGHT)]
    code = "import importlib, sys\n" + "".join(f"importlib.import_module({module!r})\n" for module in light)
    code += "print(*sorted({'torch', 'transformers'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
