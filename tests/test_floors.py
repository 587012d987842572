"""The shape of the house, held by its syntax trees: floors, circles, sizes, and what no module may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "graft"
PATHS = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}

# Rooms end in "/": every module of a folder lies on its room's floor. A new room or a new file at the top must be
# entered here, so that it gets its place on purpose.
FLOORS = {
    "errors.py": 1,
    "files.py": 1,
    "machine.py": 1,
    "quiet.py": 1,
    "records/": 1,
    "cache/": 2,
    "data/": 2,
    "report/": 2,
    "tasks/": 2,
    "backbone/": 3,
    "evaluate.py": 4,
    "choose/": 4,
    "train/": 5,
    "folder.py": 6,
    "account.py": 6,
    "fit_options.py": 6,
    "fitting.py": 6,
    "windowed.py": 6,
    "evidence.py": 6,
    "assess.py": 6,
    "reading.py": 6,
    "replies.py": 6,
    "resuming.py": 6,
    "scratch.py": 6,
    "untrained.py": 6,
    "answering.py": 6,
    "predict.py": 6,
    "generate.py": 6,
    "choosing.py": 6,
    "race.py": 6,
    "writers.py": 6,
    "run.py": 6,
    "cli/": 7,
    "face.py": 7,
}
TOP = ("__init__.py", "__main__.py")  # the doorstep: may see everything
DOORS = 6  # the doors know each other: a run is a fit, an assessment and a report
NEIGHBOURS = {  # who may import whom on one floor
    ("files.py", "errors.py"),
    ("machine.py", "errors.py"),
    ("machine.py", "files.py"),
    ("machine.py", "records/"),
    ("data/", "cache/"),
    ("records/", "errors.py"),
    ("tasks/", "data/"),
    ("tasks/", "report/"),
    ("face.py", "cli/"),
}
LIGHT = ("cache/", "data/", "report/", "tasks/", "cli/", "errors.py", "files.py", "machine.py", "quiet.py", "records/")
HEAVY = {"torch", "transformers", "safetensors", "sklearn"}

LINES = 300
FUNCTION_LINES, PARAMETERS = 60, 8


def room(name: str) -> str:
    """The entry of FLOORS under which a module lies."""
    return name.split("/")[0] + "/" if "/" in name else name


def module_of(dotted: str) -> str | None:
    """The file of a dotted name within graft."""
    if dotted != "graft" and not dotted.startswith("graft."):
        return None
    base = "/".join(dotted.split(".")[1:])
    return next((name for name in (f"{base}.py", f"{base}/__init__.py".lstrip("/")) if name in PATHS), None)


def running(node: ast.AST, within_functions: bool) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`, and those within functions where these are not asked for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if not within_functions and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from running(child, within_functions)


def imported(name: str, within_functions: bool = True) -> set[str]:
    """Dotted names that a module imports."""
    found = set()
    for node in running(TREES[name], within_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def graft_modules(dotted: set[str]) -> set[str]:
    return {module for name in dotted if (module := module_of(name)) is not None}


def is_package(name: str) -> bool:
    return name.endswith("__init__.py")


@pytest.mark.parametrize("name", PATHS)
def test_every_module_has_a_floor(name):
    assert name in TOP or room(name) in FLOORS, f"enter {room(name)} in FLOORS"


def test_the_table_names_nothing_that_is_gone():
    assert {room(name) for name in PATHS if name not in TOP} == set(FLOORS)


@pytest.mark.parametrize("name", [name for name in PATHS if name not in TOP])
def test_imports_go_downward(name):
    here, floor = room(name), FLOORS[room(name)]
    for other in graft_modules(imported(name)) - {"__init__.py"}:
        there = room(other)
        allowed = there == here or FLOORS[there] < floor or (here, there) in NEIGHBOURS
        allowed = allowed or (FLOORS[there] == floor == DOORS)
        assert allowed, f"{name} (floor {floor}) imports {other} (floor {FLOORS[there]})"


@pytest.mark.parametrize("name", [name for name in PATHS if room(name) in ("data/", "report/")])
def test_data_and_report_know_no_task(name):
    assert not [other for other in graft_modules(imported(name)) if room(other) == "tasks/"]


@pytest.mark.parametrize("name", [name for name in PATHS if room(name) in LIGHT or name in TOP])
def test_light_rooms_load_nothing_heavy_when_they_are_imported(name):
    heavy = {dotted.split(".")[0] for dotted in imported(name, within_functions=False)} & HEAVY
    assert not heavy


def named_modules(name: str) -> set[str]:
    """Every module of graft that a module names in an import, whether it runs, only serves types, or runs later."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return graft_modules(found) - {name}


