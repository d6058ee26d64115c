"""The stored notebooks, read and not run: what a reader sees who only opens them.

Running them is the work of nbval (`make test`). Each check is a function from a notebook to a
list of complaints; `benchmarks/test_notebook_checks.py` tries each on a broken one.
"""

import ast
import getpass
import re
import socket
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from with_solutions import solutions, with_solutions

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))  # zh/: test_twins.py; labs/: test_labs.py
FIGURE_BYTES = 300_000
CELL_LINES = 30
EXERCISES = 5
FOOTER = "print(gentut.about())"
CHECKED = "# NBVAL_CHECK_OUTPUT"  # nbval compares what this cell prints

# Roots of absolute paths on the systems we know; a URL has a letter before such a slash.
LEAKS = {
    "an absolute path": r"(?<![\w.~/-])/(?:home|Users|root|tmp|work|usr|opt|mnt|var|srv)/\w",
    "a Windows path": r"\b[A-Z]:\\{1,2}\w",
    "a file address": r"file://",
    "a user at a host": r"\b[\w.-]+@[\w-]+(?:\.[\w-]+)+\b",
    "an IP address": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    "a temporary kernel name": r"ipykernel_\d+",
    "a memory address": r"\b0x[0-9a-f]{8,}\b",
    "a package index": r"(?:index-url|pypi\.\w)",
}


# What the checks are made of ---------------------------------------------------------------


