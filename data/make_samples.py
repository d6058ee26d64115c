"""Draw the README's pictures: data/samples.png, real letters and those of the shipped models,
data/samples_emoji.png, the same of emoji, data/prompts.png, what the shipped text model makes of a
few texts, and data/prompts_48.png, what it makes of the names of 48 training concepts drawn at
random, half of them in Chinese.

    python data/make_samples.py
"""

import os
import textwrap

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


def shipped(data, held_out, classes):
    """Real images that no training saw and those of each shipped model, class after class."""
    images, labels = gentut.data.load(data, "test")
    asked = np.arange(classes).repeat(COPIES)
    rng = np.random.default_rng(SEED)
    chosen = [rng.choice(np.flatnonzero(labels == k)) for k in asked]
    rows = {held_out: images[chosen]}
    for name in NAMES:
        if name.endswith(f"-{data}") and not name.startswith("text"):
            model = gentut.load_pretrained(name)
            rows[name] = model.sample(len(asked), labels=asked.astype("int32"), seed=SEED)
    return gentut.plots.comparison(rows)


def prompts():
    model = gentut.load_pretrained("text_flow-emoji")
    texts = [text for text in PROMPTS.values() for _ in range(PICTURES)]
    images = model.sample(texts=texts, seed=SEED)
    return gentut.plots.comparison(dict(zip(PROMPTS, np.split(images, len(PROMPTS)), strict=True)))


def contact_sheet(model=None, columns=8, each=24, **options):
    """Pictures of a text model with the names they were drawn from; none is chosen by hand."""
    model = model or gentut.load_pretrained("text_flow-emoji")
    drawn = np.unique(gentut.data.sources("emoji", "train"))
    drawn = np.random.default_rng(SEED).permutation(drawn)[: 2 * each]
    entries = gentut.data.emoji.index()["concepts"]
    texts = [entries[concept]["en" if i < each else "zh"] for i, concept in enumerate(drawn)]
    images = model.sample(texts=texts, seed=SEED, **options)
    figure = gentut.plots.panels(1, width=columns * 1.15, height=len(texts) / columns * 1.2)[0]
    figure.clear()
    for axes, image, text in zip(
        figure.subplots(len(texts) // columns, columns).ravel(), images, texts, strict=True
    ):
        axes.imshow(image)
        axes.set_axis_off()
        axes.set_title(textwrap.shorten(text, 22, placeholder="…"), fontsize=6, loc="center")
    return figure


def main():
    folder = os.path.dirname(__file__)
    figures = {
        "samples": lambda: shipped("glyphs", "held-out typefaces", 10),
        "samples_emoji": lambda: shipped("emoji", "held-out concepts", 9),
        "prompts": prompts,
        "prompts_48": contact_sheet,
    }
    for name, draw in figures.items():
        figure = draw()
        with open(os.path.join(folder, f"{name}.png"), "wb") as file:
            file.write(gentut.plots.png(figure, dpi=160))


if __name__ == "__main__":
    main()
