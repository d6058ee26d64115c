"""A class: what students get, and the marks of what they hand in.  See docs/teach/labs.md.

    python tasks.py class          # the folder class/, with release/ for the students
    python tasks.py class --language zh    # the same labs with their prose in Chinese
    python tasks.py grade FOLDER   # grades what is in FOLDER: marks.csv, questions.csv, feedback/
    python tasks.py grade          # once more, with the points that you wrote into questions.csv

nbgrader does the work and keeps its gradebook in class/; nobody needs to open it.
"""

import argparse
import csv
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = "nbgrader_config.py"
MARKS, QUESTIONS = "marks.csv", "questions.csv"
# What nbgrader puts where a student is to write prose; the first stands in nbgrader_config.py.
STUBS = {"en": "*Your answer here.*", "zh": "*在这里写你的回答。*"}
COLUMNS = ("student", "lab", "question", "kind", "points", "max", "comment")
# What no lab needs: a person should look at answers that hold it.
ODD = re.compile(
    r"get_ipython|__builtins__|\bbuiltins\b|ast_transformers|set_custom_exc|\bsetattr\b|\binspect\b"
    r"|\b(?:exec|eval|open)\(|subprocess|ctypes|_getframe|setprofile|settrace|\.ipynb|gradebook"
    r"|os\._exit|np\.testing\.\w+ *=|\bgc\b|sys\.modules"
)


def nbgrader(folder: Path):
    """nbgrader's programming interface for the class in a folder."""
    # nbgrader calls alembic by its name, wherever Python's programs may lie.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ["PATH"]
    try:
        from nbgrader.apps import NbGraderAPI
    except ImportError:
        sys.exit("nbgrader is missing. Try: pip install 'gentut[class]'")
    from sqlalchemy.exc import SAWarning
    from traitlets.config import PyFileConfigLoader

    warnings.filterwarnings("ignore", category=SAWarning)  # of nbgrader's own code
    config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    config.CourseDirectory.root = str(folder.resolve())
    return NbGraderAPI(config=config)


def done(result: dict, what: str) -> str:
    """What nbgrader says went wrong, "" if nothing did; its log goes to the terminal."""
    if result["success"]:
        return ""
    print(f"{what}:\n{result.get('log', '')}\n{result.get('error', '')}", file=sys.stderr)
    return "nbgrader could not grade it; its message stands in the terminal"


def stored(language: str) -> list[Path]:
    """The labs of the course, with their prose in English ("en") or Chinese ("zh")."""
    return sorted((HERE if language == "en" else HERE / language).glob("lab_*.ipynb"))


def build(folder: Path, sources: Iterable[Path], language: str = "en") -> None:
    """Write the students' versions of labs into ``folder/release``, and a gradebook."""
    folder.mkdir(parents=True, exist_ok=True)
    config = (HERE / CONFIG).read_text(encoding="utf-8").replace(STUBS["en"], STUBS[language])
    (folder / CONFIG).write_text(config, encoding="utf-8")
    for path in sources:
        place = folder / "source" / path.stem / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
        if done(nbgrader(folder).generate_assignment(path.stem), path.stem):
            sys.exit(f"{path.name} could not be released")
        print(folder / "release" / path.stem / path.name)


def gradebook(folder: Path):
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{folder.resolve() / 'gradebook.db'}")


