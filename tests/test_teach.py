"""What teachers are given: the question bank read back, the guides, the slides, the handout."""

import json
import re
import sys
from collections import Counter
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import exercises  # noqa: E402
import handout  # noqa: E402
import questions  # noqa: E402
import slides  # noqa: E402

BANKS = {language: questions.read(language) for language in questions.WORDS}
QUESTIONS = [
    pytest.param(q, id=f"{language}-{q['id']}") for language, bank in BANKS.items() for q in bank
]
CHOICES = [each for each in QUESTIONS if "right" in each.values[0]]
in_each_language = pytest.mark.parametrize("language", BANKS)
NOTEBOOKS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
GUIDES = sorted((ROOT / "docs" / "teach").glob("session_*.md"))
ID = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?")


def cells_of(path):
    """Cell id -> its source and what it printed."""
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        texts = ["".join(cell["source"])]
        for output in cell.get("outputs", []):
            texts += [*output.get("text", ""), *output.get("data", {}).get("text/markdown", "")]
        found[cell["id"]] = "".join(texts)
    return found


CELLS = {number: cells_of(path) for number, path in NOTEBOOKS.items()}


# A parser of GIFT that knows the format from Moodle's documentation, not from questions.py ------


def split_outside(text, marks):
    """Cut a text before each of the marks that no backslash precedes: [(mark, piece), …]."""
    pieces, mark, start, k = [], "", 0, 0
    while k < len(text):
        if text[k] == "\\":
            k += 2
            continue
        if text[k] in marks:
            pieces.append((mark, text[start:k]))
            mark, start = text[k], k + 1
        k += 1
    return [*pieces, (mark, text[start:])]


