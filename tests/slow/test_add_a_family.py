"""The guide "Add a family" taken at its word: the page's files and changes, in a copy of gentut."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guide/add_a_family.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|diff)\n# (\S+)\n(.*?)^```$", re.S | re.M)
IGNORED = shutil.ignore_patterns("__pycache__", "_data")


def change(text, lines):
    """Apply the page's short diffs: "+" after the line " ", or "+" for the words of "-"."""
    at, removed = 0, None
    for line in lines:
        mark, words = line[:1], line[1:]
        if mark == " ":
            assert text.count(words + "\n") == 1, words
            at = text.index(words + "\n") + len(words) + 1
        elif mark == "-":
            assert text.count(words) == 1, words
            removed = words
        elif removed is not None:
            text, removed = text.replace(removed, words), None
        else:
            text = text[:at] + words + "\n" + text[at:]
            at += len(words) + 1
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    path = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "gentut", path / "gentut", ignore=IGNORED)
    shutil.copytree(ROOT / "tests", path / "tests", ignore=IGNORED)
    shutil.copytree(ROOT / "data", path / "data")
    shutil.copy(ROOT / "pyproject.toml", path)
    blocks = BLOCK.findall(GUIDE)
    assert [name for kind, name, _ in blocks if kind == "python"] == [
        "gentut/models/independent.py",
        "tests/test_independent.py",
    ]
    for kind, name, text in blocks:
        if kind == "python":
            (path / name).write_text(text, encoding="utf-8")
        else:
            old = (path / name).read_text(encoding="utf-8")
            (path / name).write_text(change(old, text.splitlines()), encoding="utf-8")
    return path


def run(copy, *words):
    return subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_the_tests_of_the_page_and_of_every_family_pass(copy):
    names = ("tests/test_independent.py", "tests/test_architecture.py", "tests/test_models.py")
    chosen = "independent or pixels or architecture or rooms or imports or hints or circle"
    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names, "-k", chosen)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "saved" in run(copy, "-m", "pytest", "-q", "--collect-only", *names, "-k", chosen).stdout


def test_the_style_is_that_of_the_house(copy):
    for words in (("check",), ("format", "--check")):
        done = run(copy, "-m", "ruff", *words, "gentut", "tests/test_independent.py")
        assert done.returncode == 0, done.stdout


def test_the_commands_of_the_page_work(copy):
    commands = re.findall(r"^gentut (.*independent.*)$", GUIDE, re.M)
    assert [line.split()[0] for line in commands] == ["train", "sample", "evaluate"]
    for line in commands:
        few = ["-n", "200"] if line.startswith("evaluate") else []
        done = run(copy, "-m", "gentut", *line.split(), *few)
        assert done.returncode == 0, done.stderr
    assert (copy / "fog.png").is_file() and "independent" in done.stdout
