"""Tries every stored answer to the exercises, and writes what came of it as pages for teachers.

    python docs/exercises.py      # docs/teach/exercises.md, docs/teach/zh/exercises.md

The answers lie in ``tests/answers_*.py``; numbers and kinds of exercises come from the notebooks.
"""

import functools
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import twins  # noqa: E402

from gentut.notebook.exercises import MODULES, of_notebook, verdict  # noqa: E402

PAGE = "exercises.md"
SEEDS = range(2)  # of the random input that each answer meets
STATED = {
    "en": re.compile(r"^\*\*(\d+) \((.+?)\)\.\*\*", re.M),
    "zh": re.compile(r"^\*\*(\d+) · (.+?)\*\*", re.M),
}
FAULT = "find the bug"
WORDS = {
    "en": """# Which exercises answer back

{checked} of the {all} exercises have an answer that can be checked; `gentut.check` does it. {bugs}
of these are programs with a fault to find. The other exercises ask for an experiment, an opinion or
a plan, and have a folded discussion.

How good are the checks? The project stores {right} right answers, at least two for each exercise
and written differently, and {wrong} wrong ones, such as a sum in place of a mean.
`python docs/exercises.py` gives all of them to the checks on random numbers, and writes this
page only if each right one is accepted and each wrong one is refused with a hint of its own. The
last two columns count them; a dash means that a person must judge.

| notebook | exercises | with a check | find the bug | right, accepted | wrong, refused |
|---|---|---|---|---|---|
""",
    "zh": """# 哪些练习会给反馈

{all} 道练习中有 {checked} 道的答案可以检查，由 `gentut.check` 来做。其中 {bugs} 道是带有错误、\
要你找出来的程序。其余的要做实验、提看法或订计划，附有折叠的讨论。

检查得有多好？项目里存有 {right} 个正确答案，每题至少两个，写法不同；还有 {wrong} 个错误答案，\
例如该取均值时求了和。`python docs/exercises.py` 用随机数把它们全部交给检查；\
只有每个正确的都被接受、每个错误的都被拒绝并得到自己的提示，才会写出本页。\
最后两列是它们的个数；短横表示要由人来评判。

| 笔记本 | 练习 | 有检查的 | 找错 | 接受的正确答案 | 拒绝的错误答案 |
|---|---|---|---|---|---|
""",
}
HEAD = {
    "en": "| exercise | kind | right, accepted | wrong, refused |\n|---|---|---|---|\n",
    "zh": "| 练习 | 类型 | 接受的正确答案 | 拒绝的错误答案 |\n|---|---|---|---|\n",
}


@dataclass(frozen=True)
class Row:
    """One exercise: its kind in each language, and how many answers went as they should."""

    name: str
    kinds: dict[str, str]
    right: int | None  # None: nothing to check
    wrong: int | None


def tried(name: str) -> tuple[int, int]:
    """How many right answers were accepted and wrong ones refused, each with another hint.

    Raises:
        SystemExit: one of them went otherwise.
    """
    stored = import_module(f"answers_{MODULES[name[:2]]}")
    right, wrong = stored.RIGHT[name], stored.WRONG[name]
    for seed in SEEDS:
        if not all(verdict(name, answer, seed) for answer in right):
            sys.exit(f"{name}: a right answer was refused")
        refused = [verdict(name, answer, seed) for answer, _ in wrong]
        if any(each.right is not False for each in refused):
            sys.exit(f"{name}: a wrong answer was accepted")
        if len({each.text for each in refused}) < len(wrong):
            sys.exit(f"{name}: two wrong answers got the same hint")
    return len(right), len(wrong)


def stated(path: Path, language: str) -> dict[str, str]:
    """Number -> kind of each exercise that a notebook states."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return dict(STATED[language].findall(prose))


@functools.cache
def rows() -> dict[str, list[Row]]:
    """Notebook -> its exercises, all tried."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        kinds = {language: stated(each, language) for language, each in both(path).items()}
        found[path.stem] = []
        for number in kinds["en"]:
            name = f"{path.stem[:2]}.{number}"
            checked = name in of_notebook(path.stem[:2])
            right, wrong = tried(name) if checked else (None, None)
            own = {language: kind[number] for language, kind in kinds.items()}
            found[path.stem].append(Row(name, own, right, wrong))
    return found


def both(path: Path) -> dict[str, Path]:
    """Language -> the file of a notebook or page."""
    return {"en": path, "zh": twins.twin_of(path)}


def counts(exercises: list[Row]) -> list[int]:
    """How many there are, with a check, with a fault to find and a check, right, wrong."""
    checked = [row for row in exercises if row.right is not None]
    bugs = sum(row.kinds["en"] == FAULT for row in checked)
    right, wrong = (sum(getattr(row, key) for row in checked) for key in ("right", "wrong"))
    return [len(exercises), len(checked), bugs, right, wrong]


def line(*words: object) -> str:
    return f"| {' | '.join('–' if word is None else str(word) for word in words)} |\n"


def page(found: dict[str, list[Row]], language: str) -> str:
    """The page in English or Chinese."""
    total = counts([row for exercises in found.values() for row in exercises])
    names = ("all", "checked", "bugs", "right", "wrong")
    text = WORDS[language].format(**dict(zip(names, total, strict=True)))
    text += "".join(line(name, *counts(exercises)) for name, exercises in found.items())
    for name, exercises in found.items():
        text += f"\n## {name}\n\n{HEAD[language]}"
        text += "".join(line(r.name, r.kinds[language], r.right, r.wrong) for r in exercises)
    return text


def pages() -> dict[Path, str]:
    """What ought to stand in each of the two files."""
    found = rows()
    made = {language: page(found, language) for language in WORDS}
    made["zh"] = f"<!-- translates {twins.digest(made['en'])} -->\n" + made["zh"]
    return {path: made[language] for language, path in both(HERE / "teach" / PAGE).items()}


def main() -> None:
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
