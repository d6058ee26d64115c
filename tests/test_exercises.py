"""Exercises that answer back: every stored right answer is accepted, every wrong one gets its hint.

The answers of a notebook lie beside this file, in ``answers_vae.py`` for ``exercises/vae.py``:
RIGHT maps an exercise to at least two answers, WRONG to at least three pairs of an answer and some
words of the hint that it must get.
"""

import re
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest
from with_solutions import solutions

import gentut
from gentut.notebook.exercises import MODULES, of_notebook, verdict
from gentut.notebook.exercises.judge import (
    Mistake,
    as_array,
    check_form,
    choice,
    described,
    digest,
    function,
    letters,
    matching,
    near,
    number,
    outcome,
)

FOLDER = Path(__file__).parent.parent / "notebooks"
SEEDS = range(2)
NAMES = [name for number in MODULES for name in of_notebook(number)]


def answers(name, kind):
    """The stored answers to an exercise, "RIGHT" or "WRONG"."""
    module = import_module(f"answers_{MODULES[name[:2]]}")
    return getattr(module, kind)[name]


# Every exercise ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_are_accepted(name):
    right = answers(name, "RIGHT")
    assert len(right) >= 2
    for answer in right:
        for seed in SEEDS:
            assert verdict(name, answer, seed), verdict(name, answer, seed)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_get_a_hint_of_their_own(name):
    wrong = answers(name, "WRONG")
    hints = set()
    for answer, words in wrong:
        for seed in SEEDS:
            found = verdict(name, answer, seed)
            assert found.right is False
            assert words in str(found)
        hints.add(found.text)
    assert len(hints) >= 3
    assert len(hints) == len(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_any_answer_gets_one_line(name):
    def fails(*given):
        raise KeyError("x")

    for answer in (None, "?", 1e9, np.nan, [], np.ones((2, 7)), fails, lambda *given: None, object):
        found = verdict(name, answer)
        assert found.right is False
        assert "\n" not in str(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_is_no_wrong_answer(name):
    assert str(verdict(name, ...)) == f"○ {name} not answered yet."


@pytest.mark.parametrize("name", NAMES)
def test_no_message_holds_the_answer(name):
    """Nor does the exercise, printed."""
    said = [str(verdict(name, answer)) for answer, _ in answers(name, "WRONG")]
    said.append(repr(of_notebook(name[:2])[name]))
    for right in answers(name, "RIGHT"):
        if isinstance(right, int | float) and not float(right).is_integer():
            assert not [text for text in said if f"{right:.2f}".rstrip("0") in text]
        if isinstance(right, int | float) and right >= 10:
            assert not [text for text in said if re.search(rf"\b{right:.0f}\b", text)]


# Every notebook ------------------------------------------------------------------------------


def read(number):
    (path,) = FOLDER.glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def asked(code):
    return re.findall(r'gentut\.check\("([\d.]+)"', code)


@pytest.mark.parametrize("number", MODULES)
def test_each_exercise_has_a_statement_a_cell_and_a_solution(number):
    notebook, known = read(number), list(of_notebook(number))
    code = [name for c in notebook.cells if c.cell_type == "code" for name in asked(c.source)]
    assert code == known
    assert [name for text in solutions(notebook) for name in asked(text)] == known
    before = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            before += cell.source
        else:
            for name in asked(cell.source):
                stated = re.findall(r"^\*\*(\d+) \(", before, re.M)
                assert stated and f"{number}.{stated[-1]}" == name
                (output,) = cell.outputs
                assert output.text == f"○ {name} not answered yet.\n"


def test_a_solution_that_is_not_right_fails_the_run():
    text = "<details><summary>Solution</summary>\n\n```python\nx = 5\n"
    text += 'gentut.check("03.2", x)\n```\n</details>'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    (code,) = solutions(notebook)
    with pytest.raises(AssertionError):
        exec(code, {"gentut": gentut})
    exec(code.replace("5", "0.8181"), {"gentut": gentut})


# What they are made of -----------------------------------------------------------------------


def said(exercise, answer):
    """The hint that an answer gets; None if it is right."""
    try:
        exercise.judge(answer, np.random.default_rng(0))
    except Mistake as mistake:
        return str(mistake)


def test_the_check_prints_the_verdict(capsys):
    assert not gentut.check("03.2", ...)
    assert gentut.check("03.2", ...).right is None
    assert gentut.check("03.2", 3.0).right is False
    assert gentut.check("03.2", 0.81815)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in lines] == ["○ 03.2", "○ 03.2", "✗ 03.2", "✓ 03.2"]


def test_a_check_shows_nothing_below_its_cell(capsys):
    gentut.check("03.2", ...)._ipython_display_()
    assert capsys.readouterr().out == "○ 03.2 not answered yet.\n"


@pytest.mark.parametrize("name", ["03.99", "3.2", "", None, 3.2])
def test_an_unknown_exercise(name):
    with pytest.raises(ValueError, match=r"`name` must be one of .*; received "):
        verdict(name, ...)
    with pytest.raises(ValueError, match=r"`number` must be one of 01, .*; received '3'"):
        of_notebook("3")


def test_letters():
    assert letters("B)", "abc") == letters(["b"], "abc") == letters(" b.", "abc") == "b"
    assert letters("c, a", "abc") == letters({"a", "c"}, "abc") == letters("a and c", "abc") == "ac"
    for wrong in ("", "d", "abe", 3, None, [1]):
        with pytest.raises(Mistake, match="letters a, b, c.*received"):
            letters(wrong, "abc")


def test_a_choice():
    hints = {digest("t", "a"): "not a", "": "other"}
    exercise = choice("t", "abc", digest("t", "bc"), hints, "")
    assert [said(exercise, x) for x in ("cb", "a", "b")] == [None, "not a", "other"]
    assert digest("t", "a") != digest("u", "a")


def test_a_matching():
    rows = {"x": (digest("tx", "a"), "look at x"), "y": (digest("ty", "b"), "look at y")}
    exercise = matching("t", "ab", rows, "")
    assert said(exercise, {"x": "a", "y": "b"}) is None
    assert said(exercise, {"x": "a", "y": "a"}) == "1 of 2 are right. “y”: look at y"
    assert said(exercise, {"x": "a"}) == "expected a dict with the keys x, y; received ['x']."


def test_a_number():
    exercise = number(lambda: 3.0, {"twice": lambda: 6.0}, "else", "")
    assert [said(exercise, x) for x in (3, 3.02, 6.0, 5)] == [None, None, "twice", "else"]
    assert said(exercise, np.float32(3)) is said(exercise, np.array([3.0])) is None
    assert said(exercise, np.ones(2)) == "expected a number; received an array of shape (2,)."
    assert said(exercise, "3") == "expected a number; received '3'."
    assert said(exercise, True) == "expected a number; received True."
    assert said(exercise, np.nan) == "expected a number that is finite; received nan."


def test_a_function():
    exercise = function(
        lambda rng: (rng.normal(size=(4, 3)),),
        truth=lambda x: x.sum(axis=1),
        mistakes={"the mean": lambda x: x.mean(axis=1), "all": lambda x: x.sum()},
        otherwise="else",
        shows="",
        returns="one number for each row",
    )
    wants = "expected a function that returns one number for each row"
    for answer, hint in {
        lambda x: x @ np.ones(3): None,
        lambda x: [sum(row) for row in x]: None,
        lambda x: x.mean(axis=1): "the mean",
        np.sum: "all",
        lambda x: x[:, 0]: "else",
        lambda x: x: f"{wants}, here an array of shape (4,); it returned an array of shape (4, 3).",
        lambda x: (x, x): f"{wants}, here an array of shape (4,); it returned a tuple of 2.",
        lambda x: x[:, 0] * np.nan: f"{wants}; it returned NaN or infinity for ordinary numbers.",
        lambda x: None: f"{wants}; it returned None. Is there a `return`?",
        lambda x: {}["k"]: f"{wants}; called with an array of shape (4, 3) it raised KeyError: 'k'",
        lambda x: object(): f"{wants}; received something of type object.",
        lambda x: ["a", "b", "c", "d"]: f"{wants}; it returned text.",
    }.items():
        assert said(exercise, answer) == hint
    assert said(exercise, 3) == f"{wants}; received 3."


def test_a_function_that_spoils_its_input_is_judged_by_what_it_returns():
    def doubles(x):
        x *= 2
        return x

    exercise = function(lambda rng: (rng.normal(size=3),), lambda x: 2 * x, {}, "", "", "twice x")
    assert said(exercise, doubles) is None


def test_stubs_of_functions_are_open(capsys):
    def raises(*given):
        raise NotImplementedError

    for stub in (lambda *given: ..., lambda *given: NotImplemented, raises):
        assert verdict("03.3", stub).right is None


def test_results_of_several_parts():
    both = (np.ones(2), np.zeros(2))
    assert near(both, ([1, 1], [0, 0]), 1e-6) and not near(both, both[0], 1e-6)
    assert outcome(lambda: (1, [2, 3]), (), "two")[1].shape == (2,)
    with pytest.raises(Mistake, match="two, 2 values; it returned 1"):
        check_form(as_array(1, ""), both, "two")
    assert described(outcome) == "a function" and described({1, 2}) == "a set of 2"