def cells(notebook, kind):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def code(cell):
    """The syntax tree of a code cell; lines of IPython's own (%pip, !ls) count as `pass`."""
    lines = re.sub(r"^%%.*\n?", "", cell["source"]).splitlines()
    return ast.parse("\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines))


def start(cell):
    """How a message names a cell: by its first line of its own."""
    return repr(cell["source"].removeprefix(CHECKED).strip().partition("\n")[0][:60])


def texts(value):
    """Every text in nested lists and dicts but pictures, whose base64 may spell anything."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.startswith("image/") or isinstance(item, dict):
                yield from texts(item)


def pictures(notebook):
    for cell in cells(notebook, "code"):
        for output in cell["outputs"]:
            for kind, data in output.get("data", {}).items():
                if kind.startswith("image/"):
                    yield cell, kind, data, output.get("metadata", {}).get(kind, {})


def says_something(statement):
    """Whether a top-level statement must leave an output: it prints, shows, or is a plain value."""
    if isinstance(statement, ast.For | ast.With):
        return any(map(says_something, statement.body))
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in ("print", "display", "gentut.show")
    return not isinstance(value, ast.Constant)


def dotted(node):
    """`["gentut", "data", "load"]` for the expression gentut.data.load; [] for other ones."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


# The checks --------------------------------------------------------------------------------


def valid(notebook):
    try:
        nbformat.validate(nbformat.from_dict(notebook))
    except nbformat.ValidationError as error:
        return [f"not valid: {str(error).partition(chr(10))[0]}"]
    return [] if notebook["nbformat"] == 4 else [f"format {notebook['nbformat']}, not 4"]


def executed_in_order(notebook):
    counts = [cell["execution_count"] for cell in cells(notebook, "code")]
    right = list(range(1, len(counts) + 1))
    return [] if counts == right else [f"executed as {counts}, not from 1 to {len(counts)}"]


def no_errors(notebook):
    return [
        f"{start(cell)} shows {output.get('ename') or output['text'][:200]!r}"
        for cell in cells(notebook, "code")
        for output in cell["outputs"]
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def outputs_present(notebook):
    silent = [
        f"{start(cell)} shows nothing"
        for cell in cells(notebook, "code")
        if not cell["outputs"] and any(map(says_something, code(cell).body))
    ]
    return silent if any(pictures(notebook)) else [*silent, "there is no figure"]


def figures_small_and_described(notebook):
    wrong = []
    for cell, kind, data, metadata in pictures(notebook):
        size = len(data) if kind == "image/svg+xml" else len(data) * 3 // 4
        if size > FIGURE_BYTES:
            wrong.append(f"{start(cell)} stores a figure of {size:,} bytes")
        if not str(metadata.get("alt", "")).strip():
            wrong.append(f"{start(cell)} stores a figure without alternative text")
    return wrong


def no_machine_details(notebook, names=None):
    whole = list(texts(notebook))
    wrong = [
        f"{what}: {found[0]!r} in {text[:80]!r}"
        for text in whole
        for what, pattern in LEAKS.items()
        if (found := re.search(pattern, text))
    ]
    # This machine's own names, unless they are ordinary words that the author wrote.
    names = {socket.gethostname(), getpass.getuser()} if names is None else names
    written = " ".join(cell["source"] for cell in notebook["cells"])
    outputs = [cell.get("outputs", []) for cell in notebook["cells"]]
    shown = " ".join(texts([outputs, notebook["metadata"]]))
    for name in names:
        word = rf"\b{re.escape(name)}\b"
        if re.search(word, shown) and not re.search(word, written):
            wrong.append(f"the name of this machine or user, {name!r}")
    return wrong


def metadata_plain(notebook):
    metadata = notebook["metadata"]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    wrong = [
        f"kernelspec.{key} is {metadata.get('kernelspec', {}).get(key)!r}, not {value!r}"
        for key, value in kernel.items()
        if metadata.get("kernelspec", {}).get(key) != value
    ]
    if metadata.get("language_info", {}).get("name") != "python":
        wrong.append("language_info.name is not 'python'")
    if "widgets" in metadata:
        wrong.append("stores the state of widgets, which GitHub cannot show")
    return wrong


def cells_short(notebook):
    lengths = {start(cell): len(cell["source"].splitlines()) for cell in cells(notebook, "code")}
    return [f"{name} has {n} lines" for name, n in lengths.items() if n > CELL_LINES]


def footer_last(notebook):
    last = notebook["cells"][-1]
    good = last["cell_type"] == "code" and last["source"].strip() == FOOTER
    return [] if good else [f"the last cell is {start(last)}, not {FOOTER}"]


def exercises_with_solutions(notebook):
    prose = "\n".join(cell["source"] for cell in cells(notebook, "markdown"))
    opened, closed = prose.count("<details>"), prose.count("</details>")
    pairs = re.findall(r"<details>\s*<summary>[^<]+</summary>(.*?)</details>", prose, re.S)
    folded = [text for text in pairs if text.strip()]
    wrong = []
    if not re.search(r"^#+ .*exercise", prose, re.I | re.M):
        wrong.append("no heading names exercises")
    if not opened == closed == len(folded):
        wrong.append(f"{opened} <details>, {closed} </details>, {len(folded)} of them complete")
    if len(folded) < EXERCISES:
        wrong.append(f"{len(folded)} folded solutions, fewer than {EXERCISES}")
    return wrong


def corrections_in_a_table(notebook):
    prose = "\n".join(cell["source"] for cell in cells(notebook, "markdown"))
    numbers = [int(n) for n in re.findall(r"\*\*Correction (\d+)", prose)]
    if not numbers:
        return []
    wrong = []
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"corrections are numbered {numbers}")
    section = re.search(r"^#+ .*corrections.*?$(.*?)(?=^#+ |\Z)", prose, re.I | re.M | re.S)
    rows = re.findall(r"^\|.*\|\s*$", section[1], re.M)[2:] if section else []
    if len(rows) < len(numbers):
        wrong.append(f"{len(numbers)} corrections, but a table of {len(rows)}")
    wrong += [f"a row with fewer than 4 columns: {row}" for row in rows if row.count("|") < 5]
    return wrong


def nothing_left_to_fill_in(notebook):
    wrong = []
    for cell in cells(notebook, "markdown"):
        prose = re.sub(r"```.*?```|``.*?``|`[^`]*`|\$[^$]*\$", " ", cell["source"], flags=re.S)
        for found in re.findall(r"\b(?:TODO|TBD|FIXME|XXX|[A-Z]{2,}_[A-Z_]+)\b", prose):
            wrong.append(f"{start(cell)} still holds {found}")
    return wrong


def checked_cells_have_outputs(notebook):
    return [
        f"{start(cell)} is to be checked and printed nothing"
        for cell in cells(notebook, "code")
        if CHECKED in cell["source"]
        and not any(output.get("text", "").strip() for output in cell["outputs"])
    ]


def names_exist(notebook):
    import gentut  # here: all other checks need no backend

    wrong = []
    for tree in map(code, cells(notebook, "code")):
        asked = [dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "gentut":
                asked += [[*node.module.split("."), alias.name] for alias in node.names]
        for path in asked:
            if path[:1] != ["gentut"]:
                continue
            value = gentut
            for i, name in enumerate(path[1:], start=2):
                if not hasattr(value, name):
                    wrong.append(f"there is no {'.'.join(path[:i])}")
                    break
                value = getattr(value, name)
    return sorted(set(wrong))


CHECKS = [
    valid,
    executed_in_order,
    no_errors,
    outputs_present,
    figures_small_and_described,
    no_machine_details,
    metadata_plain,
    cells_short,
    footer_last,
    exercises_with_solutions,
    corrections_in_a_table,
    nothing_left_to_fill_in,
    checked_cells_have_outputs,
    names_exist,
]


def defined_twice(notebooks):
    """Functions and classes that two notebooks of one folder define.

    Args:
        notebooks: path -> notebook. Translations lie in folders of their own.
    """
    owners = defaultdict(set)
    for path, notebook in notebooks.items():
        for tree in map(code, cells(notebook, "code")):
            for node in tree.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    owners[path.parent, node.name].add(path.name)
    return [f"{name}: {sorted(o)}" for (_, name), o in owners.items() if len(o) > 1]


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


# The stored notebooks ----------------------------------------------------------------------


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_stored_notebook(path, check):
    assert check(read(path)) == []


def test_nothing_is_defined_in_two_notebooks():
    assert defined_twice({path: read(path) for path in NOTEBOOKS}) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_solutions_become_cells_of_a_valid_notebook(path):
    notebook, before = read(path), read(path)
    added = solutions(notebook)
    assert len(added) == sum(
        cell.source.count("```python")
        for cell in cells(before, "markdown")
        if "<details>" in cell.source
    )
    with_solutions(notebook)
    last = len(before.cells) - 1
    assert notebook.cells[:last] == before.cells[:last] and notebook.cells[-1] == before.cells[-1]
    assert [cell.source for cell in notebook.cells[last:-1]] == added
    assert valid(notebook) == [] and footer_last(notebook) == [] and names_exist(notebook) == []


def test_the_calibration_that_04_tells_is_the_stored_one():
    def pairs(text):
        """Coverages by family and by letter, in each row of a table."""
        rows = [re.findall(r"(\d+\.\d) %", line) for line in text.splitlines() if "|" in line]
        return {tuple(row[:2]) for row in rows if len(row) >= 2}

    stored = (Path(__file__).parent / "benchmarks/calibration.md").read_text(encoding="utf-8")
    (notebook,) = (read(path) for path in NOTEBOOKS if path.name.startswith("04"))
    (cell,) = (c for c in notebook.cells if "calibration.py --draws" in c.source)
    assert len(pairs(cell.source)) == 10 and pairs(cell.source) <= pairs(stored)
    assert re.search(r"--draws (\d+)", cell.source)[1] in re.search(r"\d+ draws", stored)[0]
