"""What the pages of runs and comparisons say, in each language.

``{}`` and the like stand for numbers and names; a pair of texts is for one and for several.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gentut.checks import check_choice
from gentut.report.words import pages_en, pages_zh

Words = dict[str, Any]
WORDS: dict[str, Words] = {
    "en": pages_en.WORDS,
    "zh": pages_zh.WORDS,
}


def words_of(language: str | None, table: Mapping[str, Words] = WORDS) -> Words:
    """Return the texts of a language; None is English."""
    return table[check_choice("language", language or "en", table)]


ENGLISH = words_of("en")


def named(name: str, words: Words) -> str:
    """Return what a name that is English elsewhere is called; others stay as they are."""
    return words["names"].get(name, name)


def told(text: str, words: Words) -> str:
    """Return what a sentence in a run's files says."""
    for pattern, other in words["told"]:
        text = re.sub(pattern, other, text)
    return text


def counted(words: Words, key: str, n: int, **others: object) -> str:
    """Return the text for one or for several."""
    return words[key][n != 1].format(n=n, **others)


def listed(items: Sequence[str], words: Words = ENGLISH) -> str:
    """Such as "a, b and c"."""
    comma, last = words["list"]
    return last.join([comma.join(items[:-1]), items[-1]] if len(items) > 1 else items)


def duration(seconds: float, words: Words = ENGLISH) -> str:
    """Such as "45 seconds"; in minutes from two of them on."""
    minutes = seconds >= 120
    return words["minutes" if minutes else "seconds"].format(seconds / 60 if minutes else seconds)
