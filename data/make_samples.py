"""Draw data/samples.png, the picture of the README: real letters and those of the shipped models.

python data/make_samples.py
"""

import os

import numpy as np

import gentut

COPIES, SEED = 2, 0


def main():
    images, labels = gentut.data.load("glyphs", "test")
    letters = np.arange(10).repeat(COPIES)
    rng = np.random.default_rng(SEED)
    rows = {"held-out typefaces": [rng.choice(np.flatnonzero(labels == k)) for k in letters]}
    rows["held-out typefaces"] = images[rows["held-out typefaces"]]
    for name in gentut.models.pretrained.NAMES:
        model = gentut.load_pretrained(name)
        rows[name] = model.sample(len(letters), labels=letters.astype("int32"), seed=SEED)
    figure = gentut.plots.comparison(rows)
    folder = os.path.dirname(__file__)
    with open(os.path.join(folder, "samples.png"), "wb") as file:
        file.write(gentut.plots.png(figure, dpi=160))


if __name__ == "__main__":
    main()
