"""Draw the README's pictures: data/samples.png, real letters and those of the shipped models, and
data/prompts.png, what the shipped text model makes of a few texts.

    python data/make_samples.py
"""

import os

import numpy as np

import gentut
from gentut.models.pretrained import NAMES

COPIES, SEED = 2, 0
PROMPTS = {  # label in the picture -> text
    "red heart": "red heart",
    "blue heart": "blue heart",
    "the same in Chinese": "蓝心",
    "grinning face": "grinning face",
    "clock": "clock",
    "bus": "bus",
    "red apple": "red apple",
    "tree": "tree",
    "green heart (unseen)": "green heart",
}
PICTURES = 10  # of each text


def letters():
    images, labels = gentut.data.load("glyphs", "test")
    asked = np.arange(10).repeat(COPIES)
    rng = np.random.default_rng(SEED)
    chosen = [rng.choice(np.flatnonzero(labels == k)) for k in asked]
    rows = {"held-out typefaces": images[chosen]}
    for name in NAMES:
        if name.endswith("-glyphs"):
            model = gentut.load_pretrained(name)
            rows[name] = model.sample(len(asked), labels=asked.astype("int32"), seed=SEED)
    return gentut.plots.comparison(rows)


def prompts():
    model = gentut.load_pretrained("text_flow-emoji")
    texts = [text for text in PROMPTS.values() for _ in range(PICTURES)]
    images = model.sample(texts=texts, seed=SEED)
    return gentut.plots.comparison(dict(zip(PROMPTS, np.split(images, len(PROMPTS)), strict=True)))


def main():
    folder = os.path.dirname(__file__)
    for name, figure in (("samples", letters()), ("prompts", prompts())):
        with open(os.path.join(folder, f"{name}.png"), "wb") as file:
            file.write(gentut.plots.png(figure, dpi=160))


if __name__ == "__main__":
    main()
