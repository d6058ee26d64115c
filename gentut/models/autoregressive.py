"""One pixel after the other: p(x) = Π p(xᵢ | x₁ … xᵢ₋₁), exact, by masked convolutions.

PixelCNN (van den Oord et al. 2016, arXiv:1601.06759, section 3.4).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gentut.checks import check_choice, check_int, check_positive
from gentut.models.networks import classes_of, join
from gentut.training.devices import Tensor
from gentut.training.kernels import Embedding
from gentut.training.step import StepModel, generator_from


@keras.saving.register_keras_serializable("gentut")
class MaskedConv2D(layers.Conv2D):
    """Convolution that sees only pixels before its own, row by row; "same" padding.

    Args:
        filters, kernel_size: as in ``keras.layers.Conv2D``.
        mask: "A" leaves out the pixel itself, for the first layer; "B" lets it in.
    """

    def __init__(self, filters: int, kernel_size: int, mask: str = "B", **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, **{**kwargs, "padding": "same"})
        self.mask = check_choice("mask", mask, ("A", "B"))

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        height, width = self.kernel_size
        seen = np.arange(height * width) < height * width // 2 + (self.mask == "B")
        mask = seen.reshape(height, width, 1, 1).astype("float32")
        return super().convolution_op(inputs, kernel * ops.cast(mask, kernel.dtype))

    def get_config(self) -> dict:
        return {**super().get_config(), "mask": self.mask}


def pixel_cnn(
    image_shape: Sequence[int],
    levels: int = 16,
    num_classes: int | None = None,
    filters: int = 32,
    blocks: int = 3,
) -> keras.Model:
    """Build a PixelCNN: grey images (and labels) -> logits ``(n, h, w, levels)`` of each pixel.

    Each of its ``blocks`` is three convolutions beside a shortcut, one masked (table 1, figure 5).
    """
    images = keras.Input(tuple(image_shape), name="images")
    inputs, x = images, MaskedConv2D(filters, 7, "A")(layers.Rescaling(2.0, -1.0)(images))
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        embedded = Embedding(num_classes, filters)(labels)
        inputs, x = [images, labels], layers.Add()([x, layers.Reshape((1, 1, filters))(embedded)])
    for _ in range(blocks):
        y = layers.Conv2D(filters // 2, 1)(layers.Activation("relu")(x))
        y = MaskedConv2D(filters // 2, 3)(layers.Activation("relu")(y))
        x = layers.Add()([x, layers.Conv2D(filters, 1)(layers.Activation("relu")(y))])
    x = layers.Conv2D(filters, 1, activation="relu")(layers.Activation("relu")(x))
    logits = layers.Conv2D(levels, 1, name="logits", dtype=keras.config.floatx())(x)
    return keras.Model(inputs, logits, name="pixel_cnn")


@keras.saving.register_keras_serializable("gentut")
class PixelCNN(StepModel):
    """An autoregressive model of grey images: exact likelihood, slow drawing.

    Images are rounded to the nearest of the network's ``levels``, equal steps from 0 to 1.

    Args:
        network: as ``pixel_cnn`` builds it: a pixel's logits come from the pixels before it.
    """

    arguments = ("network",)

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        shape = network.inputs[0].shape[1:]
        if len(shape) != 3 or shape[2] != 1:
            raise ValueError(f"`network` must take images (h, w, 1); it takes {tuple(shape)}.")
        super().__init__(shape, classes_of(network), **kwargs)
        self.network, self.levels = network, check_int("levels", network.output_shape[-1], 2)
        self.tracker = keras.metrics.Mean(name="loss")
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.tracker]

    def call(self, images: Tensor, labels: Tensor | None = None, training: bool = False) -> Tensor:
        """Return the log-probabilities of each pixel's levels, ``(n, h, w, levels)``."""
        return ops.log_softmax(self.network(join(images, labels), training=training), axis=-1)

    def _log_likelihood(self, images, labels, training=False):
        places = ops.round(images * (self.levels - 1))
        logs = self.call(places / (self.levels - 1), labels, training)
        chosen = ops.one_hot(ops.cast(places[..., 0], "int32"), self.levels, dtype=logs.dtype)
        return ops.sum(chosen * logs, axis=(1, 2, 3))

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step down −log p(x); ``progress`` in [0, 1] sets the rate."""
        self.set_learning_rates(progress, self.optimizer)

        def loss():
            return -ops.mean(self._log_likelihood(images, labels, training=True))

        value = self.minimize(loss, self.trainable_variables, self.optimizer)
        self.tracker.update_state(value)
        return {"loss": self.tracker.result()}

    def log_likelihood(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return log P(x) of the images rounded to the levels, nats, ``(n,)``: exact."""
        return self.batched(self._log_likelihood, *self.check(images, labels))

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images, ``(n, h, w, 1)`` in [0, 1]: the network runs once for each of h·w pixels.

        Args:
            n: number of images.
            labels: ints ``(n,)`` for conditional models; None draws them uniformly.
            seed: of pixels and labels; None draws one that ``gentut.seed`` controls.
            out: where they go, see ``gentut.VAE.sample``.
        """
        check_positive("n", n)
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        shares = rng.random((n, *self.image_shape[:2]))  # each pixel's place in its distribution

        def drawn(shares, labels):
            shares = ops.convert_to_numpy(shares)
            images = np.zeros((len(shares), *self.image_shape), "float32")
            for place in np.ndindex(self.image_shape[:2]):
                at = (slice(None), *place)
                logs = ops.convert_to_numpy(self.call(ops.convert_to_tensor(images), labels))[at]
                cumulated = np.cumsum(np.exp(logs), axis=1)[:, :-1]
                images[at] = (shares[at][:, None] > cumulated).sum(axis=1, keepdims=True)
                images[at] /= self.levels - 1
            return images

        return self.batched(drawn, shares.astype("float32"), labels, out=out)
