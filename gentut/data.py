"""Images and labels (first minimal version; replaced shortly)."""

import os
from pathlib import Path

import numpy as np


def data_path(relative):
    """Find a file that ships with gentut: in the wheel, or in the checkout."""
    package = Path(__file__).resolve().parent
    for root in (package / "_data", package.parent / "data"):
        if (root / relative).exists():
            return root / relative
    raise FileNotFoundError(f"gentut's own data file '{relative}' is missing.")


def load(name_or_folder, split="train"):
    """Return float32 images in [0, 1], (n, h, w, c), and int32 labels (n,)."""
    if name_or_folder == "glyphs":
        path = data_path("glyphs.npz")
    else:
        path = Path(os.environ.get("GENTUT_DATA", "../shared/data")) / f"{name_or_folder}.npz"
    with np.load(path, allow_pickle=False) as arrays:
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    images = images.reshape(len(images), 28, 28, -1).astype("float32") / 255.0
    return images, labels.reshape(-1).astype("int32")


def names():
    return ["glyphs", "mnist", "fashion_mnist", "cifar10"]
