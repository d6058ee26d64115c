"""The Chinese notebooks beside the English ones: the same cells, code and outputs, other prose.

    python tests/twins.py                   # carry code and outputs over, name the stale cells
    python tests/twins.py NOTEBOOK FILE     # also take translations: a JSON of cell id -> Markdown

``notebooks/zh/NAME.ipynb`` has the cells of ``notebooks/NAME.ipynb`` in their order.  Each
translated Markdown cell holds in its metadata the hash of the English text that it translates, so
that a later change of that text shows.  The English notebooks alone are run.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import address

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
CHINESE = FOLDER / "zh"
OWNER, KEY = "gentut", "translates"  # in the metadata of a cell
HAN = re.compile(r"[\u4e00-\u9fff]")
# What a translation takes over as it is.
KEPT = {
    "code blocks": r"^```.*?^```",
    "formulas": r"\$\$.+?\$\$|\$[^$\n]+\$",
    "links": r"\]\(([^)\s]+)\)",
    "code spans": r"`[^`\n]+`",
    "heading levels": r"^#+(?= )",
    "tags": r"</?[a-z]+\b",
}
# Words that are no prose: formulas, code, quoted or emphasised titles, names in brackets, links.
NO_PROSE = re.compile(
    r"^```.*?^```|\$\$.+?\$\$|\$[^$\n]+\$|`[^`\n]+`|\*[^*\n]+\*|“[^”]+”|\"[^\"\n]+\"|「[^」]+」"
    r"|\([^()]*\)|（[^（）]*）|\[[^\]]*\]|https?://\S+",
    re.S | re.M,
)
ENGLISH = re.compile(r"(?:[A-Za-z][a-z'’-]*[ ,;:]+){6}[A-Za-z][a-z'’-]*")
# Here titles of papers stand in their own language.
SOURCES = re.compile(r"^#+ .*(参考|来源|文献|资料)", re.M)


def source(cell: dict) -> str:
    return "".join(cell["source"])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def found(pattern: str, text: str) -> list[str]:
    if not pattern.startswith("^```"):
        text = re.sub(KEPT["code blocks"], "", text, flags=re.S | re.M)
    return sorted(re.findall(pattern, text, re.S | re.M))


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
    wrong = []
    if translated(chinese) != digest(before):
        wrong.append("the English text has changed since, or was never translated")
    for name, pattern in KEPT.items():
        if found(pattern, before) != found(pattern, after):
            wrong.append(
                f"{name} differ: {sorted({*found(pattern, before)} ^ {*found(pattern, after)})}"
            )
    prose = NO_PROSE.sub("", after)
    if not HAN.search(after) and re.search("[A-Za-z]{4}", NO_PROSE.sub("", before)):
        wrong.append("no Chinese")
    left = ENGLISH.search(prose)
    if left and not SOURCES.search(after):
        wrong.append(f"a sentence in English: {left[0]!r}")
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
        elif cell["id"] in old and (translated(old[cell["id"]]) or cell["id"] == address.ABOVE):
            cell["source"] = old[cell["id"]]["source"]
            cell["metadata"] = old[cell["id"]]["metadata"]
    return twin


def main(arguments: list[str]) -> None:
    texts = {}
    if arguments:
        name, file = arguments
        texts = {Path(name).stem: json.loads(Path(file).read_text(encoding="utf-8"))}
    CHINESE.mkdir(exist_ok=True)
    for path in sorted(FOLDER.glob("*.ipynb")):
        target = CHINESE / path.name
        if not target.exists() and path.stem not in texts:
            print(f"{path.stem}: no translation yet")
            continue
        english = json.loads(path.read_text(encoding="utf-8"))
        old = json.loads(target.read_text(encoding="utf-8")) if target.exists() else None
        twin = refreshed(english, old, texts.get(path.stem, {}))
        address.stamp_above(twin, target.relative_to(FOLDER.parent).as_posix())
        text = json.dumps(twin, indent=1, ensure_ascii=False, sort_keys=True)
        target.write_text(text + "\n", encoding="utf-8", newline="\n")
        wrong = problems(english, twin)
        print(f"{path.stem}: {len(wrong)} to mend")
        print(*(f"  {line}" for line in wrong), sep="\n", end="\n" if wrong else "")


if __name__ == "__main__":
    main(sys.argv[1:])
