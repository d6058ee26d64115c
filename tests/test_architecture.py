"""The rules of the design that a machine can check, read from the source without running it."""

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gentut"

# The house: what the package's folder holds.  A room imports of gentut only what stands on a lower
# floor, that is, on an earlier line.
FLOORS = """
startup checks files data metrics
training plots
models human report
evaluation notebook
tasks
runs
cli
""".strip().splitlines()
FLOOR = {name: floor for floor, line in enumerate(FLOORS) for name in line.split()}
ENTRY = {"__init__", "__main__"}  # free to import everything; nothing imports them
FILES = sorted(PACKAGE.rglob("*.py"))
BACKENDS = {"tensorflow", "jax", "torch"}


def room_of(file: Path) -> str:
    """The file or folder right in the package where a file of it lies."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that the code imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full, from gentut"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_imports(tree: ast.AST) -> set[str]:
    """The parts of gentut that the code imports; "" for the package as a whole."""
    parts = [name.split(".") for name in imports(tree)]
    return {path[1] if len(path) > 1 else "" for path in parts if path[0] == "gentut"}


def wrong_imports(room: str, tree: ast.AST) -> set[str]:
    ground = {"startup", "checks", "files"}  # so small that their own order may be free
    return {
        other
        for other in inner_imports(tree) - {room}
        if FLOOR.get(other, len(FLOORS)) >= FLOOR[room] and other not in ground - {room}
    }


def test_the_rooms_are_those_of_the_plan():
    """A new file or folder in the package's root needs a reason, and a place on a floor."""
    found = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert found == FLOOR.keys() | ENTRY


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_down_only(file):
    room = room_of(file)
    if room not in ENTRY:
        wrong = wrong_imports(room, ast.parse(file.read_text(encoding="utf-8")))
        assert not wrong, f"{room} may import only what stands below it, not {wrong}"


@pytest.mark.parametrize(
    ("room", "code", "wrong"),
    [
        ("metrics", "import numpy\nfrom gentut.checks import check_share", set()),
        ("metrics", "from gentut.data import load", {"data"}),
        ("metrics", "from gentut import plots", {"plots"}),
        ("models", "def f():\n    import gentut.cli", {"cli"}),
        ("models", "import gentut", {""}),
        ("models", "from gentut import models\nfrom gentut.training.step import seed", set()),
        ("report", "from gentut.report.page import page\nfrom gentut import plots", set()),
    ],
)
def test_the_rule_itself(room, code, wrong):
    assert wrong_imports(room, ast.parse(code)) == wrong


def modules() -> dict[str, Path]:
    """Dotted name -> file, of all modules of the package."""
    names = {}
    for file in FILES:
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def test_no_files_import_each_other_in_a_circle():
    names = modules()
    needs = {}
    for name, file in names.items():
        if file.name == "__init__.py":  # it hands names on
            continue
        taken = set(imports(ast.parse(file.read_text(encoding="utf-8"))))
        taken |= {path.rpartition(".")[0] for path in taken}  # a name, or the module that has it
        needs[name] = {other for other in taken & names.keys() if other != name}
    # Raises CycleError, which names the circle.
    assert list(graphlib.TopologicalSorter(needs).static_order())


def test_scores_need_one_model_only_the_gaussian_beside_which_they_stand():
    taken = {
        name.split(".")[2]
        for file in FILES
        if room_of(file) == "evaluation"
        for name in imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.startswith("gentut.models.")
    }
    assert taken == {"pca_mixture"}


def test_only_training_knows_the_backend():
    knowing = {
        room_of(file)
        for file in FILES
        for name in imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.split(".")[0] in BACKENDS
    }
    assert knowing == {"training"}


@pytest.mark.parametrize("module", ["metrics", "plots"])
def test_metrics_and_plots_need_no_keras(module):
    for file in FILES:
        if room_of(file) == module:
            names = set(imports(ast.parse(file.read_text(encoding="utf-8"))))
            assert not [name for name in names if name.split(".")[0] == "keras"], file.name


def test_the_library_prints_nothing_and_leaves_the_global_generator_alone():
    """Only the command line and what notebooks call talk; draws come from seeded generators."""
    faults = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func)
            if call == "print" and room_of(file) not in ("cli", "notebook"):
                faults.append(f"{file.name}:{node.lineno} prints")
            if re.fullmatch(r"(np\.)?random\.(?!default_rng|Generator|SeedSequence)\w+", call):
                faults.append(f"{file.name}:{node.lineno} {call}")
    assert faults == []


def is_public(name: str) -> bool:
    return not name.startswith("_") or name in ("__init__", "__call__")


def public_functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Name and node of all functions, methods and constructors that others may call."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and is_public(node.name):
            yield prefix + node.name, node


def without_hints(tree: ast.Module) -> list[str]:
    """What lacks a type hint: ``function(argument)``, or ``function ->`` for what it returns."""
    missing = []
    for name, node in public_functions(tree.body):
        known = node.args
        every = [*known.posonlyargs, *known.args, known.vararg, *known.kwonlyargs, known.kwarg]
        missing += [
            f"{name}({arg.arg})"
            for arg in filter(None, every)
            if arg.annotation is None and arg.arg not in ("self", "cls")
        ]
        if node.returns is None:
            missing.append(f"{name} ->")
    return missing


def test_every_public_function_has_type_hints():
    missing = [
        f"{file.relative_to(PACKAGE)}: {name}"
        for file in FILES
        for name in without_hints(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("def f(x: int, *y: int, k: int = 0, **o: int) -> int: ...", []),
        ("def f(x, *y, k=0, **o): ...", ["f(x)", "f(y)", "f(k)", "f(o)", "f ->"]),
        ("class A:\n    def __init__(self, x): ...", ["A.__init__(x)", "A.__init__ ->"]),
        ("class A:\n    @classmethod\n    def f(cls) -> int: ...", []),
        ("class A:\n    def _f(self, x): ...\ndef _g(x): ...\nclass _B:\n    def f(x): ...", []),
    ],
)
def test_the_rule_of_hints_itself(code, missing):
    assert without_hints(ast.parse(code)) == missing
