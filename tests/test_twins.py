"""The Chinese edition against the English one, and the checks themselves on broken twins."""

import copy
import csv
import json
import re

import pytest
import twins

from gentut.human import texts as study_texts
from gentut.report import playground_texts
from gentut.report import texts as report_texts

NOTEBOOKS = twins.originals()
TERMS = twins.FOLDER.parent / "docs" / "terms.csv"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def markdown(id, text, **metadata):
    return {"cell_type": "markdown", "id": id, "metadata": metadata, "source": [text]}


ENGLISH = "## Noise\n\nThe loss is $x^2$, see [the paper](https://example.org/a) and `fit`."
CHINESE = "## 噪声\n\n损失为 $x^2$，见[论文](https://example.org/a)和 `fit`。"
MARK = {"gentut": {"translates": twins.digest(ENGLISH)}}
CODE = {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": 1}
PAIR = (
    {"cells": [markdown("a", ENGLISH), {**CODE, "source": ["1 + 1"]}]},
    {"cells": [markdown("a", CHINESE, **MARK), {**CODE, "source": ["1 + 1"]}]},
)


def test_a_true_twin_has_no_problems():
    assert twins.problems(*PAIR) == []


def changed(text=CHINESE, code="1 + 1", mark=MARK, cells=2, **metadata):
    made = [markdown("a", text, **mark, **metadata), {**CODE, "source": [code]}]
    return {"cells": made[:cells]}


@pytest.mark.parametrize(
    ("twin", "said"),
    [
        (changed(cells=1), r"other cells .* without \['b'\], with \[\]"),
        (changed(code="1 + 2"), "b: code or outputs differ"),
        (changed(mark={}), "a: the English text has changed since, or was never translated"),
        (changed(CHINESE.replace("x^2", "x^3")), r"a: formulas differ: \['\$x\^2\$', '\$x\^3\$'\]"),
        (changed(CHINESE.replace("/a", "/b")), "a: links differ"),
        (changed(CHINESE.replace("`fit`", "拟合")), "a: code spans differ"),
        (changed(CHINESE.replace("##", "###")), "a: heading levels differ"),
        (changed(CHINESE + "<b>"), "a: tags differ"),
        (changed(CHINESE + "\n\n| 1 |"), "a: rows differ"),
        (changed(nbgrader={"points": 3}), "a: metadata differ"),
        (changed("## Noise, $x^2$ [x](https://example.org/a) `fit`"), "a: no Chinese"),
        (
            changed(CHINESE + " This is how the loss of a model falls."),
            "a: a sentence in English: 'This is how the loss of a",
        ),
    ],
)
def test_a_false_twin_is_told_with_its_cell(twin, said):
    assert any(re.search(said, line) for line in twins.problems(PAIR[0], twin))


def test_words_in_a_formula_are_translated_and_its_indices_are_not():
    english = r"A loss: $v_\text{label} + \text{noise}$"
    assert twins.other_than_prose(english, r"损失：$v_\text{label} + \text{噪声}$") == []
    (told,) = twins.other_than_prose(english, r"损失：$v_\text{标签} + \text{噪声}$")
    assert told.startswith("formulas differ")


def test_a_refreshed_twin_takes_code_over_and_keeps_what_was_translated():
    english, chinese = copy.deepcopy(PAIR)
    english["cells"][1]["source"] = ["2 + 2"]
    assert twins.problems(english, twins.refreshed(english, chinese, {})) == []
    english["cells"][0]["source"] = [ENGLISH + " More."]
    english["cells"][0]["metadata"] = {"nbgrader": {"points": 3}}
    twin = twins.refreshed(english, chinese, {})
    assert twin["cells"][0]["source"] == [CHINESE]  # kept, and said to be stale
    assert twins.problems(english, twin) == [
        "a: the English text has changed since, or was never translated"
    ]
    again = twins.refreshed(english, twin, {"a": CHINESE + "更多。"})
    assert twins.problems(english, again) == []


def test_a_translation_of_an_unknown_cell_is_refused():
    with pytest.raises(SystemExit, match="there are no such cells: c"):
        twins.refreshed(PAIR[0], None, {"c": "文"})


# The stored notebooks -----------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_twin(path):
    assert twins.problems(read(path), read(twins.twin_of(path))) == []


# The site's pages and the questions ------------------------------------------------------------


def test_the_stored_pages_and_questions():
    assert {name: wrong for name, wrong in twins.of_the_site().items() if wrong} == {}


PAGE = "# Noise\n\nIn `gan-1` the loss is 0.5.\n\n```sh\nfit  # half an hour\n```\n"
PAGE_TWIN = "# 噪声\n\n在 `gan-1` 里，损失是 0.5。\n\n```sh\nfit  # 半小时\n```\n"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (twins.digest(PAGE), "0" * 12, f"changed since, .* its mark is {twins.digest(PAGE)}"),
        ("`gan-1`", "`gan-2`", "code spans differ"),
        ("fit  #", "draw  #", "code blocks differ"),
        ("0.5", "0.6", "numbers are missing: .'0.5'"),
        ("损失是", "you read the loss of a model here:", "a sentence in English"),
    ],
)
def test_a_false_page_is_told(before, after, said):
    chinese = f"<!-- translates {twins.digest(PAGE)} -->\n{PAGE_TWIN}"
    assert twins.page_problems(PAGE, chinese) == []
    wrong = twins.page_problems(PAGE, chinese.replace(before, after))
    assert any(re.search(said, line) for line in wrong), wrong


