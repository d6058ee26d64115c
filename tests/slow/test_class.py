"""A whole class goes through nbgrader: release, hand in, grade, feedback, marks.

The lab is a small one without gentut, whose kernels start in a second.  What cheats, hangs and dies
is handed in too.  ``tests/test_labs.py`` looks at the labs of the course.
"""

import ast
import csv
import json
import re
import sys
from pathlib import Path

import pytest
from nbformat import v4

ROOT = Path(__file__).parent.parent.parent
pytest.importorskip("nbgrader", reason="nbgrader is missing: pip install 'gentut[class]'")
sys.path.insert(0, str(ROOT / "notebooks" / "labs"))
import classroom  # noqa: E402

SOLUTION = "def mean(x):\n    ### BEGIN SOLUTION\n    return sum(x) / len(x)\n    ### END SOLUTION"
SPREAD = """def spread(x):
    ### BEGIN SOLUTION
    return float(np.sqrt(np.mean((np.array(x) - mean(x)) ** 2)))
    ### END SOLUTION"""
TESTS = {
    "t-2-test": (
        2,
        "assert mean([1, 2, 6]) == 3\n### BEGIN HIDDEN TESTS\n"
        "numbers = np.random.default_rng().normal(size=50)\n"
        "assert abs(mean(numbers) - numbers.mean()) < 1e-9\n### END HIDDEN TESTS",
    ),
    "t-4-test": (
        3,
        "assert abs(spread([1, 3]) - 1) < 1e-9\n### BEGIN HIDDEN TESTS\n"
        "numbers = np.random.default_rng().normal(size=50)\n"
        "np.testing.assert_allclose(spread(numbers), numbers.std())\n### END HIDDEN TESTS",
    ),
}


def cell(text, name, kind="code", **about):
    made = v4.new_code_cell(text) if kind == "code" else v4.new_markdown_cell(text)
    about = {"grade": False, "solution": False, "locked": False, "task": False, **about}
    made.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3, **about}
    return made


def test_cell(name):
    points, text = TESTS[name]
    return cell(text, name, grade=True, locked=True, points=points)


test_cell.__test__ = False


def lab():
    """Five points by tests and four for a text."""
    notebook = v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    notebook.cells = [
        v4.new_code_cell("import numpy as np"),
        cell(SOLUTION, "t-1", solution=True),
        test_cell("t-2-test"),
        cell(SPREAD, "t-3", solution=True),
        test_cell("t-4-test"),
        cell("Because it is.", "t-5", "markdown", solution=True, grade=True, points=4),
    ]
    return notebook


MEAN = "def mean(x):\n    return sum(x) / len(x)"
RIGHT = {"t-1": MEAN, "t-3": "def spread(x):\n    return float(np.std(x))", "t-5": "So it is."}
HARD_CODED = {
    "t-1": "def mean(x):\n    return 3",
    "t-3": "def spread(x):\n    return 1.0",
}
# name -> (what stands in the answers, automatic points, what is said of the submission)
CLASS = {
    "ada": (RIGHT, 5, ""),
    "ben": (RIGHT | {"t-3": "def spread(x):\n    return float(np.var(x))"}, 2, ""),
    "cem": (
        RIGHT | {"t-1": "def mean(x)\n    return"},
        3,
        "",
    ),  # its spread needs no mean
    "hard-coded": (HARD_CODED, 0, ""),
    "says nothing": ({}, 0, ""),
    "checks overwritten": (HARD_CODED | {"t-2-test": "pass", "t-4-test": "pass"}, 0, ""),
    "checks deleted": (HARD_CODED | {"t-2-test": None, "t-4-test": None}, 0, ""),
    "checks not run": (HARD_CODED | {"tags": ["skip-execution"]}, 0, ""),
    "checks turned into text": (HARD_CODED | {"cell_type": "markdown"}, 0, ""),
    "checks renamed points": (HARD_CODED | {"points": 99}, 0, ""),
    "numpy changed": (
        RIGHT | {"t-3": "np.testing.assert_allclose = print\ndef spread(x):\n    return 1.0"},
        2,
        "np.testing.assert_allclose =",
    ),
    "numpy replaced": (
        HARD_CODED | {"t-1": HARD_CODED["t-1"] + "\nabs = lambda x: 0"},
        0,
        "",
    ),
    "asserts removed": (
        HARD_CODED
        | {
            "t-1": "import ast\nclass Drop(ast.NodeTransformer):\n"
            "    def visit_Assert(self, node):\n        return ast.Pass()\n"
            "get_ipython().ast_transformers.append(Drop())"
        },
        0,
        "ast_transformers, get_ipython",
    ),
    "reads what is near": (
        RIGHT
        | {
            "t-1": "try:\n    open('../../../source/lab_t/lab_t.ipynb')\n"
            "except FileNotFoundError:\n    pass\n"
            "open('../../../gradebook.db', 'rb')\n" + MEAN
        },
        3,
        ".ipynb, gradebook, open(",
    ),
    "starts a program": (
        RIGHT | {"t-1": "import subprocess\nsubprocess.run(['ls'])\n" + MEAN},
        3,
        "subprocess",
    ),
    "loops": (RIGHT | {"t-3": "while True:\n    pass"}, 2, ""),
    "loops and will not stop": (
        RIGHT
        | {
            "t-3": "while True:\n    try:\n        while True:\n            pass\n"
            "    except BaseException:\n        pass"
        },
        2,
        "",
    ),
    "wants 100 GB": (RIGHT | {"t-3": "x = np.ones(100 * 2**30, 'int8')\n" + RIGHT["t-3"]}, 2, ""),
    "dies": (RIGHT | {"t-3": "import os\nos._exit(0)"}, 2, "os._exit"),
}


