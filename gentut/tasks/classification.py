"""Classification: which class does an image show?"""

from collections.abc import Sequence
from typing import Self

import keras
import numpy as np

from gentut.checks import check_labels, check_pixels
from gentut.evaluation import classifier
from gentut.tasks.augmentation import augment as augmented
from gentut.tasks.learner import Learner


class Classifier(Learner):
    """A small convolutional classifier, the network of our classifiers (``gentut.features``).

    Args:
        image_shape: ``(height, width, channels)``.
        num_classes: how many classes.
        steps, batch_size, rate: of the training, see ``Learner``.
    """

    loss = staticmethod(keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        *,
        steps: int = 400,
        batch_size: int = 64,
        rate: float = 2e-3,
    ) -> None:
        super().__init__(image_shape, num_classes, steps, batch_size, rate)

    def build(self, seed: int) -> keras.Model:
        return classifier.classifier(self.image_shape, self.num_classes, seed=seed)

    def fit(
        self, images: np.ndarray, labels: np.ndarray, *, augment: bool = False, seed: int = 0
    ) -> Self:
        """Train from scratch.

        Args:
            images: float in [0, 1] or bytes, ``(n, h, w, c)``.
            labels: int ``(n,)`` in [0, num_classes).
            augment: change every image a little each time it is used, see ``augmentation``.
            seed: of weights, dropout and order.

        Returns:
            self.
        """
        images = check_pixels(images, self.image_shape)
        labels = check_labels(labels, len(images), self.num_classes)
        self._train(images, labels, seed, augmented if augment else None)
        return self

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 ``(n, num_classes)``."""
        return classifier.softmax(self._predict(images).astype("float64"))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the likeliest class of each image, int ``(n,)``."""
        return self._predict(images).argmax(-1)

    def score(
        self, images: np.ndarray, labels: np.ndarray, *, weights: np.ndarray | None = None
    ) -> dict:
        """Measure the share of images that are named right, and the mean log loss in nats.

        Args:
            images, labels: the test set.
            weights: ``(k, n)``, how often each image counts in each of k resampled test sets.

        Returns:
            Dict with "accuracy", "log_loss", and "accuracy_per_class", a list (None for a class
            that is not there); with ``weights`` "draws", the accuracy on each of the k.
        """
        probabilities = self.probabilities(images)
        labels = check_labels(labels, len(probabilities), self.num_classes)
        right = probabilities.argmax(-1) == labels
        own = probabilities[np.arange(len(labels)), labels]
        groups = [right[labels == k] for k in range(self.num_classes)]
        found = {} if weights is None else {"draws": weights @ right / weights.sum(axis=1)}
        return found | {
            "accuracy": float(right.mean()),
            "log_loss": float(-np.log(np.maximum(own, 1e-12)).mean()),
            "accuracy_per_class": [float(g.mean()) if len(g) else None for g in groups],
        }
