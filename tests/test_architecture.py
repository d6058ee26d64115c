"""The rules of the design that a machine can check, read from the source without running it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gentut"

# From the ground up: a module imports of gentut only what stands on an earlier line.
ORDER = """
checks files
devices
kernels
optimizers batches slopes mixtures
data networks losses training metrics plots
features classical vae augment human
flow gan
clusters
presets callbacks tasks
pretrained judge batchsize
evaluation
report
runs course doctor
studies run_tasks
comparison
choosing
cli
""".strip().splitlines()
LEVEL = {name: level for level, line in enumerate(ORDER) for name in line.split()}
ENTRY = {"__init__", "__main__", "startup"}  # free to import everything; nothing imports them
FILES = sorted(PACKAGE.rglob("*.py"))
BACKENDS = {"tensorflow", "jax", "torch"}


def module_of(file: Path) -> str:
    """The module or sub-package of gentut that a file belongs to."""
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


def wrong_imports(module: str, tree: ast.AST) -> set[str]:
    return {
        other
        for other in inner_imports(tree) - {module}
        if LEVEL.get(other, len(ORDER)) >= LEVEL[module]
    }


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_upward_only(file):
    module = module_of(file)
    if module in ENTRY:
        return
    assert module in LEVEL, f"give {module!r} its place in ORDER"
    wrong = wrong_imports(module, ast.parse(file.read_text(encoding="utf-8")))
    assert not wrong, f"{module} may import only what stands above it in ORDER, not {wrong}"


@pytest.mark.parametrize(
    ("module", "code", "wrong"),
    [
        ("metrics", "import numpy\nfrom gentut.checks import check_share", set()),
        ("metrics", "from gentut.data import load", {"data"}),
        ("metrics", "from gentut import plots", {"plots"}),
        ("gan", "def f():\n    import gentut.cli", {"cli"}),
        ("gan", "import gentut", {""}),
        ("gan", "from gentut import networks\nfrom gentut.training import StepModel", set()),
        ("report", "from gentut.report.page import page\nfrom gentut import plots", set()),
    ],
)
def test_the_rule_itself(module, code, wrong):
    assert wrong_imports(module, ast.parse(code)) == wrong


def test_no_files_import_each_other_in_a_circle():
    """Below the ``__init__`` files, which gather, every file rests on files further down."""
    names = {
        file: ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in FILES
    }
    files = {name: file for file, name in names.items() if file.stem != "__init__"}
    rests_on = {}
    for name, file in files.items():
        found = set(imports(ast.parse(file.read_text(encoding="utf-8"))))
        found |= {path.rpartition(".")[0] for path in found}
        rests_on[name] = {other for other in found if other in files and other != name}
    while free := [name for name in rests_on if not rests_on[name] & rests_on.keys()]:
        for name in free:
            del rests_on[name]
    assert not rests_on, f"these import each other: {', '.join(rests_on)}"


def test_only_four_modules_know_the_backend():
    knowing = {
        module_of(file)
        for file in FILES
        for name in imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.split(".")[0] in BACKENDS
    }
    assert knowing == {"training", "devices", "slopes", "kernels"}


@pytest.mark.parametrize("module", ["metrics", "plots"])
def test_metrics_and_plots_need_no_keras(module):
    for file in FILES:
        if module_of(file) == module:
            names = set(imports(ast.parse(file.read_text(encoding="utf-8"))))
            assert not [name for name in names if name.split(".")[0] == "keras"], file.name


def test_the_library_prints_nothing_and_leaves_the_global_generator_alone():
    """Only the command line talks, and every draw comes from a generator made from a seed."""
    faults = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func)
            if call == "print" and module_of(file) != "cli":
                faults.append(f"{file.name}:{node.lineno} prints")
            if re.fullmatch(r"(np\.)?random\.(?!default_rng|Generator|SeedSequence)\w+", call):
                faults.append(f"{file.name}:{node.lineno} {call}")
    assert faults == []
