"""The checks of `test_notebooks.py`, each tried on a small notebook that is broken in one way; and
the pages of `docs/exercises.py`."""

import copy
import sys
from pathlib import Path

import pytest
from nbformat import v4
from test_notebooks import (
    CHECKS,
    EXERCISES,
    FIGURE_BYTES,
    FOOTER,
    cells_short,
    checked_cells_have_outputs,
    corrections_in_a_table,
    defined_twice,
    executed_in_order,
    exercises_with_solutions,
    figures_small_and_described,
    footer_last,
    metadata_plain,
    names_exist,
    no_errors,
    no_machine_details,
    nothing_left_to_fill_in,
    outputs_present,
    valid,
)
from with_solutions import solutions

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

import exercises  # noqa: E402


def good():
    """A small notebook without a fault."""
    picture = v4.new_output("display_data", {"image/png": "AAAA", "text/plain": "<Image>"})
    picture.metadata = {"image/png": {"alt": "A black square."}}
    solution = "<details><summary>Solution</summary>\n\nBecause.\n</details>\n"
    blocks = [
        (
            "import gentut\ntry:\n    import keras\nexcept ImportError:\n    %pip install -q ..",
            [],
        ),
        ("def area(r):\n    return 3 * r**2", []),
        ("gentut.show(gentut.plots.image_grid(images), alt='A black square.')", [picture]),
        (
            "# NBVAL_CHECK_OUTPUT\nprint('holds:', area(1) == 3)",
            [v4.new_output("stream", text="holds: True\n")],
        ),
        (FOOTER, [v4.new_output("stream", text="python 3.13, gentut 0.1.0\n")]),
    ]
    written = [
        v4.new_code_cell(source, outputs=outputs, execution_count=i)
        for i, (source, outputs) in enumerate(blocks, start=1)
    ]
    prose = (
        "# Title\n> **The source says** so. **Correction 1.** It is not.\n\n"
        "## Corrections\n| says | wrong | right | cell |\n|---|---|---|---|\n| a | b | c | 1 |\n\n"
        f"## Exercises\n{EXERCISES * solution}\nSee https://arxiv.org/work/1406.2661, eq. 1."
    )
    written.insert(1, v4.new_markdown_cell(prose))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return v4.new_notebook(cells=written, metadata=metadata)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(check):
    assert check(good()) == []


def replaced(old, new):
    def change(notebook):
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def change(where, **values):
    return lambda notebook: notebook.cells[where].update(values)


def printed(text, name="stdout"):
    return lambda notebook: notebook.cells[4].outputs.append(
        v4.new_output("stream", text=text, name=name)
    )


def error(notebook):
    notebook.cells[2].outputs = [v4.new_output("error", ename="ValueError", evalue="no")]


