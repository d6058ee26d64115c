"""Writes the question bank of ``teach/questions.toml`` as Moodle GIFT, Moodle XML and a page.

    python docs/questions.py OUT      # questions.gift, questions.xml; in Chinese questions_zh.*

``teach/zh/questions.toml`` has the texts in Chinese; cells and numbers are those of the English.

The options of a question stand in an order fixed by its number, so that the right one comes equally
often in each place; Moodle may shuffle them again.
"""

import html
import re
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
BANK = HERE / "teach" / "questions.toml"
CHINESE = HERE / "teach" / "zh" / "questions.toml"
# Beside the questions themselves: the files, the category in Moodle, the words of the page.
WORDS = {
    "en": {
        "file": "questions",
        "category": "gentut",
        "head": """# The question bank

{count} questions. For Moodle:
{{download}}`GIFT <../static/questions.gift>` and {{download}}`XML <../static/questions.xml>`.
The source is `docs/teach/questions.toml`; {{doc}}`material` says how it is checked.
""",
        "answer": "Answer",
        "rests": "*Rests on {cells}.*",
    },
    "zh": {
        "file": "questions_zh",
        "category": "gentut/zh",
        "head": """# 题库

共 {count} 道题。供 Moodle 导入：{{download}}`GIFT <../static/questions_zh.gift>` 和 \
{{download}}`XML <../static/questions_zh.xml>`。源文件是 `docs/teach/zh/questions.toml`；\
怎样检查，见 {{doc}}`material`。
""",
        "answer": "答案",
        "rests": "依据的单元格：{cells}。",
    },
}
FORMULA = re.compile(r"\$([^$]+)\$")
SPECIAL = re.compile(r"([~=#{}:])")


def stored(path: Path) -> list[dict]:
    """The questions as a file has them."""
    return tomllib.loads(path.read_text(encoding="utf-8"))["question"]


def read(language: str = "en") -> list[dict]:
    """The questions in English ("en") or Chinese ("zh")."""
    english = stored(BANK)
    if language == "en":
        return english
    texts = {question["id"]: question for question in stored(CHINESE)}
    return [question | texts[question["id"]] for question in english]


def notebooks() -> dict[str, str]:
    """Number -> name of each notebook: "01" -> "01_background"."""
    found = sorted((HERE.parent / "notebooks").glob("*.ipynb"))
    return {path.stem[:2]: path.stem for path in found}


def options(question: dict, place: int) -> list[tuple[str, str, bool]]:
    """Text, what is said to who takes it, and whether it is right; the right one at ``place``."""
    wrong = [(text, tempts, False) for text, tempts in question["wrong"]]
    return [*wrong[:place], (question["right"], question["why"], True), *wrong[place:]]


def with_places(questions: list[dict]) -> list[tuple[dict, int]]:
    """Each question with the place of its right option: 0, 1, 2, 3, 0, … along the bank."""
    found, turn = [], 0
    for question in questions:
        found.append((question, turn))
        if "right" in question:
            turn = (turn + 1) % (len(question["wrong"]) + 1)
    return found


def for_moodle(text: str) -> str:
    """HTML for Moodle; formulas between \\( and \\); ``<b>`` and ``<code>`` are marks."""
    pieces = re.split(r"(</?(?:b|code)>)", FORMULA.sub(r"\\(\1\\)", text))
    return "".join(p if k % 2 else html.escape(p, quote=False) for k, p in enumerate(pieces))


# Moodle GIFT --------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Text in GIFT: a backslash before what has a meaning there; \\n would be a new line."""
    return SPECIAL.sub(r"\\\1", for_moodle(text).replace("\\", "\\\\").replace("\n", " "))


def gift(questions: list[dict], language: str = "en") -> str:
    """The bank in GIFT, a category for each notebook."""
    lines, names, last = [], notebooks(), ""
    top = WORDS[language]["category"]
    for question, place in with_places(questions):
        number = question["id"][:2]
        if number != last:
            lines += [f"$CATEGORY: $course$/{top}/{names[number]}", ""]
            last = number
        lines.append(f"// rests on {names[number]}: {', '.join(question['cells'])}")
        lines.append(f"::{question['id']}::[html]{escaped(question['text'])} {{")
        if "right" in question:
            for text, said, right in options(question, place):
                lines.append(f"  {'=' if right else '~'}{escaped(text)}#{escaped(said)}")
        elif "number" in question:
            lines[-1] += "#"
            lines.append(f"  ={question['number']}:{question['within']}")
        else:
            lines += [f"  ={escaped(answer)}" for answer in question["answers"]]
        lines += [f"  ####{escaped(question['why'])}", "}", ""]
    return "\n".join(lines)


