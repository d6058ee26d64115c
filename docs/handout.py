"""Makes what a class is given, in build/handout: students.zip and teacher.zip.

    python docs/handout.py

students.zip: the notebooks without outputs and without solutions.  teacher.zip: the same with the
solutions, their code as cells that run (before the last cell), and the question bank for Moodle.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
import questions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from with_solutions import with_solutions  # noqa: E402

OUT = ROOT / "build" / "handout"
FOLDED = re.compile(r"<details>.*?</details>\n*", re.S)
SPOKEN_OF = re.compile(r"(Try before you unfold|Think first, then open the solution)\. *")


def emptied(notebook):
    """Without outputs and counts; as before its first run."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def without_solutions(notebook):
    """Without what is folded away, the cells that held nothing else, and the words about it."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SPOKEN_OF.sub("", FOLDED.sub("", cell.source)).strip()
    notebook.cells = [c for c in notebook.cells if c.cell_type == "code" or c.source]
    return notebook


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    for who in ("students", "teacher"):
        (OUT / who).mkdir(parents=True)
        for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
            notebook = emptied(nbformat.read(path, as_version=4))
            made = with_solutions(notebook) if who == "teacher" else without_solutions(notebook)
            nbformat.write(made, OUT / who / path.name)
        if who == "teacher":
            questions.write(OUT / who)
        packed = Path(shutil.make_archive(str(OUT / who), "zip", OUT / who))
        files = len(list((OUT / who).iterdir()))
        print(f"{packed}: {files} files, {packed.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
