"""The graded labs as they are stored: what nbgrader needs, and what a student sees; none is run.

Running them with their solutions is the work of nbval (`make test`); ``slow/test_class.py`` takes a
class through nbgrader.
"""

import ast
import re
import sys
from functools import partial

import address
import nbformat
import pytest
import test_notebooks as rules
from test_notebooks import cells, code, read, start

FOLDER = rules.FOLDER / "labs"
LABS = sorted(FOLDER.glob("lab_*.ipynb"))
POINTS = {"lab_project": 40}  # the others have 20
FIRST = address.CELL.read_text(encoding="utf-8").rstrip("\n")
BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"


def about(cell):
    return cell["metadata"].get("nbgrader", {})


def graded(notebook):
    return [cell for cell in notebook["cells"] if about(cell).get("grade")]


def is_test(cell):
    return bool(about(cell).get("grade") and not about(cell).get("solution"))


def hidden(cell):
    """The lines of a test that students do not see."""
    return cell["source"].partition(BEGIN)[2].partition(END)[0]


# The checks: functions from a lab to a list of complaints ------------------------------------


def stored_without_outputs(lab):
    return [
        f"{start(cell)} has an output or was executed"
        for cell in cells(lab, "code")
        if cell["outputs"] or cell["execution_count"] is not None
    ]


def first_cell_is_the_common_one(lab):
    first = cells(lab, "code")[0]
    right = (first["id"], first["source"]) == (address.CODE, FIRST)
    return [] if right else [f"the first code cell is {start(first)}"]


def names_are_in_order(lab):
    names = [about(cell)["grade_id"] for cell in lab["cells"] if about(cell)]
    wrong = [f"{name} stands twice" for name in names if names.count(name) > 1]
    return wrong if names == sorted(names) else [*wrong, "names are not in the order of the cells"]


def points_add_up(lab, total):
    found = sum(about(cell)["points"] for cell in graded(lab))
    return [] if found == total else [f"{found} points, not {total}"]


def checked_by_locked_tests_that_hide_something(lab):
    wrong = []
    for cell in filter(is_test, lab["cells"]):
        if not about(cell)["locked"]:
            wrong.append(f"{start(cell)} is not locked")
        if cell["source"].count(BEGIN) != 1 or cell["source"].count(END) != 1:
            wrong.append(f"{start(cell)} has not one hidden part")
        elif not re.search(r"\bassert", hidden(cell)):
            wrong.append(f"{start(cell)} hides nothing that could fail")
        if not cell["source"].partition(BEGIN)[0].strip():
            wrong.append(f"{start(cell)} shows no check")
    return wrong


def hidden_input_is_fresh(lab):
    """A hidden test draws from a generator without a seed, where it draws its input."""
    return [
        f"{start(cell)} hides no fresh input"
        for cell in filter(is_test, lab["cells"])
        if not re.search(r"default_rng\(\)|\brandom\.|\bdraw\.", hidden(cell))
    ]


def answers_have_a_solution(lab):
    return [
        f"{start(cell)} holds no solution"
        for cell in cells(lab, "code")
        if about(cell).get("solution")
        and not (cell["source"].count("### BEGIN SOLUTION"))
        == cell["source"].count("### END SOLUTION")
        > 0
    ]


