"""The Chinese notebooks against the English ones, and the check itself on broken twins."""

import copy
import csv
import json
import re

import pytest
import twins

PAIRS = sorted(path.name for path in twins.CHINESE.glob("*.ipynb"))
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


def changed(text=CHINESE, code="1 + 1", mark=MARK, cells=2):
    return {"cells": [markdown("a", text, **mark), {**CODE, "source": [code]}][:cells]}


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
        (changed("## Noise, $x^2$ [x](https://example.org/a) `fit`"), "a: no Chinese"),
        (
            changed(CHINESE + " This is how the loss of a model falls."),
            "a: a sentence in English: 'This is how the loss of a",
        ),
    ],
)
def test_a_false_twin_is_told_with_its_cell(twin, said):
    assert any(re.search(said, line) for line in twins.problems(PAIR[0], twin))


def test_a_refreshed_twin_takes_code_over_and_keeps_what_was_translated():
    english, chinese = copy.deepcopy(PAIR)
    english["cells"][1]["source"] = ["2 + 2"]
    assert twins.problems(english, twins.refreshed(english, chinese, {})) == []
    english["cells"][0]["source"] = [ENGLISH + " More."]
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


@pytest.mark.parametrize("name", PAIRS)
def test_a_stored_twin(name):
    assert twins.problems(read(twins.FOLDER / name), read(twins.CHINESE / name)) == []


def terms():
    """English term -> the Chinese ones that stand for it."""
    with TERMS.open(encoding="utf-8", newline="") as file:
        return {row["english"]: row["chinese"].split("|") for row in csv.DictReader(file)}


def strangers(english, chinese, known):
    """Terms of an English text for which the Chinese one has none of their translations."""
    plain = twins.NO_PROSE.sub(" ", english).lower()
    missing = []
    for term in sorted(known, key=len, reverse=True):  # "loss" in "adversarial loss" is done
        pattern = rf"\b{re.escape(term.lower())}(?:e?s)?\b"
        if re.search(pattern, plain):
            plain = re.sub(pattern, " ", plain)
            if not any(word.lower() in chinese.lower() for word in (*known[term], term)):
                missing.append(term)
    return missing


def test_a_term_with_another_translation_is_found():
    known = {"loss": ["损失"], "adversarial loss": ["对抗损失"]}
    assert strangers("The adversarial losses.", "对抗损失。", known) == []
    assert strangers("The adversarial loss.", "对抗性的损失。", known) == ["adversarial loss"]
    assert strangers("A loss of `loss`.", "代价。", known) == ["loss"]


@pytest.mark.parametrize("name", PAIRS)
def test_terms_are_translated_by_their_entries(name):
    known, wrong = terms(), []
    pairs = zip(
        read(twins.FOLDER / name)["cells"], read(twins.CHINESE / name)["cells"], strict=True
    )
    for ours, theirs in pairs:
        if ours["cell_type"] == "markdown" and ours["id"] != twins.address.ABOVE:
            found = strangers(twins.source(ours), twins.source(theirs), known)
            wrong += [f"{ours['id']}: {term}" for term in found]
    assert wrong == []


def test_the_term_base_is_sorted_whole_and_without_doubles():
    with TERMS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["english"] for row in rows]
    assert len(names) >= 150 and len({*names}) == len(names)
    assert names == sorted(names, key=str.lower)
    assert all(twins.HAN.search(row["chinese"]) or row["chinese"].isascii() for row in rows)
    assert all(row["source"].strip() for row in rows)