def cell_names(notebook: dict) -> set[str]:
    """nbgrader's names of the cells of a notebook."""
    found = (cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"])
    return {name for name in found if name}


def collect(folder: Path, handed_in: Path) -> list[dict]:
    """Copy what was handed in to where nbgrader looks for it.

    Whose a notebook is says the first folder below ``handed_in``, else its file name without the
    lab's; which lab it is say its cells, so that "lab_02_gan (1).ipynb" does no harm.

    Returns:
        One dict a notebook: student, lab, note, and what in its answers a person should look at.
    """
    with gradebook(folder) as book:
        known = {
            each.name: {cell.name for notebook in each.notebooks for cell in notebook.source_cells}
            for each in book.assignments
        }
    found, owners = [], {}
    for path in sorted(handed_in.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            names = cell_names(notebook)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{path}: no notebook that can be read ({type(error).__name__})", file=sys.stderr)
            continue
        lab = max(known, key=lambda each: len(names & known[each]), default=None)
        if lab is None or not names & known[lab]:
            print(f"{path}: not one of the labs of this class", file=sys.stderr)
            continue
        parts = path.relative_to(handed_in).parts
        student = parts[0] if len(parts) > 1 else path.stem.replace(lab, "")
        student = re.sub(r"[^\w.-]+", "_", student).strip("_-. ") or "unknown"
        if (student, lab) in owners:
            sys.exit(f"{owners[student, lab]} and {path} are both {lab} of {student}: keep one")
        owners[student, lab] = path
        place = folder / "submitted" / student / lab / f"{lab}.ipynb"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
        sources = ("".join(each["source"]) for each in notebook["cells"] if answers(each))
        odd = sorted({match for text in sources for match in ODD.findall(text)})
        found.append({"student": student, "lab": lab, "note": "", "look at": ", ".join(odd)})
    return found


def answers(cell: dict) -> bool:
    """Whether a student wrote this cell: an answer, or a cell that nbgrader does not know."""
    about = cell["metadata"].get("nbgrader", {})
    return cell["cell_type"] == "code" and about.get("solution", not about)


def grade(folder: Path, handed_in: Path) -> list[dict]:
    """Run and mark all that lies in ``handed_in``; returns what ``collect`` does."""
    rows = collect(folder, handed_in)
    # Nothing that solves the labs lies near while they run.
    away = folder / "source"
    hidden = away.rename(folder / f".{os.urandom(8).hex()}") if away.exists() else None
    try:
        for row in rows:
            print(f"grading {row['lab']} of {row['student']}", flush=True)
            result = nbgrader(folder).autograde(row["lab"], row["student"])
            row["note"] = done(result, f"{row['lab']} of {row['student']}")
    finally:
        if hidden:
            hidden.rename(away)
    return rows


def read_questions(path: Path) -> list[dict]:
    """The rows of ``questions.csv``, whichever separator a spreadsheet has put in."""
    text = path.read_text(encoding="utf-8-sig")
    separator = ";" if text.partition("\n")[0].count(";") > 1 else ","
    return list(csv.DictReader(text.splitlines(), delimiter=separator))


def enter(folder: Path) -> None:
    """Take the points and comments that a person wrote into ``questions.csv`` into the gradebook.

    Raises:
        SystemExit: points that are no number, or not between 0 and the most.
    """
    with gradebook(folder) as book:
        for row in read_questions(folder / QUESTIONS):
            if row["kind"] != "written":
                continue
            where = row["question"], row["lab"], row["lab"], row["student"]
            points = row["points"].strip().replace(",", ".")
            try:
                value = float(points) if points else None
            except ValueError:
                value = -1.0
            if value is not None and not 0 <= value <= float(row["max"].replace(",", ".")):
                sys.exit(f"{QUESTIONS}: {row['points']!r} are no points of {', '.join(where[::3])}")
            mark = book.find_grade(*where)
            mark.manual_score, mark.needs_manual_grade = value, value is None
            book.find_comment(*where).manual_comment = row["comment"] or None
        book.db.commit()


def write(path: Path, rows: list[dict], columns: Iterable[str]) -> None:
    # With a byte order mark, without which Excel takes UTF-8 for something else.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def report(folder: Path, graded: list[dict]) -> None:
    """Write ``marks.csv``, ``questions.csv`` and the students' feedback from the gradebook."""
    old = {}
    if (folder / MARKS).exists():
        old = {(row["student"], row["lab"]): row for row in read_questions(folder / MARKS)}
    old |= {(row["student"], row["lab"]): row for row in graded}
    marks, questions = [], []
    with gradebook(folder) as book:
        for lab in sorted(book.assignments, key=lambda each: each.name):
            for handed_in in sorted(lab.submissions, key=lambda each: each.student.id):
                about = {"student": handed_in.student.id, "lab": lab.name}
                rows = list(questions_of(book, handed_in, about))
                known = old.get(tuple(about.values()), {})
                questions += rows
                marks.append(summed(rows) | {k: known.get(k, "") for k in ("note", "look at")})
    write(folder / QUESTIONS, questions, COLUMNS)
    write(folder / MARKS, marks, list(marks[0]) if marks else ["student", "lab"])
    print(f"{folder / MARKS}, {folder / QUESTIONS}")
    for lab in sorted({row["lab"] for row in marks}):
        if done(nbgrader(folder).generate_feedback(lab), f"feedback for {lab}"):
            sys.exit(f"the marks stand, but nbgrader could not write the feedback for {lab}")
    print(folder / "feedback")


def questions_of(book, handed_in, about: dict):
    """A row for each graded cell; their names are in the lab's order."""
    for notebook in handed_in.notebooks:
        comments = {each.name: each.manual_comment for each in notebook.comments}
        for mark in sorted(notebook.grades, key=lambda each: each.name):
            written = mark.cell.cell_type == "markdown"
            waits = written and mark.manual_score is None and mark.auto_score is None
            points = None if waits else mark.score
            yield about | {
                "question": mark.name,
                "kind": "written" if written else "automatic",
                "points": number(points),
                "max": number(mark.max_score),
                "comment": comments.get(mark.name) or "",
            }


def summed(rows: list[dict]) -> dict:
    """One row of ``marks.csv`` from a student's questions of one lab."""

    def total(kind, column):
        return sum(float(row[column] or 0) for row in rows if row["kind"] == kind)

    parts = {
        f"{kind}{end}": total(kind, column)
        for kind in ("automatic", "written")
        for end, column in (("", "points"), (" max", "max"))
    }
    waiting = sum(not row["points"] for row in rows)
    return {
        "student": rows[0]["student"],
        "lab": rows[0]["lab"],
        **{name: number(value) for name, value in parts.items()},
        "total": number(parts["automatic"] + parts["written"]),
        "max": number(parts["automatic max"] + parts["written max"]),
        "written parts without points": waiting,
    }


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tasks.py", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("class", help="build what students get")
    grading = commands.add_parser("grade", help="grade what they hand in")
    building.add_argument("--language", choices=STUBS, default="en", help="of the labs' prose")
    grading.add_argument("handed_in", type=Path, nargs="?", help="a folder with their notebooks")
    for each in (building, grading):
        each.add_argument("--folder", type=Path, default=Path("class"), help="of the class")
    options = parser.parse_args(words)
    if options.command == "class":
        build(options.folder, stored(options.language), options.language)
        return
    if not (options.folder / "gradebook.db").exists():
        sys.exit(f"{options.folder} holds no class. Try: python tasks.py class")
    if (options.folder / QUESTIONS).exists():
        enter(options.folder)
    rows = grade(options.folder, options.handed_in) if options.handed_in else []
    report(options.folder, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
