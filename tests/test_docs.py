"""The web site's sources, the README and the metadata, read and not built."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.rst")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MARKDOWN = [*sorted(ROOT.glob("README*.md")), ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def public_names():
    """What `gentut/__init__.py` hands on: name -> the module that it comes from."""
    tree = ast.parse((ROOT / "gentut/__init__.py").read_text(encoding="utf-8"))
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: node.module for alias in node.names}
    private = [name for name in names if name.startswith("_") or name == "startup"]
    return {name: module for name, module in names.items() if name not in private}


def test_the_reference_has_every_public_name():
    text = "\n".join(PAGES.values())
    for name, module in public_names().items():
        as_module = f".. automodule:: {module}.{name}\n   :members:"
        as_name = rf":: gentut\.{name}$"
        assert as_module in text or re.search(as_name, text, re.M), name


@pytest.mark.parametrize("path", sorted((DOCS / "guide").glob("*.md")), ids=lambda path: path.stem)
def test_every_page_of_the_guide_is_reached_from_home(path):
    home = (DOCS / "index.md").read_text(encoding="utf-8")
    assert f"guide/{path.stem}\n" in home


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"index"}))
def test_every_page_of_the_reference_is_reached(page):
    assert f"   {page}\n" in PAGES["index"]


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.name)
def test_links_and_named_files_exist(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    links = re.findall(r"\]\(([^)#\s]+)\)", text)
    named = re.findall(r"`((?:docs|tests|data|gentut)/[\w/.]+\.\w+|[A-Z]+\.(?:md|cff))`", text)
    for place in [link for link in links if "://" not in link]:
        shared = ROOT / "data" / Path(place).name  # static/ of the site is filled from there
        there = (path.parent / place, ROOT / place, shared)
        assert any(each.exists() for each in there), place
    for place in named:
        assert (ROOT / place).exists() or place == "gentut/models/independent.py", place


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation


def test_two_minutes_of_reading():
    """At 200 words a minute; the table of notebooks and code are looked at, not read."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```|^\|.*?$|^## Data and licence.*", "", text, flags=re.S | re.M)
    assert len(text.split()) < 480
    assert text.index("](data/samples.png)") < text.index("## Two commands")
