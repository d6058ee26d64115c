"""The Chinese edition beside the English one: notebooks, labs, home, teachers' pages, questions.

    python tests/twins.py                   # carry code and outputs over, name what is stale
    python tests/twins.py NOTEBOOK FILE     # also take translations: a JSON of cell id -> Markdown

The notebook ``zh/NAME.ipynb`` beside ``NAME.ipynb`` has the same cells in their order, code and
outputs, and other prose.  Each translated Markdown cell holds in its metadata the hash of the
English text that it translates, so that a later change of that text shows.  The site's home
``docs/zh/index.md`` and the pages of ``docs/teach/zh`` hold that hash in their first lines, a
question of ``questions.toml`` in ``translates``.  The English notebooks alone are run.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path

import address

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
TEACH = FOLDER.parent / "docs" / "teach"
sys.path.insert(0, str(TEACH.parent))

import questions  # noqa: E402

OWNER, KEY = "gentut", "translates"  # in the metadata of a cell
MARK = re.compile(r"<!-- translates (\w*) -->\n")  # the first line of a page
STALE = "the English text has changed since, or was never translated"
HAN = re.compile(r"[\u4e00-\u9fff]")
# What a translation takes over as it is.
KEPT = {
    "code blocks": r"^```.*?^```",
    "formulas": r"\$\$.+?\$\$|\$[^$\n]+\$",
    "links": r"\]\(([^)\s]+)\)",
    "code spans": r"`[^`\n]+`",
    "heading levels": r"^#+(?= )",
    "rows": r"^\|(?=.*\|$)",
    "tags": r"</?[a-z]+\b",
}
# Words in a formula, which are translated; an index such as v_\text{label} is a name, and stays.
WORDS = re.compile(r"(?<![_^])\\text\{[^{}]*\}")
NUMBERS = r"\d[\d,.]*(?:×\d+)?(?<![,.])"
# Words that are no prose: formulas, code, quoted or emphasised titles, names in brackets, links.
NO_PROSE = re.compile(
    r"^```.*?^```|\$\$.+?\$\$|\$[^$\n]+\$|`[^`\n]+`|\*[^*\n]+\*|“[^”]+”|\"[^\"\n]+\"|「[^」]+」"
    r"|\([^()]*\)|（[^（）]*）|\[[^\]]*\]|https?://\S+",
    re.S | re.M,
)
ENGLISH = re.compile(r"(?:[A-Za-z][a-z'’-]*[ ,;:]+){6}[A-Za-z][a-z'’-]*")
# What is said in a block of code and is no code: comments, what stands beside a file, captions.
SAID = re.compile(r"# .*$|(?<=\S) {3,}\S.*$|^:(?:caption|alt):.*$", re.M)
# Here titles of papers stand in their own language.
SOURCES = re.compile(r"^#+ .*(参考|来源|文献|资料)", re.M)


def source(cell: dict) -> str:
    return "".join(cell["source"])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def found(pattern: str, text: str) -> list[str]:
    if not pattern.startswith("^```"):
        text = re.sub(KEPT["code blocks"], "", text, flags=re.S | re.M)
    kept = re.findall(pattern, text, re.S | re.M)
    return sorted(WORDS.sub(r"\\text{}", each) for each in kept)


def translated(cell: dict) -> str | None:
    """The hash of the English text that a cell translates; None for one that is English still."""
    return cell["metadata"].get(OWNER, {}).get(KEY)


def problems(english: dict, chinese: dict) -> list[str]:
    """What keeps a notebook from being the twin of another, each with its cell."""
    ids = [[cell["id"] for cell in notebook["cells"]] for notebook in (english, chinese)]
    if ids[0] != ids[1]:
        missing, more = (sorted({*a} - {*b}) for a, b in (ids, ids[::-1]))
        return [f"other cells or another order: without {missing}, with {more}"]
    wrong = []
    for ours, theirs in zip(english["cells"], chinese["cells"], strict=True):
        wrong += [f"{ours['id']}: {text}" for text in differences(ours, theirs)]
    return wrong


def differences(english: dict, chinese: dict) -> list[str]:
    """What is wrong with one cell of a twin."""
    if english["cell_type"] != chinese["cell_type"]:
        return ["another kind of cell"]
    if english["cell_type"] == "code":
        same = all(english[key] == chinese[key] for key in ("source", "outputs", "execution_count"))
        return [] if same else ["code or outputs differ"]
    before, after = source(english), source(chinese)
    if english["id"] == address.ABOVE:  # both are stamped
        return [] if HAN.search(after) else ["no Chinese"]
    about = {key: value for key, value in chinese["metadata"].items() if key != OWNER}
    wrong = [] if about == english["metadata"] else ["metadata differ"]
    stale = [] if translated(chinese) == digest(before) else [STALE]
    return [*wrong, *stale, *other_than_prose(before, after)]


def other_than_prose(before: str, after: str) -> list[str]:
    """What a translation lost or added of formulas, code, links; what is English still."""
    wrong = []
    for name, pattern in KEPT.items():
        ours, theirs = found(pattern, before), found(pattern, after)
        if ours != theirs:
            wrong.append(f"{name} differ: {sorted({*ours} ^ {*theirs}) or 'how many'}")
    prose = NO_PROSE.sub("", after)
    if not HAN.search(after) and re.search("[A-Za-z]{4}", NO_PROSE.sub("", before)):
        wrong.append("no Chinese")
    left = ENGLISH.search(prose)
    if left and not SOURCES.search(after):
        wrong.append(f"a sentence in English: {left[0]!r}")
    return wrong


def lost_numbers(before: str, after: str) -> list[str]:
    lost = Counter(found(NUMBERS, before)) - Counter(found(NUMBERS, after))
    return [f"numbers are missing: {sorted(lost)}"] if lost else []


def page_problems(english: str, chinese: str) -> list[str]:
    """What keeps a page of the site from being the twin of another."""
    mark, right = MARK.match(chinese), digest(english)
    stale = [] if mark and mark[1] == right else [f"{STALE}; its mark is {right}"]
    before, after = (
        re.sub(KEPT["code blocks"], lambda block: SAID.sub("", block[0]), text, flags=re.S | re.M)
        for text in (english, MARK.sub("", chinese, count=1).replace("](../../", "](../"))
    )
    return [*stale, *other_than_prose(before, after), *lost_numbers(before, after)]


def words_of(question: dict) -> list[str]:
    """All that is to be translated of a question, in an order that languages share."""
    right = [question["right"]] if "right" in question else []
    wrong = [text for pair in question.get("wrong", []) for text in pair]
    return [question["text"], *right, *wrong, question["why"]]


def question_digest(question: dict) -> str:
    return digest(json.dumps([*words_of(question), question.get("answers")], ensure_ascii=False))


def question_problems(english: dict, chinese: dict) -> list[str]:
    """What keeps a question from being the twin of another."""
    right = question_digest(english)
    wrong = [] if chinese.get(KEY) == right else [f"{STALE}; its mark is {right}"]
    ours, theirs = words_of(english), words_of(chinese)
    if len(ours) != len(theirs) or ("answers" in english) != ("answers" in chinese):
        return [*wrong, "other options"]
    for before, after in zip(ours, theirs, strict=True):
        wrong += other_than_prose(before, after) + lost_numbers(before, after)
    return wrong


def pages() -> list[Path]:
    """The site's home and its pages for teachers, in English."""
    return [TEACH.parent / "index.md", *sorted(TEACH.glob("*.md"))]