def hand_in(release, folder, answers):
    notebook = json.loads(release.read_text(encoding="utf-8"))
    for each in notebook["cells"]:
        about = each["metadata"].get("nbgrader", {})
        if about.get("grade_id") in answers:
            each["source"] = answers[about["grade_id"]]
        if "points" in answers and "points" in about:
            about["points"] = answers["points"]
        if "tags" in answers and about.get("grade"):
            each["metadata"]["tags"] = answers["tags"]
        if "cell_type" in answers and about.get("grade"):
            each["cell_type"] = answers["cell_type"]
    notebook["cells"] = [each for each in notebook["cells"] if each["source"] is not None]
    folder.mkdir(parents=True)
    text = json.dumps(notebook)
    (folder / "lab_t (1).ipynb").write_text(text, encoding="utf-8")  # as a browser names it


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder of a class after everything was handed in and graded once."""
    place = tmp_path_factory.mktemp("class")
    (place / "lab_t.ipynb").write_text(json.dumps(lab()), encoding="utf-8")
    folder = place / "class"
    classroom.build(folder, [place / "lab_t.ipynb"])
    with (folder / classroom.CONFIG).open("a", encoding="utf-8") as file:
        file.write("c.Execute.timeout = 10\n")
    for student, (answers, *_) in CLASS.items():
        answers = {"t-5": "My text."} | answers
        hand_in(folder / "release/lab_t/lab_t.ipynb", place / "in" / student, answers)
    (place / "in" / "zoe").mkdir()
    (place / "in" / "zoe" / "lab_t.ipynb").write_text("no notebook", encoding="utf-8")
    classroom.main(["grade", str(place / "in"), "--folder", str(folder)])
    return folder


def rows(path):
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def marks(folder):
    return {row["student"]: row for row in rows(folder / "marks.csv")}


def test_the_release_has_neither_solutions_nor_hidden_tests(graded):
    text = (graded / "release/lab_t/lab_t.ipynb").read_text(encoding="utf-8")
    assert "mean([1, 2, 6])" in text and "NotImplementedError" in text
    assert "sum(x)" not in text and "Because" not in text
    assert "HIDDEN" not in text and "numbers" not in text


@pytest.mark.parametrize("student", CLASS)
def test_marks(graded, student):
    row = marks(graded)[student.replace(" ", "_")]
    _, points, odd = CLASS[student]
    assert float(row["automatic"]) == points
    assert (row["automatic max"], row["written max"], row["max"]) == ("5", "4", "9")
    assert row["look at"] == odd and row["note"] == ""


@pytest.mark.parametrize("folder", ["", "zh"])
def test_the_page_for_teachers_shows_these_marks(folder):
    text = (ROOT / "docs" / "teach" / folder / "labs.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([\w-]+)` \| .+ \| (\d) \| (?:–|`(.+)`) \|$", text, re.M)
    assert {student: (int(points), odd) for student, points, odd in shown} == {
        student.replace(" ", "_"): (points, odd) for student, (_, points, odd) in CLASS.items()
    }


def test_what_cannot_be_read_is_said_and_left_out(graded):
    assert set(marks(graded)) == {student.replace(" ", "_") for student in CLASS}


@pytest.mark.parametrize("language", classroom.STUBS)
def test_the_labs_are_released_without_what_students_must_not_see(tmp_path, language):
    sources = classroom.stored(language)
    classroom.main(["class", "--folder", str(tmp_path), "--language", language])
    assert len(sources) == 7
    for path in sources:
        before = json.loads(path.read_text(encoding="utf-8"))["cells"]
        released = tmp_path / "release" / path.stem / path.name
        after = json.loads(released.read_text(encoding="utf-8"))["cells"]
        assert len(after) == len(before)
        source, text = ("\n".join("".join(c["source"]) for c in cells) for cells in (before, after))
        assert "BEGIN SOLUTION" in source and "BEGIN HIDDEN" in source
        assert not any(word in text for word in ("SOLUTION", "HIDDEN", "calls_gentut", "def calls"))
        stub = "raise NotImplementedError()"  # the introduction may name it
        assert text.count(stub) == source.count("BEGIN SOLUTION") + source.count(stub)
        for cell in after:
            if cell["cell_type"] == "code":
                ast.parse("".join(cell["source"]))  # a stub is valid Python
            elif cell["metadata"].get("nbgrader", {}).get("grade"):
                assert "".join(cell["source"]) == classroom.STUBS[language]


def test_everybody_gets_feedback(graded):
    for student in CLASS:
        page = graded / "feedback" / student.replace(" ", "_") / "lab_t" / "lab_t.html"
        assert "Score:" in page.read_text(encoding="utf-8")
    page = (graded / "feedback/loops_and_will_not_stop/lab_t/lab_t.html").read_text("utf-8")
    assert "could not be stopped" in page
    page = (graded / "feedback/asserts_removed/lab_t/lab_t.html").read_text("utf-8")
    assert "the checks were changed" in page
    page = (graded / "feedback/dies/lab_t/lab_t.html").read_text("utf-8")
    assert "the kernel died" in page
    page = (graded / "feedback/wants_100_GB/lab_t/lab_t.html").read_text("utf-8")
    assert "MemoryError" in page


def test_written_points_come_from_the_spreadsheet(graded):
    table = rows(graded / "questions.csv")
    mine = [row for row in table if row["student"] == "ada"]
    assert [(row["question"], row["points"], row["max"]) for row in mine] == [
        ("t-2-test", "2", "2"),
        ("t-4-test", "3", "3"),
        ("t-5", "", "4"),
    ]
    for row in table:
        if (row["student"], row["question"]) == ("ada", "t-5"):
            row.update(points="3,5", comment="Well put.")
    with (graded / "questions.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(table[0]), delimiter=";")  # as a German Excel saves it
        out.writeheader()
        out.writerows(table)
    before = marks(graded)
    classroom.main(["grade", "--folder", str(graded)])
    after = marks(graded)
    assert after["ada"]["written"] == "3.5" and after["ada"]["total"] == "8.5"
    assert after["ada"]["written parts without points"] == "0"
    assert after["ben"] == before["ben"] and after["dies"]["look at"] == "os._exit"
    page = (graded / "feedback/ada/lab_t/lab_t.html").read_text(encoding="utf-8")
    assert "Well put." in page and "3.5" in page


def test_points_beyond_the_most_are_refused(graded):
    table = (graded / "questions.csv").read_text(encoding="utf-8-sig")
    wrong = table.replace("ada,lab_t,t-5,written,3.5,4", "ada,lab_t,t-5,written,5,4")
    assert wrong != table
    (graded / "questions.csv").write_text(wrong, encoding="utf-8")
    with pytest.raises(SystemExit, match="'5' are no points of t-5, ada"):
        classroom.main(["grade", "--folder", str(graded)])
    (graded / "questions.csv").write_text(table, encoding="utf-8")