QUESTION = {
    "text": "Which $x$?",
    "right": "the 4",
    "wrong": [["none of these", "It is odd."]],
    "why": "It is even.",
}
QUESTION_TWIN = {
    "translates": twins.question_digest(QUESTION),
    "text": "哪个 $x$？",
    "right": "数 4",
    "wrong": [["一个也不是", "它是奇数。"]],
    "why": "它是偶数。",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"translates": "0" * 12}, "changed since, .* its mark is"),
        ({"right": "数 5"}, "numbers are missing: .'4'"),
        ({"text": "哪个 $y$？"}, "formulas differ"),
        ({"why": "It is even."}, "no Chinese"),
        ({"wrong": []}, "other options"),
        ({"answers": ["数"]}, "other options"),
    ],
)
def test_a_false_question_is_told(change, said):
    assert twins.question_problems(QUESTION, QUESTION_TWIN) == []
    wrong = twins.question_problems(QUESTION, QUESTION_TWIN | change)
    assert any(re.search(said, line) for line in wrong), wrong


# The README ---------------------------------------------------------------------------------

READMES = [
    (twins.FOLDER.parent / name).read_text(encoding="utf-8")
    for name in ("README.md", "README.zh-CN.md")
]
README_KEPT = {
    **{name: twins.KEPT[name] for name in ("code blocks", "links", "code spans", "heading levels")},
    "images": r"!\[[^\]]*\]\(([^)\s]+)\)",
    "rows": twins.KEPT["rows"],
}


def readme_problems(english, chinese):
    """What keeps a README from being the twin of another; each has a link to the other one."""
    wrong = []
    for text, other in ((english, "README.zh-CN.md"), (chinese, "README.md")):
        if f"]({other})" not in text.partition("\n## ")[0]:
            wrong.append(f"no link to {other} above the sections")
    english, chinese = (text.replace("README.zh-CN.md", "README.md") for text in (english, chinese))
    for name, pattern in README_KEPT.items():
        before, after = (twins.found(pattern, text) for text in (english, chinese))
        if name == "code spans":  # a sentence more may name one
            before, after = sorted({*before}), sorted({*after})
        if before != after:
            wrong.append(f"{name} differ: {sorted({*before} ^ {*after}) or 'how many'}")
    wrong += twins.lost_numbers(english, chinese)
    prose = twins.NO_PROSE.sub("", chinese)
    wrong += [
        f"no Chinese: {part.strip()[:40]!r}"
        for part in re.split(r"^#+ .*$", prose, flags=re.M)[1:]
        if not twins.HAN.search(part)
    ]
    left = twins.ENGLISH.search(prose)
    return [*wrong, f"a sentence in English: {left[0]!r}"] if left else wrong


def test_the_readme_in_chinese():
    assert readme_problems(*READMES) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("gan.save(", "gan.keep(", "code blocks differ"),
        ("(data/prompts.png)", "(data/prompt.png)", "images differ: .'data/prompt.png', 'data/p"),
        ("[English](README.md)", "", "no link to README.md above the sections"),
        ("[English](README.md)", "[English](README.en.md)", "links differ"),
        ("`gentut.check`", "检查", "code spans differ: .'`gentut.check`'"),
        ("\n## ", "\n### ", "heading levels differ"),
        ("| `09_faq` |", "`09_faq`", "rows differ"),
        ("8,019", "8,000", "numbers are missing: .'8,019'"),
        ("68 分钟", "86 分钟", "numbers are missing: .'68'"),
        (
            "什么都不用下载。",
            "There is nothing at all to be downloaded here.",
            "a sentence in English",
        ),
    ],
)
def test_a_false_readme_is_told(before, after, said):
    english, chinese = READMES
    assert before in chinese
    wrong = readme_problems(english, chinese.replace(before, after, 1))
    assert any(re.search(said, line) for line in wrong), wrong


