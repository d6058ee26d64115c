"""Detection: which objects are where?  A small anchor-free detector, trained from scratch.

After "Objects as Points" (Zhou, Wang & Krähenbühl 2019): an object is a peak in the heat map of
its class; at the peak the network says how large the object is and where in the cell its
centre lies.  Nothing is suppressed afterwards but cells that are no local maximum.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import keras
import numpy as np
from keras import layers, ops

from gentut.tasks.learner import Learner, Weights, block
from gentut.tasks.precision import average_precision
from gentut.tasks.scenes import Scenes
from gentut.training.devices import Tensor

STRIDE = 4  # pixels per cell of the heat map
ALPHA = 2  # α of eq. 1: cells that the network tells right already count less
BETA = 4  # β of eq. 1: cells near a centre count less
SIZE_WEIGHT = 0.1  # λ_size of eq. 4; the offset's weight is 1
PRIOR = 0.1  # probability of a centre in a cell that the network begins with
MOST = 20  # detections in a scene, at most


class Detections(NamedTuple):
    """What was found in one scene: boxes ``(k, 4)`` in pixels, scores, classes ``(k,)``."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


class Detector(Learner):
    """An anchor-free detector for the scenes of ``make_scenes``.

    Args:
        image_shape: of the scenes, sides multiples of 8.
        num_classes: of the objects.
        steps, batch_size, rate: of the training, see ``Learner``.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        *,
        steps: int = 800,
        batch_size: int = 16,
        rate: float = 4e-3,
    ) -> None:
        super().__init__(image_shape, num_classes, steps, batch_size, rate)

    def build(self, seed: int) -> keras.Model:
        return network(self.image_shape, self.num_classes, seed)

    @staticmethod
    def loss(true: Tensor, predicted: Tensor) -> Tensor:
        return centre_loss(true, predicted)

    def fit(self, scenes: Scenes, *, seed: int = 0) -> Self:
        """Train from scratch on ``Scenes``; return self."""
        targets = encode(scenes)
        self._train(scenes.images, targets, seed)
        return self

    def predict(self, images: np.ndarray) -> list[Detections]:
        """Return ``Detections`` of each scene ``(n, h, w, c)``, the surest first, at most 20."""
        return decode(self._predict(images))

    def score(self, scenes: Scenes, *, weights: np.ndarray | None = None) -> dict:
        """Measure average precision on ``Scenes``, see ``average_precision``."""
        return average_precision(scenes, self.predict(scenes.images), weights=weights)


def network(image_shape: Sequence[int], num_classes: int, seed: int = 0) -> keras.Model:
    """Build the network: scenes -> ``(n, h / 4, w / 4, classes + 4)``.

    The last axis holds the heat (logits), width, height, offset x, y.
    """
    weights = Weights(seed)
    inputs = keras.Input(image_shape)
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    x = block(x, 24, weights, kernel=5, strides=2)
    fine = block(block(x, 48, weights, strides=2), 48, weights)
    coarse = block(block(fine, 96, weights, strides=2), 96, weights)
    context = layers.UpSampling2D(2)(block(coarse, 48, weights, kernel=1))
    x = block(layers.Add()([fine, context]), 64, weights)
    heat = layers.Conv2D(
        num_classes,
        1,
        kernel_initializer=weights(),
        bias_initializer=keras.initializers.Constant(np.log(PRIOR / (1 - PRIOR))),
    )(x)
    geometry = layers.Conv2D(4, 1, kernel_initializer=weights())(x)
    return keras.Model(inputs, layers.Concatenate()([heat, geometry]))


def encode(scenes: Scenes) -> np.ndarray:
    """Return targets ``(n, h / 4, w / 4, classes + 5)`` of scenes.

    The last axis holds the heat, width, height, offset x, y, and 1 for a centre.  The heat is 1 in
    the centre's cell and falls off as a Gaussian whose standard deviations are a sixth of the box.
    Width and height are in cells, offsets in parts of a cell.
    """
    n, height, width, _ = scenes.images.shape
    k = scenes.num_classes
    rows, columns = np.arange(height // STRIDE), np.arange(width // STRIDE)
    targets = np.zeros((n, len(rows), len(columns), k + 5), "float32")
    for target, boxes, kinds in zip(targets, scenes.boxes, scenes.classes, strict=True):
        for (left, top, right, bottom), kind in zip(boxes / STRIDE, kinds, strict=True):
            x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
            i, j = min(int(y), len(rows) - 1), min(int(x), len(columns) - 1)
            down = np.exp(-((rows - i) ** 2) / (2 * (h / 6) ** 2))
            across = np.exp(-((columns - j) ** 2) / (2 * (w / 6) ** 2))
            heat = target[:, :, kind]
            np.maximum(heat, np.outer(down, across), out=heat)
            target[i, j, k:] = w, h, x - j, y - i, 1
    return targets


def centre_loss(true: Tensor, predicted: Tensor) -> Tensor:
    """Return the focal loss of the heat and L1 of size and offset at the centres.

    Zhou et al. (2019), eqs. 1–4, divided by the number of objects in the batch.
    """
    heat, geometry, centre = true[..., :-5], true[..., -5:-1], true[..., -1:]
    logits, guess = predicted[..., :-4], predicted[..., -4:]
    chance = ops.sigmoid(logits)
    # log σ(s) = −softplus(−s): finite for every score.
    here = (1 - chance) ** ALPHA * ops.softplus(-logits)
    elsewhere = (1 - heat) ** BETA * chance**ALPHA * ops.softplus(logits)
    focal = ops.sum(ops.where(heat >= 1, here, elsewhere))
    errors = ops.sum(centre * ops.abs(geometry - guess), axis=(0, 1, 2))
    distance = SIZE_WEIGHT * (errors[0] + errors[1]) + errors[2] + errors[3]
    return (focal + distance) / ops.maximum(ops.sum(centre), 1.0)


def decode(outputs: np.ndarray) -> list[Detections]:
    """Return ``Detections`` for each scene from outputs of ``network``, NumPy."""
    heat, geometry = 1 / (1 + np.exp(-outputs[..., :-4])), outputs[..., -4:]
    n, height, width, k = heat.shape
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1), (0, 0)))
    around = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    peaks = np.where(heat >= np.max(around, axis=0), heat, 0).reshape(n, -1)
    found = []
    for peak, shape in zip(peaks, geometry, strict=True):
        best = np.argsort(-peak, kind="stable")[:MOST]
        best = best[peak[best] > 0]
        i, j, kind = np.unravel_index(best, (height, width, k))
        w, h, x, y = np.moveaxis(shape[i, j], -1, 0)
        w, h, x, y = np.maximum(w, 0.1), np.maximum(h, 0.1), x + j, y + i
        boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * STRIDE
        found.append(Detections(boxes.astype("float32"), peak[best], kind.astype("int32")))
    return found
