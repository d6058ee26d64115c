"""A network that is trained from scratch as often as asked, at the price of one compilation."""

import abc
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from gentut.checks import as_float, check_int, check_pixels, check_positive, check_seed
from gentut.training.devices import Tensor
from gentut.training.slices import Reading
from gentut.training.step import compile_options, feed


class Learner(abc.ABC):
    """Base of the three tasks' networks.  As in scikit-learn, each ``fit`` begins anew.

    Fresh weights go into the network that is compiled already: tracing the graph takes longer
    than a short training.  The number of steps is fixed, whatever the size of the training set, so
    that sets of different sizes get the same computation.

    Args:
        image_shape: ``(height, width, channels)`` of the images.
        num_classes: how many classes there are, at least 2.
        steps: optimizer steps of a training.
        batch_size: images per step.
        rate: Adam's first learning rate; it falls to zero along a cosine.
    """

    loss = None  # a function (true, predicted) of a subclass

    def __init__(
        self, image_shape: Sequence[int], num_classes: int, steps: int, batch_size: int, rate: float
    ) -> None:
        for name, value in (("steps", steps), ("batch_size", batch_size)):
            check_positive(name, value)
        check_int("num_classes", num_classes, least=2)
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.steps, self.batch_size, self.rate = steps, batch_size, rate
        self.network = None

    @abc.abstractmethod
    def build(self, seed: int) -> keras.Model:
        """Return a new network whose weights follow from ``seed``."""

    def _compile(self, seed):
        self.network = self.build(seed)
        schedule = keras.optimizers.schedules.CosineDecay(self.rate, self.steps)
        self.network.compile(keras.optimizers.Adam(schedule), self.loss, **compile_options())
        self.network.steps_per_execution = min(self.network.steps_per_execution or 1, self.steps)
        self.network.optimizer.build(self.network.trainable_variables)
        self._start = [ops.convert_to_numpy(v.value) for v in self.network.optimizer.variables]

    def _train(self, inputs, targets, seed, change=None):
        """Train from the weights of ``seed``; ``change(inputs, rng)`` alters each batch."""
        check_seed(seed)
        if self.network is None:
            self._compile(seed)
        else:
            for old, new in zip(self.network.variables, self.build(seed).variables, strict=True):
                old.assign(new)
            for variable, value in zip(self.network.optimizer.variables, self._start, strict=True):
                variable.assign(value)
        batches = Batches(inputs, targets, self.batch_size, self.steps, seed, change)
        self.network.fit(feed(batches), epochs=1, shuffle=False, verbose=0)

    def _predict(self, images):
        """Raw outputs, float32 NumPy, for images ``(n, h, w, c)``."""
        images = check_pixels(images, self.image_shape)
        if self.network is None:
            raise RuntimeError(f"This {type(self).__name__} must be trained first: call `fit`.")
        size, results, reading = max(self.batch_size, 64), [], Reading(images)
        for start in range(0, len(images), size):
            part = as_float(images[start : start + size])
            filled = np.concatenate(
                [part, np.zeros((size - len(part), *part.shape[1:]), "float32")]
            )
            results.append(self.network.predict_on_batch(filled)[: len(part)])
            reading(len(part))
        return np.concatenate(results)


class Batches(keras.utils.PyDataset):
    """So many batches of equal size, in an order that follows from the seed alone."""

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        steps: int,
        seed: int,
        change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.targets, self.batch_size = inputs, targets, batch_size
        self.steps, self.seed, self.change = steps, seed, change
        rng = np.random.default_rng(seed)
        rounds = -(-steps * batch_size // len(inputs))
        self.order = np.concatenate([rng.permutation(len(inputs)) for _ in range(rounds)])

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = as_float(self.inputs[rows])
        if self.change is not None:
            inputs = self.change(inputs, np.random.default_rng([self.seed, index]))
        return inputs, self.targets[rows]


class Weights:
    """Initializers for the layers of one network, each with a seed of its own."""

    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def __call__(self) -> keras.initializers.Initializer:
        self.count += 1
        return keras.initializers.HeNormal(seed=1000 * self.seed + self.count)


def block(x: Tensor, filters: int, weights: Weights, kernel: int = 3, strides: int = 1) -> Tensor:
    """Apply convolution, batch normalisation and ReLU."""
    x = keras.layers.Conv2D(
        filters, kernel, strides, padding="same", use_bias=False, kernel_initializer=weights()
    )(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.95)(x))