# Moodle XML ---------------------------------------------------------------------------------


def _text(parent, tag: str, words: str, kind: str | None = "html", **attributes: str):
    node = ElementTree.SubElement(parent, tag, {"format": kind} if kind else {}, **attributes)
    ElementTree.SubElement(node, "text").text = words
    return node


def xml(questions: list[dict], language: str = "en") -> str:
    """The bank in Moodle's XML, a category for each notebook."""
    quiz, names, last = ElementTree.Element("quiz"), notebooks(), ""
    top = WORDS[language]["category"]
    for question, place in with_places(questions):
        number = question["id"][:2]
        if number != last:
            category = ElementTree.SubElement(quiz, "question", type="category")
            _text(category, "category", f"$course$/top/{top}/{names[number]}", None)
            last = number
        kind = "multichoice" if "right" in question else "numerical"
        kind = "shortanswer" if "answers" in question else kind
        node = ElementTree.SubElement(quiz, "question", type=kind)
        _text(node, "name", question["id"], None)
        _text(node, "questiontext", for_moodle(question["text"]))
        _text(node, "generalfeedback", for_moodle(question["why"]))
        ElementTree.SubElement(node, "defaultgrade").text = "1"
        if kind == "multichoice":
            for tag, value in (("single", "true"), ("shuffleanswers", "true")):
                ElementTree.SubElement(node, tag).text = value
            for text, said, right in options(question, place):
                words = for_moodle(text)
                answer = _text(node, "answer", words, fraction="100" if right else "0")
                _text(answer, "feedback", for_moodle(said))
        elif kind == "numerical":
            answer = _text(node, "answer", str(question["number"]), None, fraction="100")
            ElementTree.SubElement(answer, "tolerance").text = str(question["within"])
        else:
            ElementTree.SubElement(node, "usecase").text = "0"
            for words in question["answers"]:
                _text(node, "answer", words, None, fraction="100")
        tags = ElementTree.SubElement(node, "tags")
        for cell in question["cells"]:
            ElementTree.SubElement(ElementTree.SubElement(tags, "tag"), "text").text = cell
    ElementTree.indent(quiz)
    return ElementTree.tostring(quiz, encoding="unicode", xml_declaration=True) + "\n"


# The page -----------------------------------------------------------------------------------


def page(questions: list[dict], language: str = "en") -> str:
    """The bank for reading, in Markdown: answers folded, with what makes each wrong one tempt."""
    names, last, words = notebooks(), "", WORDS[language]
    lines = [words["head"].format(count=len(questions))]
    for question, place in with_places(questions):
        number = question["id"][:2]
        if number != last:
            lines += [f"## {names[number]}", ""]
            last = number
        text = re.sub(r"</?b>", "**", question["text"])
        lines += [f"**{question['id']}.** {re.sub('</?code>', '`', text)}", ""]
        if "right" in question:
            found = options(question, place)
            lines += [f"{'abcd'[k]}) {option[0]}<br>" for k, option in enumerate(found)]
            answer = f"**{'abcd'[place]})** {question['why']}"
            tempts = [
                f"- {'abcd'[k]}) {said}" for k, (_, said, right) in enumerate(found) if not right
            ]
        else:
            right = question.get("number", " / ".join(question.get("answers", [])))
            within = f" (± {question['within']})" if question.get("within") else ""
            answer, tempts = f"**{right}**{within}. {question['why']}", []
        cells = ", ".join(f"`{cell}`" for cell in question["cells"])
        lines += ["", f"<details><summary>{words['answer']}</summary>", "", answer, ""]
        lines += [*tempts, ""] if tempts else []
        lines += [words["rests"].format(cells=cells), "", "</details>", ""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Put the bank of each language into a folder, as GIFT and as XML."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, words in WORDS.items():
        questions = read(language)
        for kind, made in (("gift", gift), ("xml", xml)):
            path = folder / f"{words['file']}.{kind}"
            path.write_text(made(questions, language), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