def test_imports_make_no_circles():
    graph = {}
    for name in PATHS:
        # `from graft.room import module` runs the room's own __init__ as well, which is no circle when it is empty
        others = named_modules(name) - set(TOP)  # `from graft import module` names the doorstep, which sees everything
        graph[name] = {other for other in others if not (is_package(other) and not TREES[other].body)}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' → '.join(error.args[1])}")


@pytest.mark.parametrize("name", PATHS)
def test_files_are_short(name):
    lines = len(PATHS[name].read_text(encoding="utf-8").splitlines())
    assert lines <= LINES


@pytest.mark.parametrize("name", PATHS)
def test_functions_are_short_and_take_few_parameters(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            where = f"{name}:{node.lineno} {node.name}"
            assert (node.end_lineno or 0) - node.lineno + 1 <= FUNCTION_LINES, where
            own = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([arg for arg in own if arg.arg not in ("self", "cls")]) <= PARAMETERS, where


PROTOCOLS = {  # the library calls these, with names that differ from family to family; neither passes them on
    "backbone/attention.py": "attend",
    "backbone/growing.py": "update",
}


@pytest.mark.parametrize("name", PATHS)
def test_no_function_takes_any_keyword(name):
    taking = {
        node.name
        for node in ast.walk(TREES[name])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.kwarg is not None
    }
    assert taking == {PROTOCOLS[name]} if name in PROTOCOLS else not taking


CALLS = (
    "eval",
    "exec",
    "compile",
    "__import__",
    "torch.load",
    "os.system",
    "os.popen",
    "builtins.eval",
    "builtins.exec",
)
READERS = ("read_pickle", "unsafe_load", "load_module", "exec_module")
RUNNERS = ("os.exec", "os.spawn", "runpy.", "torch.hub.", "yaml.load", "pickle.")
PICKLES = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "runpy", "yaml")


def offences(tree: ast.AST) -> Iterator[str]:
    """What no module may do: run code that came with data, or run a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.rpartition(".")[2]
            if called in CALLS or last in READERS or called.startswith(RUNNERS):
                yield called
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                if keyword.arg in ("shell", "trust_remote_code", "allow_pickle") and value is not False:
                    yield f"{keyword.arg}={ast.unparse(keyword.value)}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None) or ""
            names = {*(alias.name for alias in node.names), *(f"{module}.{alias.name}" for alias in node.names), module}
            yield from sorted(name for name in names if name.partition(".")[0] in PICKLES or name in CALLS)


@pytest.mark.parametrize("name", PATHS)
def test_no_module_runs_what_it_was_given(name):
    assert list(offences(TREES[name])) == []


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "torch.load('a')",
        "import pickle",
        "import pickle as harmless",
        "import joblib.numpy_pickle",
        "from torch import load",
        "from torch import load as harmless",
        "from builtins import eval",
        "torch.hub.load('a', 'b')",
        "pandas.read_pickle('a')",
        "os.execvp('a', ['b'])",
        "runpy.run_path('a')",
        "yaml.load(x)",
        "from pickle import loads",
        "run('x', shell=True)",
        "load(x, trust_remote_code=True)",
        "load(x, trust_remote_code=asked)",
        "np.load(x, allow_pickle=True)",
    ],
)
def test_the_offences_are_seen(code):
    assert list(offences(ast.parse(code)))
