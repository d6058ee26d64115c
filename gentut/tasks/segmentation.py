"""Segmentation: which class does each pixel belong to?  A small U-Net, trained from scratch."""

from collections.abc import Sequence
from typing import Self

import keras
import numpy as np
from keras import layers, ops

from gentut.tasks.learner import Learner, Weights, block
from gentut.tasks.scenes import Scenes
from gentut.training.devices import Tensor

WHETHER = 6.0  # weight of "is it an object?" in the loss; that of "which one?" is 1


class Segmenter(Learner):
    """A small U-Net (Ronneberger, Fischer & Brox 2015) for the scenes of ``make_scenes``.

    Args:
        image_shape: of the scenes, sides multiples of 8.
        num_classes: of the objects, without the background.
        steps, batch_size, rate: of the training, see ``Learner``.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        *,
        steps: int = 600,
        batch_size: int = 16,
        rate: float = 3e-3,
    ) -> None:
        super().__init__(image_shape, num_classes, steps, batch_size, rate)

    @staticmethod
    def loss(true: Tensor, predicted: Tensor) -> Tensor:
        return pixel_loss(true, predicted)

    def build(self, seed: int) -> keras.Model:
        return network(self.image_shape, self.num_classes, seed)

    def fit(self, scenes: Scenes, *, seed: int = 0) -> Self:
        """Train from scratch on ``Scenes``; return self."""
        self._train(scenes.images, scenes.masks, seed)
        return self

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return masks, int ``(n, h, w)``: 0 is background, 1 + class an object."""
        return self._predict(images).argmax(-1)

    def score(self, scenes: Scenes, *, weights: np.ndarray | None = None) -> dict:
        """Measure intersection over union on ``Scenes``, see ``intersection_over_union``."""
        found = self.predict(scenes.images)
        return intersection_over_union(scenes.masks, found, scenes.num_classes, weights=weights)


def network(image_shape: Sequence[int], num_classes: int, seed: int = 0) -> keras.Model:
    """Build the U-Net: scenes -> class scores (logits), ``(n, h, w, 1 + num_classes)``.

    Most of the work is done on the coarse grid, where a letter fits into a few cells; the way
    back up brings the fine grids' edges in again.  A pixel's scores are those of its fine grid
    plus those of its coarse cell (as in Long, Shelhamer & Darrell 2015): "which letter" is the same
    for many pixels, and so learnt much sooner.
    """
    weights, classes = Weights(seed), 1 + num_classes
    inputs = keras.Input(image_shape)
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    full = block(x, 8, weights)
    half = block(x, 24, weights, kernel=5, strides=2)
    quarter = block(block(half, 48, weights, strides=2), 48, weights)
    x = block(quarter, 96, weights, strides=2)
    x = block(block(x, 96, weights), 96, weights)
    x = layers.UpSampling2D(2)(block(x, 64, weights, kernel=1))
    x = block(layers.Concatenate()([x, quarter]), 64, weights)
    coarse = layers.Conv2D(classes, 1, kernel_initializer=weights())(x)
    x = layers.UpSampling2D(2)(block(x, 32, weights, kernel=1))
    x = block(layers.Concatenate()([x, half]), 32, weights)
    x = layers.UpSampling2D(2)(block(x, 16, weights, kernel=1))
    x = layers.Concatenate()([x, full])
    fine = layers.Conv2D(classes, 3, padding="same", kernel_initializer=weights())(x)
    return keras.Model(inputs, layers.Add()([fine, layers.UpSampling2D(4)(coarse)]))


def pixel_loss(true: Tensor, predicted: Tensor) -> Tensor:
    """Return the loss of "is it an object?" and, on objects, of "which one?", in nats.

    Added up over pixels the two are the ordinary cross-entropy of background and classes.  But nine
    pixels in ten are background, and there the first question is easy.  So each is averaged over
    the pixels that it is asked of, and the second one is not drowned.
    """
    background, objects = predicted[..., 0], predicted[..., 1:]
    there = ops.cast(true > 0, predicted.dtype)
    margin = ops.logsumexp(objects, axis=-1) - background
    whether = ops.mean(ops.softplus(margin) - there * margin)
    kind = ops.maximum(true - 1, 0)
    which = keras.losses.sparse_categorical_crossentropy(kind, objects, from_logits=True)
    return WHETHER * whether + ops.sum(there * which) / ops.maximum(ops.sum(there), 1.0)


def intersection_over_union(
    true: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    *,
    weights: np.ndarray | None = None,
) -> dict:
    """Measure intersection over union of masks, as PASCAL VOC does (Everingham et al. 2010).

    Pixels are counted over all scenes together; a class scores TP / (TP + FP + FN).

    Args:
        true, predicted: int masks ``(n, h, w)``; 0 is background, 1 + class an object.
        num_classes: without the background.
        weights: ``(k, n)``, how often each scene counts in each of k resampled test sets.

    Returns:
        Dict with "object_iou", the mean over the classes of objects (None if there are none),
        "mean_iou", the mean over background and classes, which the background raises, and "iou",
        a list: background, then classes (None for what is in neither mask).  With ``weights``
        "draws", the object IoU of each of the k (NaN where no object is left).

    Raises:
        ValueError: the shapes differ, or a value is out of range.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.shape != predicted.shape or true.size == 0:
        raise ValueError(
            f"`true` and `predicted` must be masks of one shape; received {true.shape} and"
            f" {predicted.shape}."
        )
    k = num_classes + 1
    for name, mask in (("true", true), ("predicted", predicted)):
        if mask.dtype.kind not in "iu" or mask.min() < 0 or mask.max() >= k:
            raise ValueError(
                f"`{name}` must hold integers in [0, {k}); received {mask.dtype} from"
                f" {mask.min()} to {mask.max()}."
            )
    n = len(true)
    scene = np.arange(n).reshape(-1, *[1] * (true.ndim - 1))
    pairs = (scene * k + true.astype("int64")) * k + predicted
    counts = np.bincount(pairs.ravel(), minlength=n * k * k).reshape(n, k, k)
    iou = _shares(counts.sum(axis=0))
    objects = iou[1:][~np.isnan(iou[1:])]
    found = {
        "object_iou": float(objects.mean()) if len(objects) else None,
        "mean_iou": float(np.nanmean(iou)),
        "iou": [None if np.isnan(value) else float(value) for value in iou],
    }
    if weights is not None:
        drawn = np.asarray(weights, "float64") @ counts.reshape(n, k * k)
        shares = _shares(drawn.reshape(-1, k, k))[:, 1:]
        there = ~np.isnan(shares)
        total = np.where(there, shares, 0).sum(axis=1)
        seen = there.sum(axis=1)
        found["draws"] = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
    return found


def _shares(counts):
    """IoU ``(…, k)`` from how many pixels of class i were taken for class j, ``(…, k, k)``."""
    both = counts.diagonal(axis1=-2, axis2=-1)
    either = counts.sum(-1) + counts.sum(-2) - both
    return np.where(either > 0, both / np.maximum(either, 1), np.nan)
