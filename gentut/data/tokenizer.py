"""Texts to numbers: English words and Chinese characters, each a token of a vocabulary."""

import collections
import re
from collections.abc import Iterable, Sequence

import numpy as np

# A run of Latin letters or digits is a word; of Chinese, which has no spaces, each character.
TOKEN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")
PADDING = 0  # fills up a short text


def split(text: str) -> list[str]:
    """Split a text into words (English, in small letters) and characters (Chinese)."""
    return TOKEN.findall(text.lower())


def check_texts(texts: Sequence[str], name: str = "texts") -> list[str]:
    """Return ``texts`` as a list, or raise a TypeError that names the argument."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"`{name}` must be a list of texts; received {texts!r}.")
    return list(texts)


def most_frequent(texts: Iterable[str], most: int) -> list[str]:
    """Return the ``most`` frequent words of texts, the more frequent first, ties by alphabet."""
    counts = collections.Counter(word for text in texts for word in dict.fromkeys(split(text)))
    return sorted(counts, key=lambda word: (-counts[word], word))[:most]


class Tokenizer:
    """Turns texts into rows of numbers: word i of ``vocabulary`` is i + 1, and 0 fills up.

    Args:
        vocabulary: the words and characters that are known.
        length: tokens in a row; what a text has more is cut off.
    """

    def __init__(self, vocabulary: Sequence[str], length: int) -> None:
        self.vocabulary, self.length = list(vocabulary), length
        self._rows = {word: row + 1 for row, word in enumerate(self.vocabulary)}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return int32 ``(n, length)``; each known word once, in the order of the text."""
        rows = np.zeros((len(texts), self.length), "int32")
        for row, text in zip(rows, texts, strict=True):
            known = [self._rows[word] for word in dict.fromkeys(split(text)) if word in self._rows]
            row[: len(known)] = known[: self.length]
        return rows

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Return the words of ``texts`` that the vocabulary lacks, each once."""
        words = dict.fromkeys(word for text in texts for word in split(text))
        return [word for word in words if word not in self._rows]
