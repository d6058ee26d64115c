"""What the page for raters holds; slow/test_raters_page.py answers it in a browser."""

import re

import numpy as np

from gentut import human
from gentut.human.texts import WORDS


def study(protocol="real_or_fake", **options):
    pixels = np.random.default_rng(1).random((80, 14, 14, 1), np.float32)
    rules = human.Rules(max_fast=1.0)  # a scripted person takes no time to think
    options = {"trials": 12, "practice": 2, "rules": rules} | options
    return human.make_study(pixels[:40], {"GAN": pixels[40:]}, protocol=protocol, **options)


def placeholders(text):
    """The numbers that a text, or each text of a question or a noun, has room for."""
    parts = text.values() if isinstance(text, dict) else [text]
    return sorted(
        re.findall(
            r"{\w+}",
            " ".join(" ".join(p) for p in parts if not isinstance(p, str))
            + " ".join(p for p in parts if isinstance(p, str)),
        )
    )


def test_languages_have_the_same_texts_with_the_same_numbers_in_them():
    english, chinese = WORDS["en"], WORDS["zh"]
    assert list(english) == list(chinese)
    for name, text in english.items():
        assert type(text) is type(chinese[name])
        assert placeholders(text) == placeholders(chinese[name]), name


def test_the_page_tells_nothing_about_the_answers(tmp_path):
    """Same images, other truth: apart from the study's id the pages are equal."""
    asked = study()
    flipped = {
        name: "GAN" if source == "real" else "real" for name, source in asked.sources.items()
    }
    other = human.study.Study(**{**vars(asked), "sources": flipped})
    assert other.id != asked.id
    page, other_page = human.page.page(asked.public()), human.page.page(other.public())
    assert page.replace(asked.id, "") == other_page.replace(other.id, "")
    assert "GAN" not in page


def test_the_order_of_ids_says_nothing_about_the_answers():
    """Over many seeds, real images come first among the ids, blocks and pairs half of the time."""
    first = {"ids": [], "trials": [], "pairs": [], "practice": []}
    for seed in range(100):
        single = study(trials=4, seed=seed)
        first["ids"].append(single.sources[min(single.sources)])
        first["trials"].append(single.sources[single.trials[0].images[0]])
        first["practice"].append(single.sources[single.practice[0][0]])
        pair = study("which_is_real", trials=1, practice=0, seed=seed)
        first["pairs"].append(pair.sources[min(pair.sources)])
    for where, sources in first.items():
        assert 29 <= sources.count("real") <= 71, where  # 4.2 standard deviations
