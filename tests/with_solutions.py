"""Copies of the notebooks in which the code of the folded solutions stands as cells, before the
last cell: what runs the copies runs the solutions too. There a solution that `gentut.check` finds
wrong is an error.

    python tests/with_solutions.py OUT notebooks/*.ipynb
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat import v4

FOLDED = re.compile(r"<details>(.*?)</details>", re.S)
CHECK = re.compile(r"^(?=gentut\.check\()", re.M)
CODE = re.compile(r"^```python\n(.*?)^```", re.S | re.M)


def solutions(notebook):
    """The code of every folded solution, one text for each block."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    folded = [text for cell in prose for text in FOLDED.findall(cell)]
    found = [code.strip() for text in folded for code in CODE.findall(text)]
    return [CHECK.sub("assert ", code) for code in found]


def with_solutions(notebook):
    """The notebook with its solutions as cells, which nbval runs and compares with nothing."""
    added = [v4.new_code_cell(code) for code in solutions(notebook)]
    notebook.cells[-1:-1] = added
    for cell in added if notebook.nbformat_minor < 5 else ():  # cells had no names then
        cell.pop("id", None)
    return notebook


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for path in map(Path, sys.argv[2:]):
        nbformat.write(with_solutions(nbformat.read(path, as_version=4)), out / path.name)
