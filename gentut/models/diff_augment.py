"""Differentiable augmentation: what lets a GAN learn from few images (Zhao et al. 2020).

The discriminator sees T(x) for a random T, of real and of generated images and in both players'
steps, so that it cannot learn its few training images by heart, and the generator is never asked
to make transformed images.  T is differentiable: the generator's gradient flows through it.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from gentut.checks import check_choice
from gentut.training.devices import Tensor, per_image

SHIFT = 1 / 8  # largest translation, as a share of the image's side
HOLE = 1 / 2  # side of the hole that cutout makes, as a share of the image's side
# Share of images that a transform changes; the others stay as they are.  Below 0.8, Karras et al.
# (2020, "Training GANs with limited data", section 2.2) find that no transform leaks into samples.
SHARE = 0.7


def check_transforms(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names of ``TRANSFORMS`` as a tuple; ``names`` is one of them, several, or None."""
    names = (names,) if isinstance(names, str) else tuple(names or ())
    return tuple(check_choice("augment", name, TRANSFORMS) for name in names)


def draw(
    names: Sequence[str], n: int | Tensor, seed: keras.random.SeedGenerator
) -> Callable[[Tensor], Tensor]:
    """Draw a random transform for each of ``n`` images: a differentiable function of the images.

    Args:
        names: of ``TRANSFORMS``, applied in this order.
        n: number of images.
        seed: a ``keras.random.SeedGenerator``.

    Returns:
        A function ``(n, h, w, c) -> (n, h, w, c)``; called twice, it does the same.
    """
    chosen = []
    for name in names:
        numbers = per_image(lambda n: keras.random.uniform((n, 4), seed=seed), n)
        chosen.append((TRANSFORMS[name], numbers[:, :1] < SHARE, numbers[:, 1:]))

    def transform(images):
        for function, due, numbers in chosen:
            due = ops.reshape(due, (-1, 1, 1, 1))
            images = ops.where(due, function(images, numbers), images)
        return images

    return transform


def colour(images: Tensor, numbers: Tensor) -> Tensor:
    """Change brightness by ±0.25, saturation by a factor of 0 to 2, contrast by one of 0.5 to 1.5.

    Args:
        images: ``(n, h, w, c)``.
        numbers: uniform in [0, 1), ``(n, 3)``, as for every transform.
    """
    brightness, saturation, contrast = (ops.reshape(numbers[:, k], (-1, 1, 1, 1)) for k in range(3))
    images = images + (brightness - 0.5) / 2
    grey = ops.mean(images, axis=3, keepdims=True)
    images = grey + 2 * saturation * (images - grey)
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return mean + (0.5 + contrast) * (images - mean)


def translation(images: Tensor, numbers: Tensor) -> Tensor:
    """Shift by whole pixels, at most an eighth of the side; zeros come in."""
    height, width = images.shape[1:3]
    rows = _shifts(height, numbers[:, 0])
    columns = _shifts(width, numbers[:, 1])
    return ops.einsum("nij,njwc,nvw->nivc", rows, images, columns)


def _shifts(side, number):
    """Matrices ``(n, side, side)`` that move an axis by a whole number of places."""
    most = max(1, int(side * SHIFT))
    move = ops.floor(number * (2 * most + 1)) - most
    places = np.arange(side, dtype="float32")
    distance = ops.convert_to_tensor(places[:, None] - places[None, :])
    return ops.cast(ops.equal(distance, ops.reshape(move, (-1, 1, 1))), "float32")


def cutout(images: Tensor, numbers: Tensor) -> Tensor:
    """Cut out a square of zeros, half the side wide, its centre anywhere in the image."""
    masks = [_outside(side, numbers[:, axis]) for axis, side in enumerate(images.shape[1:3])]
    outside = ops.maximum(masks[0][:, :, None], masks[1][:, None, :])
    return images * outside[..., None]


def _outside(side, number):
    """1 where a place of the axis lies outside of the hole, 0 inside: ``(n, side)``."""
    places = ops.convert_to_tensor(np.arange(side, dtype="float32"))
    centre = ops.floor(ops.reshape(number, (-1, 1)) * side)
    half = side * HOLE / 2
    inside = ops.logical_and(places >= centre - half, places < centre + half)
    return 1 - ops.cast(inside, "float32")


TRANSFORMS = {"colour": colour, "translation": translation, "cutout": cutout}