def big(notebook):
    notebook.cells[3].outputs[0].data["image/png"] = "A" * (FIGURE_BYTES * 4 // 3 + 8)


BROKEN = [
    (valid, lambda n: n.cells[0].pop("outputs"), "not valid: 'outputs' is a required property"),
    (valid, lambda n: n.cells[0].update(id="two words"), "not valid: 'two words' does not match"),
    (executed_in_order, change(0, execution_count=None), "executed as [None, 2, 3, 4, 5]"),
    (executed_in_order, change(2, execution_count=9), "executed as [1, 9, 3, 4, 5]"),
    (no_errors, error, "'def area(r):' shows 'ValueError'"),
    (no_errors, printed("W0000 cuda", "stderr"), "shows 'W0000 cuda'"),
    (outputs_present, change(5, outputs=[]), "'print(gentut.about())' shows nothing"),
    (outputs_present, change(3, outputs=[]), "there is no figure"),
    (outputs_present, replaced("def area(r):\n    return 3 * r**2", "images"), "'images' shows"),
    (
        outputs_present,
        replaced("def area(r):\n    return 3 * r**2", "for i in '12':\n    print(i)"),
        "\"for i in '12':\" shows nothing",
    ),
    (figures_small_and_described, big, "stores a figure of 300,006 bytes"),
    (
        figures_small_and_described,
        lambda n: n.cells[3].outputs[0].update(metadata={}),
        "stores a figure without alternative text",
    ),
    (no_machine_details, printed("saved in /home/ada/run"), "an absolute path: '/home/a'"),
    (no_machine_details, replaced("images)", "load('/tmp/x'))"), "an absolute path: '/tmp/x'"),
    (no_machine_details, printed(r"C:\Users\ada"), r"a Windows path: 'C:\\U'"),
    (no_machine_details, printed("ada@lab.example.org"), "a user at a host"),
    (no_machine_details, printed("from 10.0.0.7"), "an IP address: '10.0.0.7'"),
    (no_machine_details, printed("<Model at 0x7f1234567890>"), "a memory address"),
    (no_machine_details, lambda n: n.metadata.update(path="/Users/ada/x"), "an absolute path"),
    (metadata_plain, lambda n: n.metadata.kernelspec.update(name="venv"), "kernelspec.name is"),
    (metadata_plain, lambda n: n.metadata.pop("language_info"), "language_info.name is not"),
    (metadata_plain, lambda n: n.metadata.update(widgets={}), "stores the state of widgets"),
    (cells_short, change(2, source="\n".join(["x = 1"] * 31)), "'x = 1' has 31 lines"),
    (footer_last, lambda n: n.cells.append(v4.new_markdown_cell("The end.")), "'The end.', not"),
    (footer_last, replaced(FOOTER, "print(1)"), "the last cell is 'print(1)'"),
    (exercises_with_solutions, replaced("## Exercises", "## Tasks"), "no heading"),
    (
        exercises_with_solutions,
        replaced("</details>\n\nSee", "\nSee"),
        "5 <details>, 4 </details>, 4 of them complete",
    ),
    (exercises_with_solutions, replaced("Because.", ""), "5 </details>, 0 of them complete"),
    (
        exercises_with_solutions,
        replaced("<details><summary>Solution</summary>\n\nBecause.\n</details>\n\n", ""),
        "4 folded solutions, fewer than 5",
    ),
    (corrections_in_a_table, replaced("Correction 1.", "Correction 2."), "are numbered [2]"),
    (corrections_in_a_table, replaced("\n| a | b | c | 1 |", ""), "but a table of 0"),
    (corrections_in_a_table, replaced("## Corrections", "## Notes"), "but a table of 0"),
    (corrections_in_a_table, replaced("| a | b | c | 1 |", "| a | b |"), "fewer than 4 columns"),
    (nothing_left_to_fill_in, replaced("It is not.", "It takes COST_A."), "still holds COST_A"),
    (nothing_left_to_fill_in, replaced("It is not.", "TODO: say why."), "still holds TODO"),
    (
        checked_cells_have_outputs,
        change(4, outputs=[]),
        "\"print('holds:', area(1) == 3)\" is to be checked and printed nothing",
    ),
    (names_exist, replaced("plots.image_grid", "plots.grid"), "there is no gentut.plots.grid"),
    (
        names_exist,
        replaced("import keras", "from gentut.losses import area"),
        "there is no gentut.losses.area",
    ),
]


@pytest.mark.parametrize(("check", "breaking", "complaint"), BROKEN)
def test_a_broken_notebook_is_found_out(check, breaking, complaint):
    notebook = good()
    breaking(notebook)
    assert complaint in "\n".join(check(notebook))


def test_the_name_of_the_machine_is_found_unless_the_author_wrote_it():
    notebook = good()
    printed("trained on babbage")(notebook)
    assert no_machine_details(notebook, {"babbage"}) == [
        "the name of this machine or user, 'babbage'"
    ]
    notebook.cells[1].source += " Charles babbage, 1837."
    assert no_machine_details(notebook, {"babbage"}) == []


def test_a_name_defined_in_two_notebooks_is_found():
    first, second = good(), good()
    pair = {Path("a/one.ipynb"): first, Path("a/two.ipynb"): second}
    assert defined_twice(pair) == ["area: ['one.ipynb', 'two.ipynb']"]
    translation = {Path("a/one.ipynb"): first, Path("a/zh/one.ipynb"): copy.deepcopy(first)}
    assert defined_twice(translation) == []
    second.cells[2].source = "def other():\n    def area(): ...\n"
    assert defined_twice(pair) == []


def test_code_of_solutions_is_found_and_no_other():
    notebook = good()
    block = "```python\nprint(1)\n```\n"
    notebook.cells[
        1
    ].source += f"{block}<details><summary>S</summary>\n\n{block}text\n\n{block}</details>"
    assert solutions(notebook) == ["print(1)", "print(1)"]


def test_the_pages_of_exercises_are_what_the_command_writes():
    """It tries all stored answers, and ends with an error if one goes another way."""
    for path, text in exercises.pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/exercises.py"


def test_there_are_enough_exercises_of_each_kind():
    found = [row for each in exercises.rows().values() for row in each]
    _, checked, bugs, right, wrong = exercises.counts(found)
    assert checked >= 60 and bugs >= 5 and right >= 2 * checked and wrong >= 3 * checked
