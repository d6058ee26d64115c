"""Ordinary augmentation: small random turns, sizes, slants and shifts of the images one has.

It is the rival that generated images must beat: it needs no model, no training and no labels.
"""

import math

import numpy as np

from gentut.checks import check_images

# The largest change of each kind; every image draws its own between minus this and plus this.
ROTATION = 10.0  # degrees
SHEAR = 10.0  # degrees
SCALE = 0.12  # share of the size; height and width are drawn one by one
SHIFT = 0.07  # share of the side: 2 pixels of 28


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Send each image through a random affine map of its own, bilinear, edges repeated.

    No mirror images: a mirrored letter is another letter.

    Args:
        images: float in [0, 1], ``(n, h, w, c)``.
        rng: a ``numpy.random.Generator``.

    Returns:
        float32, the shape of ``images``.
    """
    images = check_images(images)
    n, height, width, _ = images.shape

    def uniform(limit, *shape):
        return rng.uniform(-limit, limit, (n, *shape))

    turn, shear = np.radians(uniform(ROTATION)), np.tan(np.radians(uniform(SHEAR)))
    rotation = np.stack([np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)], -1)
    slant = np.stack([np.ones(n), np.zeros(n), shear, np.ones(n)], -1)
    sizes = np.exp(uniform(math.log1p(SCALE), 2))
    # The inverse map, about the centre: from output pixels to positions in the input.
    matrix = rotation.reshape(n, 2, 2) @ slant.reshape(n, 2, 2) / sizes[:, None]
    centre = np.array([height - 1, width - 1]) / 2
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1)
    places = (grid - centre).reshape(-1, 2) @ matrix.transpose(0, 2, 1)
    places += (centre + uniform(SHIFT, 2) * (height, width))[:, None]
    return _bilinear(images, places).reshape(images.shape)


def _bilinear(images, places):
    """Values ``(n, p, c)`` of the images at places ``(n, p, 2)``, rows before columns."""
    n, height, width, channels = images.shape
    places = np.clip(places, 0, (height - 1, width - 1))
    low = np.minimum(places.astype("int64"), (max(height - 2, 0), max(width - 2, 0)))
    part = (places - low).astype("float32")
    flat = images.reshape(n * height * width, channels)
    start = (np.arange(n)[:, None] * height + low[..., 0]) * width + low[..., 1]
    down, right = width * (height > 1), int(width > 1)
    y, x = part[..., :1], part[..., 1:]
    top = flat[start] * (1 - x) + flat[start + right] * x
    bottom = flat[start + down] * (1 - x) + flat[start + down + right] * x
    return top * (1 - y) + bottom * y