def texts_have_a_rubric(lab):
    """Before each text to be marked stands a table whose points add up to those of the text."""
    wrong, table = [], []
    for cell in lab["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        if about(cell).get("grade"):
            if sum(table) != about(cell)["points"]:
                wrong.append(f"{about(cell)['grade_id']}: a rubric of {sum(table)} points")
        else:
            table = [int(n) for n in re.findall(r"^\| (\d+) \| [^|]+ \|$", cell["source"], re.M)]
    return wrong


def code_can_be_graded(lab):
    """The guard in nbgrader_config.py asks for ``np``."""
    text = "\n".join(cell["source"] for cell in cells(lab, "code"))
    return [] if re.search(r"^import numpy as np$", text, re.M) else ["numpy is not np"]


CHECKS = [
    rules.valid,
    rules.no_machine_details,
    rules.metadata_plain,
    rules.cells_short,
    rules.nothing_left_to_fill_in,
    rules.names_exist,
    stored_without_outputs,
    first_cell_is_the_common_one,
    names_are_in_order,
    checked_by_locked_tests_that_hide_something,
    hidden_input_is_fresh,
    answers_have_a_solution,
    texts_have_a_rubric,
    code_can_be_graded,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_a_stored_lab(path, check):
    assert check(read(path)) == []


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_points(path):
    assert points_add_up(read(path), POINTS.get(path.stem, 20)) == []


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_the_rubrics_of_the_same_lab_in_chinese(path):
    """The rest is compared with the English lab in test_twins.py."""
    assert texts_have_a_rubric(read(path.parent / "zh" / path.name)) == []


def test_there_is_a_lab_for_each_of_the_notebooks_02_to_07_and_a_project():
    courses = {path.stem for path in rules.FOLDER.glob("0[2-7]_*.ipynb")}
    assert {path.stem for path in LABS} == {f"lab_{name}" for name in courses} | {"lab_project"}


def test_stamping_leaves_a_lab_as_it_is():
    path = LABS[0]
    lab = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    before = address.json.loads(path.read_text(encoding="utf-8"))
    after = address.json.loads(path.read_text(encoding="utf-8"))
    place = path.relative_to(address.ROOT).as_posix()
    address.stamp(after, place, "https://github.com/someone/gentut" + address.ARCHIVE, FIRST)
    sources = ["".join(cell["source"]) for cell in after["cells"]]
    assert sources == [cell["source"] for cell in lab["cells"]]
    assert not any("colab.research" in text for text in sources)  # it would open the solutions
    assert [c.get("execution_count") for c in after["cells"]] == [
        c.get("execution_count") for c in before["cells"]
    ]


def test_no_lab_asks_a_network_or_a_program():
    """What the guard forbids would fail for every student."""
    for path in LABS:
        for cell in cells(read(path), "code")[1:]:
            names = {node.id for node in ast.walk(code(cell)) if isinstance(node, ast.Name)}
            assert not names & {"subprocess", "socket", "sqlite3"}, path.stem


def watcher(lab):
    """The hidden function that tells whether a call runs code of gentut; None without one."""
    for cell in filter(is_test, lab["cells"]):
        for node in code(cell).body:
            if isinstance(node, ast.FunctionDef) and node.name in ("calls", "calls_gentut"):
                assert ast.unparse(node) in ast.unparse(ast.parse(hidden(cell)))
                names = {"sys": sys}
                exec(ast.unparse(node), names)
                found = names[node.name]
                return found if node.name == "calls_gentut" else partial(found, "gentut")
    return None


def test_labs_notice_a_call_of_gentut_under_any_name():
    from gentut.notebook import budget as mine

    def own(a, b):
        return a + b

    def disguised(a, b):
        return own(a, (lambda: mine)()(a, b))

    watchers = {path.stem: watcher(read(path)) for path in LABS}
    without = {name for name, each in watchers.items() if each is None}
    assert without == {"lab_05_vision_tasks", "lab_project"}  # gentut has none of their functions
    for each in filter(None, watchers.values()):
        assert not each(own, 1, 2)
        assert each(mine, 1, 2) and each(disguised, 1, 2)
    assert sys.getprofile() is None


# Each check against a lab that breaks its rule -----------------------------------------------


def broken(**changes):
    """A lab of one test and one text, valid but for the changes."""
    test = nbformat.v4.new_code_cell(
        f"assert f(1) == 1\n{BEGIN}\nx = np.random.default_rng().normal()\nassert f(x) == x\n{END}"
    )
    base = {"grade": True, "solution": False, "locked": True, "task": False, "schema_version": 3}
    test.metadata["nbgrader"] = base | {"grade_id": "a-1", "points": 2}
    rubric = nbformat.v4.new_markdown_cell(
        "| points | for |\n|---|---|\n| 1 | this |\n| 2 | that |"
    )
    text = nbformat.v4.new_markdown_cell("An answer.")
    text.metadata["nbgrader"] = base | {
        "grade_id": "a-2",
        "points": 3,
        "solution": True,
        "locked": False,
    }
    lab = nbformat.v4.new_notebook(cells=[test, rubric, text])
    for (place, key), value in changes.get("cells", {}).items():
        lab.cells[place][key] = value
    lab.cells[0].metadata["nbgrader"] |= changes.get("test", {})
    return lab


def test_the_checks_find_what_they_are_for():
    sound = broken()
    for check in (
        stored_without_outputs,
        names_are_in_order,
        checked_by_locked_tests_that_hide_something,
        hidden_input_is_fresh,
        texts_have_a_rubric,
    ):
        assert check(sound) == []
    assert points_add_up(sound, 5) == [] != points_add_up(sound, 6)
    assert stored_without_outputs(broken(cells={(0, "execution_count"): 3})) != []
    assert names_are_in_order(broken(test={"grade_id": "b-1"})) != []
    assert names_are_in_order(broken(test={"grade_id": "a-2"})) != []
    assert checked_by_locked_tests_that_hide_something(broken(test={"locked": False})) != []
    for text in (
        "assert f(1) == 1",
        f"{BEGIN}\nassert f(2) == 2\n{END}",
        f"assert f(1) == 1\n{BEGIN}\nprint(f(2))\n{END}",
    ):
        assert (
            checked_by_locked_tests_that_hide_something(broken(cells={(0, "source"): text})) != []
        )
    seeded = f"assert f(1)\n{BEGIN}\nassert f(np.arange(4))\n{END}"
    assert hidden_input_is_fresh(broken(cells={(0, "source"): seeded})) != []
    less = broken(cells={(1, "source"): "| 1 | this |"})
    assert texts_have_a_rubric(less) == ["a-2: a rubric of 1 points"]
    answer = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def f(x):\n    return x")])
    answer.cells[0].metadata["nbgrader"] = {"solution": True}
    assert len(answers_have_a_solution(answer)) == 1
    assert code_can_be_graded(answer) == ["numpy is not np"]
    assert first_cell_is_the_common_one(answer) != []