def plain(text):
    """Take the backslashes of GIFT away; a lone \\n would be a new line."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text.strip())


def read_gift(text):
    """Questions of a GIFT file: dicts of category, name, text, answers and feedback."""
    found, category = [], ""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    for block in re.split(r"\n\s*\n", body):
        if block.startswith("$CATEGORY:"):
            category = block.partition(":")[2].strip()
        elif block.strip():
            head, rest = (piece for _, piece in split_outside(block, "{")[:2])
            inside, after = (piece for _, piece in split_outside(rest, "}"))
            assert not after.strip()
            name, words = re.fullmatch(r"::(.*?)::\[html\](.*)", head.strip(), re.S).groups()
            answers, _, general = inside.partition("####")
            numeric = answers.startswith("#")
            options = []
            for mark, piece in split_outside(answers.removeprefix("#"), "=~")[1:]:
                (_, answer), *said = split_outside(piece, "#")
                options.append((mark == "=", plain(answer), [plain(s) for _, s in said]))
            found.append(
                {"category": category, "name": name, "text": plain(words), "numeric": numeric}
                | {"options": options, "feedback": plain(general)}
            )
    return found


def test_the_parser_of_gift_reads_what_the_documentation_writes():
    text = "$CATEGORY: a\n\n// note\n::Q1::[html]What is 2\\:1\\=\\{\\}\\#\\~ \\\\nabla? {\n"
    text += (
        "  =yes#good\n  ~no \\~ never#bad\n  ####all\n}\n\n::Q2::[html]n {#\n  =3.5:0.1\n  ####\n}"
    )
    one, two = read_gift(text)
    assert one["text"] == "What is 2:1={}#~ \\nabla?" and one["category"] == "a"
    assert one["options"] == [(True, "yes", ["good"]), (False, "no ~ never", ["bad"])]
    assert one["feedback"] == "all" and not one["numeric"]
    assert two["numeric"] and two["options"] == [(True, "3.5:0.1", [])]


# The bank ---------------------------------------------------------------------------------------


@in_each_language
def test_there_are_enough_questions_of_each_notebook(language):
    bank = BANKS[language]
    count = Counter(q["id"][:2] for q in bank)
    assert len(bank) >= 80 and set(count) == set(NOTEBOOKS) and min(count.values()) >= 9
    assert len({q["id"] for q in bank}) == len(bank)
    assert len({q["text"] for q in bank}) == len(bank)


def test_the_languages_have_the_same_questions_and_right_answers():
    """That the texts are translations, option by option, is the matter of test_twins.py."""
    stored = questions.stored(questions.CHINESE)
    assert [q["id"] for q in stored] == [q["id"] for q in BANKS["en"]]
    allowed = {"id", "translates", "text", "right", "wrong", "why", "answers"}
    assert all({*q} <= allowed for q in stored)  # numbers come from the English ones
    for english, chinese in zip(*BANKS.values(), strict=True):
        assert {*english} == {*chinese} - {"translates"}
        for key in ("number", "within", "cells", "computed"):
            assert english.get(key) == chinese.get(key)
        assert len(english.get("wrong", [])) == len(chinese.get("wrong", []))
    places = [[place for _, place in questions.with_places(bank)] for bank in BANKS.values()]
    assert places[0] == places[1]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_rests_on_cells_and_their_numbers(question):
    cells = CELLS[question["id"][:2]]
    assert question["cells"] and set(question["cells"]) <= set(cells)
    kinds = [kind for kind in ("right", "number", "answers") if kind in question]
    assert len(kinds) == 1 and question["why"]
    known = " ".join(cells[c] for c in question["cells"])
    known = {*DECIMAL.findall(known), *question.get("computed", [])}
    parts = [question["text"], question.get("right", ""), question["why"]]
    assert set(DECIMAL.findall(" ".join([*parts, str(question.get("number", ""))]))) <= known
    for text in (question["text"], question["why"], *map(str, question.get("wrong", []))):
        assert text.count("$") % 2 == 0
        assert set(re.findall(r"<[^>\s]*>", text)) <= {"<b>", "</b>", "<code>", "</code>"}


@pytest.mark.parametrize("question", CHOICES)
def test_a_choice_has_four_different_options_and_a_reason_for_each_wrong_one(question):
    texts = [question["right"], *(text for text, _ in question["wrong"])]
    assert len(texts) == 4 == len({re.sub(r"\W", "", text.lower()) or text for text in texts})
    for _, tempts in question["wrong"]:  # a Chinese character says as much as a few letters
        assert len(tempts) > (10 if tempts.isascii() else 4)


@in_each_language
def test_nothing_but_the_content_tells_the_right_option(language):
    """Neither its place nor its length; by chance it would be the longest in a quarter."""
    bank = BANKS[language]
    places = Counter(place for q, place in questions.with_places(bank) if "right" in q)
    assert max(places.values()) - min(places.values()) <= 1 and set(places) == {0, 1, 2, 3}
    choices = [q for q in bank if "right" in q]
    longest = [len(q["right"]) >= max(len(text) for text, _ in q["wrong"]) for q in choices]
    shortest = [len(q["right"]) <= min(len(text) for text, _ in q["wrong"]) for q in choices]
    assert sum(longest) < 0.35 * len(choices) and sum(shortest) < 0.35 * len(choices)


@in_each_language
def test_gift_says_what_the_bank_says(language):
    bank, names = BANKS[language], questions.notebooks()
    for question, read in zip(bank, read_gift(questions.gift(bank, language)), strict=True):
        assert read["name"] == question["id"] and read["category"].endswith(names[read["name"][:2]])
        assert unescape(read["text"]) == unescape(questions.for_moodle(question["text"]))
        assert unescape(read["feedback"]) == unescape(questions.for_moodle(question["why"]))
        right = [answer for is_right, answer, _ in read["options"] if is_right]
        if "right" in question:
            assert not read["numeric"] and len(read["options"]) == 4
            assert [unescape(a) for a in right] == [
                unescape(questions.for_moodle(question["right"]))
            ]
            assert all(len(said) == 1 and said[0] for _, _, said in read["options"])
        elif "number" in question:
            value, within = map(float, right[0].split(":"))
            assert read["numeric"] and (value, within) == (question["number"], question["within"])
        else:
            assert right == question["answers"] and len(right) == len(read["options"])


@in_each_language
def test_xml_says_what_the_bank_says(language):
    bank = BANKS[language]
    nodes = ElementTree.fromstring(questions.xml(bank, language)).findall("question")
    nodes = [node for node in nodes if node.get("type") != "category"]
    for question, node in zip(bank, nodes, strict=True):
        assert node.findtext("name/text") == question["id"]
        assert node.findtext("questiontext/text") == questions.for_moodle(question["text"])
        answers = [(a.findtext("text"), a.get("fraction")) for a in node.findall("answer")]
        right = [text for text, fraction in answers if fraction == "100"]
        if "right" in question:
            assert node.get("type") == "multichoice" and node.findtext("single") == "true"
            assert right == [questions.for_moodle(question["right"])] and len(answers) == 4
            assert all(a.findtext("feedback/text") for a in node.findall("answer"))
        elif "number" in question:
            assert node.get("type") == "numerical" and float(right[0]) == question["number"]
            assert float(node.findtext("answer/tolerance")) == question["within"]
        else:
            assert node.get("type") == "shortanswer" and right == question["answers"]


def test_formulas_and_marks_survive_moodle():
    assert questions.for_moodle("$x < 1$ & <b>y</b>") == r"\(x &lt; 1\) &amp; <b>y</b>"
    assert questions.escaped(r"$\nabla = \{a\}$: ~#") == (r"\\(\\nabla \= \\\{a\\\}\\)\: \~\#")


@in_each_language
def test_the_page_of_the_bank_has_every_question(language):
    bank = BANKS[language]
    text = questions.page(bank, language)
    assert all(f"**{q['id']}.**" in text for q in bank)
    assert text.count("<details>") == text.count("</details>") == len(bank)


def test_the_files_of_both_languages_are_written(tmp_path):
    questions.write(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"questions{end}.{kind}" for end in ("", "_zh") for kind in ("gift", "xml")}
    assert "笔记本" in (tmp_path / "questions_zh.gift").read_text(encoding="utf-8")


# The exercises --------------------------------------------------------------------------------


def test_an_answer_that_goes_another_way_is_told(monkeypatch):
    stored = exercises.import_module("answers_vae")
    right, wrong = stored.RIGHT["03.2"], stored.WRONG["03.2"]
    monkeypatch.setitem(stored.RIGHT, "03.2", [wrong[0][0]])
    with pytest.raises(SystemExit, match=r"03\.2: a right answer was refused"):
        exercises.tried("03.2")
    monkeypatch.setitem(stored.RIGHT, "03.2", right)
    monkeypatch.setitem(stored.WRONG, "03.2", [(right[0], "")])
    with pytest.raises(SystemExit, match=r"03\.2: a wrong answer was accepted"):
        exercises.tried("03.2")
    monkeypatch.setitem(stored.WRONG, "03.2", wrong[:1] * 2)
    with pytest.raises(SystemExit, match=r"03\.2: two wrong answers got the same hint"):
        exercises.tried("03.2")


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=lambda path: path.stem)
def test_an_exercise_without_a_check_has_a_folded_discussion(path):
    notebook = nbformat.read(path, as_version=4)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    starts = [found.start() for found in exercises.STATED["en"].finditer(prose)]
    for start, end in zip(starts, [*starts[1:], len(prose)], strict=True):
        assert prose[start:end].count("<details>") >= 1, prose[start : start + 60]


# The guides -------------------------------------------------------------------------------------


def test_each_notebook_has_a_guide():
    assert [path.stem[-2:].lstrip("_0") for path in GUIDES] == [n.lstrip("0") for n in NOTEBOOKS]


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_has_its_parts_and_names_cells_that_exist(path):
    text = path.read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    assert list(parts) == [
        "After this session a student can",
        "Ninety minutes",
        "Show live",
        "What goes wrong in class",
        "Five misconceptions",
        "Questions to ask",
        "With less time",
    ]
    times = [int(t) for t in re.findall(r"^\| (\d+) \|", parts["Ninety minutes"], re.M)]
    assert times[0] == 0 and times == sorted(set(times)) and 70 < times[-1] < 90
    wrong = re.findall(r"^\| [^-|].*\|$", parts["Five misconceptions"], re.M)[1:]
    assert len(wrong) == 5 and all("`" in row.split("|")[3] for row in wrong)
    number = path.stem[-1].zfill(2)
    named = set(re.findall(ID, text))
    assert len(named) > 15 and named <= set(CELLS[number])


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_number_of_a_guide_stands_in_the_cells_that_it_names(path):
    cells = CELLS[path.stem[-1].zfill(2)]
    text = path.read_text(encoding="utf-8").replace("\n  ", " ")
    for line in re.findall(r"^[|-] .*", text, re.M):  # rows of tables, and points of lists
        named = re.findall(ID, line)
        numbers = DECIMAL.findall(re.sub(r'"[^"]*"|`[^`]*`', "", line)) if named else []
        assert {*numbers} <= {*DECIMAL.findall(" ".join(cells[name] for name in named))}, line


# The slides -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=lambda path: path.stem)
def test_a_deck_shows_every_figure_and_no_solution(path):
    notebook = nbformat.read(path, as_version=4)
    chosen = slides.chosen(path.stem)
    assert {*chosen["code"], *chosen["leave_out"]} <= {cell.id for cell in notebook.cells}
    deck = slides.slides_of(notebook, **chosen)
    shown = [p.data["image/png"] for s in deck for p in s.shown if not isinstance(p, str)]
    figures = [
        output.data["image/png"]
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.id not in chosen["leave_out"]
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert shown == figures and deck[0].heading and deck[0].shown
    everything = "\n".join(t for s in deck for t in [*s.said, *s.shown] if isinstance(t, str))
    assert "<details>" not in everything and "Solution" not in everything
    titles = re.findall(r"^## (\d+ · .*)", "\n".join(c.source for c in notebook.cells), re.M)
    assert {s.heading for s in deck if s.level == 1} & set(titles)
    made = slides.as_notebook(deck)
    nbformat.validate(made)
    assert made.cells[0].metadata.slideshow.slide_type == "slide"


def test_a_solution_that_stands_among_the_prose_is_not_shown():
    text = (
        "# T\n\nText.\n\n<details><summary>Solution</summary>\n\nForty-two.\n\n</details>\n\nEnd."
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    (slide,) = slides.slides_of(notebook, [], [])
    assert slide.shown == ["Text.", "End."] and slide.said == []


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=lambda path: path.stem)
def test_the_slide_of_a_correction_shows_it(path):
    """And not the quotation alone, however long that is."""
    for slide in slides.slides_of(nbformat.read(path, as_version=4), **slides.chosen(path.stem)):
        if slide.heading.startswith("Correction "):
            assert f"**{slide.heading}" in slide.shown[0]


def test_blocks_keep_formulas_lists_and_fences_together():
    text = "One.\n\n$$a\n\nb$$\n\n- x\n\n- y\n\n```\nc\n\nd\n```\n\nEnd."
    assert slides.blocks(text) == ["One.", "$$a\n\nb$$", "- x\n\n- y", "```\nc\n\nd\n```", "End."]
    assert slides.blocks("# Title\nText") == ["# Title", "Text"]


def test_a_long_text_is_cut_between_sentences():
    text = "Aaaa bbbb. Cccc by Ho et al. Dddd eeee. Ffff."
    shown, rest = slides.shortened(text, 25)
    assert shown == "Aaaa bbbb." and rest == "Cccc by Ho et al. Dddd eeee. Ffff."
    assert slides.shortened("Whole.", 25) == ("Whole.", "")
    assert slides.shortened("One **bold. Very bold** word.", 12)[0] == ""


def test_a_table_that_is_too_wide_does_not_fit():
    assert slides.table_fits("| a | b |\n| --- | --- |\n| 1 | 2 |")
    wide = "| " + " | ".join(["a_very_long_name_of_a_column"] * 4) + " |"
    assert not slides.table_fits(wide + "\n| --- | --- | --- | --- |\n| 1 | 2 | 3 | 4 |")
    assert not slides.table_fits("| a |\n| --- |\n" + "| 1 |\n" * 20)


def test_code_that_does_not_fit_on_a_slide_is_refused():
    cell = nbformat.v4.new_code_cell("x = 1\n" * 30, id="long-1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T\n\nText."), cell])
    text = r"slides.toml: the code of a slide must have at most 20 lines; cell long-1 has 30\."
    with pytest.raises(ValueError, match=text):
        slides.slides_of(notebook, ["long-1"], [])


# The handout ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=lambda path: path.stem)
def test_students_get_no_solution_and_no_output(path):
    before = nbformat.read(path, as_version=4)
    given = handout.without_solutions(handout.emptied(nbformat.read(path, as_version=4)))
    nbformat.validate(given)
    left = {cell.id for cell in given.cells}
    gone = [cell for cell in before.cells if cell.id not in left]
    assert all(cell.source.startswith("<details>") for cell in gone)
    text = "\n".join(cell.source for cell in given.cells)
    for word in ("<details", "</details", "<summary", ">Solution", "unfold", "open the solution"):
        assert word not in text, word
    assert all(cell.source for cell in given.cells)
    mine, theirs = ([c for c in n.cells if c.cell_type == "code"] for n in (given, before))
    assert [cell.source for cell in mine] == [cell.source for cell in theirs]
    assert not any(cell.outputs or cell.execution_count for cell in mine)
    assert len(re.findall(r"^\*\*\d+", text, re.M)) >= 5  # the exercises themselves are there


def test_the_first_cells_of_a_handout_run(capsys):
    path = NOTEBOOKS["01"]
    given = handout.without_solutions(handout.emptied(nbformat.read(path, as_version=4)))
    names = {}
    for cell in given.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), names)
        if cell.id == "background-09":
            break
    assert "no family is in both: True" in capsys.readouterr().out
    assert names["images"].shape == (16_210, 28, 28, 1)
