"""Images and texts to codes in one space: does a picture show what its caption says?

Two networks trained together so that a picture and its own caption get codes in one direction, and
other captions do not (Radford et al. 2021, "Learning transferable visual models from natural
language supervision"):

    model = gentut.features.load("emoji_text")
    pictures, texts = model.images(images), model.texts(["red heart", "红心"])   # (n, 64) each
    gentut.metrics.retrieval(pictures, texts, k=5)

``data/train_image_text.py`` trains it, on English and Chinese captions of training emoji.
"""

import json
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from gentut import data
from gentut.checks import check_images
from gentut.data.tokenizer import check_texts, split
from gentut.evaluation.classifier import classifier, fit, load_weights

CODE_DIM = 64


def load() -> "ImageText":
    """Load the image–text model that ships with gentut; see ``gentut.features.load``."""
    path = data.data_path("weights/features-emoji_text.npz")
    with np.load(path, allow_pickle=False) as stored:
        info = json.loads(str(stored["info"]))
    model = ImageText(info["vocabulary"], info)
    for tower in (model.image_tower, model.text_tower):
        load_weights(path, tower)
    return model


class ImageText:
    """A tower for images and one for texts, whose codes have one length and are compared by cosine.

    A text is the set of its words, without their order: the model knows what is named, not which
    colour is whose.

    Attributes:
        vocabulary: the words and characters that it knows; it leaves out others.
        info: how the weights were made and tested, a dict.
    """

    name = "emoji image–text model"

    def __init__(self, vocabulary: Sequence[str], info: dict | None = None, seed: int = 0) -> None:
        self.vocabulary, self.info = list(vocabulary), info or {}
        self._rows = {word: row for row, word in enumerate(self.vocabulary)}
        trunk = classifier((32, 32, 3), None, seed=seed)
        dense = _projection("image_code", seed)
        self.image_tower = keras.Model(trunk.input, dense(trunk.output))
        words = keras.Input((len(self.vocabulary),))
        dense = _projection("text_code", seed + 1)
        self.text_tower = keras.Model(words, dense(words))

    def __repr__(self):
        return f"<ImageText {self.name!r}: {len(self.vocabulary):,} words>"

    def images(self, images: np.ndarray) -> np.ndarray:
        """Return codes of ``images``, ``(n, h, w, c)``: float32 ``(n, 64)`` of length 1."""
        images = fit(check_images(images), (32, 32, 3))
        parts = [
            self.image_tower.predict_on_batch(images[i : i + 256])
            for i in range(0, len(images), 256)
        ]
        return _unit(np.concatenate(parts))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return codes of ``texts``: float32 ``(n, 64)`` of length 1; 0 if no word is known."""
        return _unit(self.text_tower.predict_on_batch(self.bags(texts)))

    def bags(self, texts: Sequence[str]) -> np.ndarray:
        """Return which known words each text holds: float32 ``(n, vocabulary)``, rows of length 1.

        Raises:
            TypeError: ``texts`` is no list of texts.
        """
        texts = check_texts(texts)
        bags = np.zeros((len(texts), len(self.vocabulary)), "float32")
        for bag, text in zip(bags, texts, strict=True):
            bag[[self._rows[word] for word in split(text) if word in self._rows]] = 1
        return _unit(bags)


def _projection(name, seed):
    start = keras.initializers.GlorotNormal(seed)
    return layers.Dense(CODE_DIM, use_bias=False, kernel_initializer=start, name=name)


def _unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
