"""The first cell of all notebooks, run as a program in a folder of its own, with a false pip."""

import json
import subprocess
import sys
from pathlib import Path

import address
import nbformat
import pytest
from test_notebooks import NOTEBOOKS

CELL = address.CELL.read_text(encoding="utf-8")

# Stands before the cell: gentut is missing until a false pip has "installed" it; every call of pip
# is printed, and what the package needs and what is here are short lists.
STAGE = """
import subprocess, sys, types
from importlib import metadata, util

HERE, NEEDS, MODULES, FAILS = {here!r}, {needs!r}, {modules!r}, {fails!r}
util.find_spec = lambda name: name if name in MODULES else None
metadata.distributions = lambda: [types.SimpleNamespace(name=k, version=v) for k, v in HERE.items()]
metadata.requires = lambda name: NEEDS

def run(words, **options):
    pins = open(words[words.index("-c") + 1], encoding="utf-8").read()
    assert sorted(pins.split()) == sorted(f"{{k.lower()}}=={{v}}" for k, v in HERE.items())
    print("pip", *words[words.index("-c") + 2:])
    sys.modules["gentut"] = types.ModuleType("gentut")
    return types.SimpleNamespace(returncode=int(FAILS), stderr="noise\\nERROR: no such thing\\n")

subprocess.run = run
if "gentut" in MODULES:
    sys.modules["gentut"] = types.ModuleType("gentut")
"""
NEEDS = [
    "keras<4,>=3.13.2",
    "numpy>=2.0",
    "scikit-learn<2",
    "tensorflow<3,>=2.20",
    "jax>=0.6; extra == 'jax'",
    "pycocotools<3,>=2.0.8; extra == 'course'",
    'ruff>=0.12; extra == "dev"',
]


def cell(folder, here, modules, source="", fails=False):
    """What the cell prints there, and the last line of what it says if it fails."""
    stage = STAGE.format(here=here, needs=NEEDS, modules=modules, fails=fails)
    (folder / "cell.py").write_text(stage + address.with_source(CELL, source), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "cell.py"], cwd=folder, capture_output=True, text=True, encoding="utf-8"
    )
    return done.stdout.splitlines(), (done.stderr.strip().splitlines() or [""])[-1]


@pytest.fixture
def folder(tmp_path):
    """An empty folder with nothing of the course in the two folders above."""
    (tmp_path / "far" / "away" / "alone").mkdir(parents=True)
    return tmp_path / "far" / "away" / "alone"


COLAB = {"Keras": "3.13.2", "numpy": "2.1.3", "scikit-learn": "1.6.1", "tensorflow": "2.20.0"}
TPU = {"keras": "3.13.2", "numpy": "2.1.3", "scikit-learn": "1.6.1", "jax": "0.7.2"}


def test_where_the_package_is_nothing_happens(folder):
    said, wrong = cell(folder, COLAB, ["gentut"], source="https://example.org/x.whl")
    assert (said, wrong) == ([], "")


@pytest.mark.parametrize(
    ("here", "modules", "then"),
    [
        (COLAB, ["tensorflow"], "pip pycocotools<3,>=2.0.8"),
        (COLAB | {"pycocotools": "2.0.11"}, ["tensorflow"], None),
        (TPU, ["jax"], "pip pycocotools<3,>=2.0.8"),  # no TensorFlow where JAX is
        (
            {"numpy": "2.1.3"},
            [],
            "pip keras<4,>=3.13.2 scikit-learn<2 tensorflow<3,>=2.20 pycocotools<3,>=2.0.8",
        ),
    ],
    ids=["Colab", "all is here", "without TensorFlow", "a bare environment"],
)
def test_only_what_is_missing_is_installed(folder, here, modules, then):
    for name in ("gentut-0.1.0-py3-none-any.whl", "gentut-0.2.0-py3-none-any.whl"):
        (folder / name).write_bytes(b"")
    said, wrong = cell(folder, here, modules)
    assert wrong == ""
    assert said[0] == (
        "Installing gentut from gentut-0.2.0-py3-none-any.whl; the packages that are here stay as"
        " they are."
    )
    assert said[1:] == ["pip --no-deps gentut-0.2.0-py3-none-any.whl", *([then] if then else [])]


def test_a_wheel_comes_before_the_folder_above_and_that_before_the_address(folder):
    here, url = COLAB | {"pycocotools": "2.0.11"}, "https://example.org/gentut.whl"
    assert cell(folder, here, [], url)[0][1] == f"pip --no-deps {url}"
    (folder.parent.parent / "gentut").mkdir()  # as above notebooks/zh
    assert cell(folder, here, [], url)[0][1] == f"pip --no-deps {Path('..', '..')}"
    (folder.parent / "gentut").mkdir()
    assert cell(folder, here, [], url)[0][1] == "pip --no-deps .."
    (folder / "gentut-0.2.0-py3-none-any.whl").write_bytes(b"")
    assert cell(folder, here, [], url)[0][1] == "pip --no-deps gentut-0.2.0-py3-none-any.whl"


def test_a_failure_says_in_one_line_what_to_do(folder):
    said, wrong = cell(folder, COLAB, [])
    assert said == [] and wrong.endswith(
        "UsageError: put gentut's wheel beside this notebook, or its address into SOURCE"
    )
    said, wrong = cell(folder, COLAB, [], "https://example.org/x.whl", fails=True)
    assert wrong.endswith("UsageError: pip cannot install gentut: ERROR: no such thing")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_notebooks_begin_with_the_same_cell(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    first = next(each for each in notebook.cells if each.cell_type == "code")
    assert (first.id, first.source) == (address.CODE, CELL.rstrip("\n"))
    place = notebook.cells.index(first)
    assert notebook.cells[place - 1].source == address.above(
        path.relative_to(address.ROOT).as_posix(), address.source()
    )


def test_stamping_again_changes_nothing_and_an_address_reaches_the_badge():
    path = NOTEBOOKS[0]
    notebook = json.loads(path.read_text(encoding="utf-8"))
    place, cell_text = path.relative_to(address.ROOT).as_posix(), CELL.rstrip("\n")
    again = json.loads(json.dumps(notebook))
    address.stamp(again, place, address.source(), cell_text)
    assert again == notebook
    url = "https://github.com/someone/gentut" + address.ARCHIVE
    address.stamp(again, place, url, address.with_source(cell_text, url))
    code = next(each for each in again["cells"] if each["cell_type"] == "code")
    assert f'SOURCE = "{url}"' in "".join(code["source"])
    badge = "".join(again["cells"][again["cells"].index(code) - 1]["source"])
    assert f"(https://colab.research.google.com/github/someone/gentut/blob/HEAD/{place})" in badge
    address.stamp(again, place, address.source(), cell_text)
    assert again == notebook


@pytest.mark.parametrize(
    ("typed", "repo"),
    [
        ("https://github.com/someone/gentut", "someone/gentut"),
        ("https://github.com/someone/gentut.git", "someone/gentut"),
        ("https://github.com/someone/gentut/", "someone/gentut"),
        ("file:///x/gentut-0.2.0-py3-none-any.whl", ""),
        ("https://example.org/gentut.whl", ""),
        ("", ""),
    ],
)
def test_a_repository_is_known_by_its_address(typed, repo, tmp_path, monkeypatch):
    copy = tmp_path / "cell.py"
    copy.write_text(CELL, encoding="utf-8")
    monkeypatch.setattr(address, "CELL", copy)
    address.set_source(typed)
    assert address.repository(address.source()) == repo
    if not repo:
        assert address.source() == typed
