"""The emoji that ship with gentut: pictures, captions in two languages, concepts and teams.

    images, labels = gentut.data.load("emoji", "train")
    texts = gentut.data.captions("emoji", "train", language="zh")
    concepts = gentut.data.sources("emoji", "train")
    drawn_by, names = gentut.data.emoji.teams("train")

How the set was made: data/README.md.
"""

import functools
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gentut.data.shipped import data_path

LANGUAGES = ("en", "zh")
JOINED = {"en": ", ", "zh": "、"}  # how key words are set apart
SIZE = 32


@functools.cache
def index() -> dict:
    """Return what emoji.json holds; data/README.md describes it."""
    return json.loads(data_path("emoji.json").read_text(encoding="utf-8"))


def read_images(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read uint8 images ``(n, 32, 32, 3)`` and labels ``(n,)`` of one split."""
    with Image.open(data_path("emoji.webp"), formats=("WEBP",)) as image:
        sheet = np.asarray(image.convert("RGB"))
    rows = np.array(index()[split])
    columns = sheet.shape[1] // SIZE
    tiles = sheet.reshape(-1, SIZE, columns, SIZE, 3)
    return tiles[rows // columns, :, rows % columns], read_labels(split)


def read_labels(split: str) -> np.ndarray:
    """Return the group of each picture of a split, uint8 ``(n,)``: a row of ``groups``."""
    groups = np.array([concept["group"] for concept in index()["concepts"]], "uint8")
    return groups[read_concepts(split)]


def read_concepts(split: str) -> np.ndarray:
    """Return the concept of each picture of a split, int32 ``(n,)``: a row of ``concepts``."""
    pictures = np.array(index()["pictures"], "int32")
    return pictures[index()[split], 0]


def read_texts(split: str, language: str, keywords: bool) -> list[str]:
    """Return the caption of each picture of a split; see ``gentut.data.captions``."""
    texts = [
        JOINED[language].join([concept[language], *concept[f"keywords_{language}"] * keywords])
        for concept in index()["concepts"]
    ]
    return [texts[row] for row in read_concepts(split)]


def prompts(split: str = "train", *, classes: Sequence[str] | None = None) -> list[list[str]]:
    """Return several captions for each picture: what a text-to-image model trains on.

    In English and in Chinese, each with and without key words, with and without the name of the
    set: "red heart", "red heart, Noto", "red heart, Noto, emotion, love", "红心", …

    Args:
        split, classes: see ``teams``.

    Returns:
        n lists of eight texts, in the order of ``gentut.data.load("emoji", split)``.
    """
    found, names = teams(split, classes=classes)
    concepts, groups = read_concepts(split), index()["groups"]
    if classes is not None:
        chosen = [groups.index(name) for name in classes]
        concepts = concepts[np.isin(read_labels(split), chosen)]
    every = []
    for concept, team in zip(concepts, found, strict=True):
        own, entry = [], index()["concepts"][concept]
        for language, comma in JOINED.items():
            name, words = entry[language], entry[f"keywords_{language}"]
            for parts in ([], words, [names[team]], [names[team], *words]):
                own.append(comma.join([name, *parts]))
        every.append(own)
    return every


def teams(
    split: str = "train", *, classes: Sequence[str] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Tell which set of emoji each picture is of: seven sets, drawn at five houses.

    Args:
        split: "train", "test" or "compositions".
        classes: names of the groups to keep, as for ``gentut.data.load``; default all.

    Returns:
        Numbers, int32, shape (n,), in the order of ``gentut.data.load("emoji", split)``; and the
        names that they stand for, such as "Noto".

    Raises:
        ValueError: there is no such split or group.
    """
    if split not in ("train", "test", "compositions"):
        raise ValueError(f"`split` must be 'train', 'test' or 'compositions'; received {split!r}.")
    found = np.array(index()["pictures"], "int32")[index()[split], 1]
    if classes is not None:
        groups = index()["groups"]
        if not isinstance(classes, list | tuple) or any(name not in groups for name in classes):
            raise ValueError(f"`classes` must be among {', '.join(groups)}; received {classes!r}.")
        found = found[np.isin(read_labels(split), [groups.index(name) for name in classes])]
    return found, list(index()["teams"])