# The terms ----------------------------------------------------------------------------------


def terms():
    """English term -> the Chinese ones that stand for it."""
    with TERMS.open(encoding="utf-8", newline="") as file:
        return {row["english"]: row["chinese"].split("|") for row in csv.DictReader(file)}


PLACE = re.compile(r"{[^{}]*}")  # of a number in a text of a page


def strangers(english, chinese, known):
    """Terms of an English text for which the Chinese one has none of their translations.

    Only in titles and names ("Stable Diffusion") a term may stay as it is.
    """
    plain = PLACE.sub(" ", twins.NO_PROSE.sub(" ", english)).lower()
    missing = []
    for term in sorted(known, key=len, reverse=True):  # "loss" in "adversarial loss" is done
        pattern = rf"\b{re.escape(term.lower())}(?:e?s)?\b"
        if re.search(pattern, plain):
            plain = re.sub(pattern, " ", plain)
            done = any(word.lower() in chinese.lower() for word in known[term])
            left = re.findall(rf"\b{re.escape(term)}", chinese, re.I) if term.islower() else []
            if not done and not any(word[0].isupper() for word in left):
                missing.append(term)
    return missing


def test_a_term_with_another_translation_is_found():
    known = {"loss": ["损失"], "adversarial loss": ["对抗损失"]}
    assert strangers("The adversarial losses.", "对抗损失。", known) == []
    assert strangers("The adversarial loss.", "对抗性的损失。", known) == ["adversarial loss"]
    assert strangers("A loss of `loss`.", "代价。", known) == ["loss"]
    assert strangers("The loss.", "这个 loss。", known) == ["loss"]
    assert strangers("Loss is a journal, {loss}.", "Loss 是一份期刊，{loss}。", known) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_terms_are_translated_by_their_entries(path):
    known, wrong = terms(), []
    pairs = zip(read(path)["cells"], read(twins.twin_of(path))["cells"], strict=True)
    for ours, theirs in pairs:
        if ours["cell_type"] == "markdown" and ours["id"] != twins.address.ABOVE:
            found = strangers(twins.source(ours), twins.source(theirs), known)
            wrong += [f"{ours['id']}: {term}" for term in found]
    assert wrong == []


def test_terms_of_pages_and_questions_are_translated_by_their_entries():
    both = [
        (path.stem, *(each.read_text(encoding="utf-8") for each in (path, twins.twin_of(path))))
        for path in twins.pages()
    ]
    pairs = zip(twins.questions.read(), twins.questions.read("zh"), strict=True)
    for pair in pairs:
        both.append((pair[0]["id"], *("\n".join(twins.words_of(each)) for each in pair)))
    known = terms()
    wrong = {name: strangers(ours, theirs, known) for name, ours, theirs in both}
    assert {name: found for name, found in wrong.items() if found} == {}


def sections(text):
    return re.split(r"^#+ .*$", text, flags=re.M)


def said(text):
    """All words of a text of a page, or of a table of them, one after the other."""
    if isinstance(text, str):
        return text
    parts = text.values() if isinstance(text, dict) else text if isinstance(text, tuple) else ()
    return "\n".join(map(said, parts))


TABLES = {"report": report_texts, "playground": playground_texts, "study": study_texts}


@pytest.mark.parametrize("name", TABLES)
def test_terms_of_pages_for_a_browser_are_translated_by_their_entries(name):
    english, chinese = (TABLES[name].WORDS[language] for language in ("en", "zh"))
    known = terms()
    wrong = {key: strangers(said(text), said(chinese[key]), known) for key, text in english.items()}
    assert {key: found for key, found in wrong.items() if found} == {}


def test_terms_of_the_readme_are_translated_by_their_entries():
    known, pairs = terms(), zip(*map(sections, READMES), strict=True)
    assert [found for ours, theirs in pairs if (found := strangers(ours, theirs, known))] == []


def test_the_term_base_is_sorted_whole_and_without_doubles():
    with TERMS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["english"] for row in rows]
    assert len(names) >= 150 and len({*names}) == len(names)
    assert names == sorted(names, key=str.lower)
    assert all(twins.HAN.search(row["chinese"]) or row["chinese"].isascii() for row in rows)
    assert all(row["source"].strip() for row in rows)