def of_the_site() -> dict[str, list[str]]:
    """Page of the site, or question -> what keeps its Chinese text from being its twin."""
    wrong = {}
    for path in pages():
        name, twin = path.relative_to(TEACH.parent).as_posix(), twin_of(path)
        both = (each.read_text(encoding="utf-8") for each in (path, twin))
        wrong[name] = page_problems(*both) if twin.exists() else ["no translation yet"]
    chinese = {each["id"]: each for each in questions.stored(questions.CHINESE)}
    for each in questions.read():
        twin = chinese.get(each["id"])
        wrong[each["id"]] = question_problems(each, twin) if twin else ["no translation yet"]
    return wrong


def refreshed(english: dict, chinese: dict | None, texts: dict[str, str]) -> dict:
    """The twin with code and outputs as they are now, old translations, and new ones."""
    old = {cell["id"]: cell for cell in (chinese or {"cells": []})["cells"]}
    unknown = sorted({*texts} - {cell["id"] for cell in english["cells"]})
    if unknown:
        raise SystemExit(f"there are no such cells: {', '.join(unknown)}")
    twin = json.loads(json.dumps(english))
    for cell in twin["cells"]:
        if cell["cell_type"] == "code":
            continue
        if cell["id"] in texts:
            mark = {OWNER: {KEY: digest(source(cell))}}
            cell["source"] = texts[cell["id"]].splitlines(keepends=True)
            cell["metadata"] = {**cell["metadata"], **mark}
        elif cell["id"] in old and (mark := translated(old[cell["id"]])):
            cell["source"] = old[cell["id"]]["source"]
            cell["metadata"] = {**cell["metadata"], OWNER: {KEY: mark}}
    return twin


def originals() -> list[Path]:
    """The English notebooks and labs."""
    return [*sorted(FOLDER.glob("*.ipynb")), *sorted(FOLDER.glob("labs/*.ipynb"))]


def twin_of(path: Path) -> Path:
    return path.parent / "zh" / path.name


def say(name: str, wrong: list[str]) -> None:
    print(f"{name}: {len(wrong)} to mend", *(f"  {line}" for line in wrong), sep="\n")


def main(arguments: list[str]) -> None:
    texts = {}
    if arguments:
        name, file = arguments
        texts = {Path(name).stem: json.loads(Path(file).read_text(encoding="utf-8"))}
    for path in originals():
        target = twin_of(path)
        if not target.exists() and path.stem not in texts:
            print(f"{path.stem}: no translation yet")
            continue
        english = json.loads(path.read_text(encoding="utf-8"))
        old = json.loads(target.read_text(encoding="utf-8")) if target.exists() else None
        twin = refreshed(english, old, texts.get(path.stem, {}))
        address.stamp_above(twin, target.relative_to(FOLDER.parent).as_posix())
        text = json.dumps(twin, indent=1, ensure_ascii=False, sort_keys=True)
        target.parent.mkdir(exist_ok=True)
        target.write_text(text + "\n", encoding="utf-8", newline="\n")
        say(path.stem, problems(english, twin))
    stale = of_the_site()
    say("docs", [f"{name}: {line}" for name, lines in stale.items() for line in lines])


if __name__ == "__main__":
    main(sys.argv[1:])
