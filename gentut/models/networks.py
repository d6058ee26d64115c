"""Network builders: functional Keras models for 28×28 grey to 128×128 colour images.

Images enter and leave in [0, 1]; rescaling happens inside.  Conditional networks take
``[input, labels]``, labels as ints ``(n,)``.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gentut.training.devices import Tensor
from gentut.training.kernels import BatchNormalization, Embedding

NEGATIVE_SLOPE = 0.2  # of the leaky rectifier in discriminators (Radford et al. 2016)


def join(inputs: Tensor | list[Tensor], labels: Tensor | None) -> Tensor | list[Tensor]:
    """Return what a network of this file takes: ``[inputs, labels]``, or ``inputs`` alone."""
    return inputs if labels is None else [inputs, labels]


def classes_of(network: keras.Model) -> int | None:
    """Return the number of classes of a network of this file; None if it takes no labels."""
    embeddings = [x for x in network.layers if isinstance(x, layers.Embedding)]
    return embeddings[0].input_dim if embeddings else None


def check_image_shape(image_shape: Sequence[int]) -> tuple[tuple[int, int, int], int]:
    """Return ``(height, width, channels)`` and the number of halvings down to a base of 4 to 8."""
    shape = tuple(int(v) for v in image_shape)
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            "`image_shape` must be (height, width, channels) with 1 or 3 channels;"
            f" received {tuple(image_shape)}."
        )
    halvings, height, width = 0, shape[0], shape[1]
    while max(height, width) > 8 and height % 2 == 0 and width % 2 == 0:
        halvings, height, width = halvings + 1, height // 2, width // 2
    if halvings < 1 or not (min(height, width) >= 3 and max(height, width) <= 12):
        raise ValueError(
            "`image_shape` must have a height and width that halve evenly down to 4…8 pixels"
            f" (28, 32, 48, 64, 96, 128, …); received {shape}."
        )
    return shape, halvings


@keras.saving.register_keras_serializable("gentut")
class SpectralConv2D(layers.Conv2D):
    """Convolution with its kernel divided by its largest singular value (Miyato et al. 2018).

    One step of power iteration per training call (algorithm 1); the gradient flows through the
    division, as in the paper.
    """

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.u = self.add_weight(
            shape=(1, self.filters), initializer="random_normal", trainable=False, name="u"
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        self._update = bool(training)
        return super().call(inputs)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return super().convolution_op(inputs, _unit_norm(kernel, self.u, self._update))


@keras.saving.register_keras_serializable("gentut")
class SpectralDense(layers.Dense):
    """Dense layer with its kernel divided by its largest singular value; see ``SpectralConv2D``."""

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.u = self.add_weight(
            shape=(1, self.units), initializer="random_normal", trainable=False, name="u"
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        kernel = _unit_norm(self.kernel, self.u, training)
        outputs = ops.matmul(inputs, kernel)
        return outputs + self.bias if self.use_bias else outputs


def _unit_norm(kernel, u, update):
    matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
    frozen = ops.stop_gradient(matrix)
    left = _unit(ops.matmul(ops.convert_to_tensor(u), ops.transpose(frozen)))
    right = _unit(ops.matmul(left, frozen))
    if update:
        u.assign(right)
    sigma = ops.sum(ops.matmul(left, matrix) * right)
    return kernel / sigma


def _unit(vector):
    return vector / (ops.norm(vector) + 1e-12)


def _full():
    """The type of what a network gives out, also where it computes in 16 bits.

    Losses, their gradients and sums over pixels need all digits (Micikevicius et al. 2018, "Mixed
    precision training").
    """
    return keras.config.floatx()


def _latents_and_labels(latent_dim, num_classes, units, use_bias):
    """Inputs and a first dense layer; labels join as one more linear term of it."""
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(units, use_bias=use_bias)(latents)
    if num_classes is None:
        return latents, x
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = Embedding(num_classes, units, embeddings_initializer="glorot_uniform")(labels)
    return [latents, labels], layers.Add()([x, embedded])


def generator(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    num_classes: int | None = None,
    filters: Sequence[int] = (64, 32),
) -> keras.Model:
    """Build a generator: latents ``(n, latent_dim)`` (and labels) -> images ``(n, h, w, c)``.

    The images are in [0, 1].  Transposed convolutions with batch normalisation (DCGAN, Radford et
    al. 2016).

    Args:
        image_shape: ``(height, width, channels)``.
        latent_dim: numbers in a latent.
        num_classes: None, or how many classes its labels have.
        filters: channels at the base resolution and at the following ones; the last repeats.
    """
    (height, width, channels), doublings = check_image_shape(image_shape)
    filters = [filters[min(i, len(filters) - 1)] for i in range(doublings)]
    base = (height >> doublings, width >> doublings, filters[0])
    units = base[0] * base[1] * base[2]
    inputs, x = _latents_and_labels(latent_dim, num_classes, units, use_bias=False)
    x = layers.ReLU()(BatchNormalization(momentum=0.9)(x))
    x = layers.Reshape(base)(x)
    for width_here in filters[1:]:
        x = layers.Conv2DTranspose(width_here, 4, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(BatchNormalization(momentum=0.9)(x))
    x = layers.Conv2DTranspose(channels, 4, 2, padding="same", activation="tanh")(x)
    images = layers.Rescaling(0.5, 0.5, name="images", dtype=_full())(x)
    return keras.Model(inputs, images, name="generator")


def discriminator(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    filters: Sequence[int] = (32, 64, 128),
    spectral_normalization: bool = False,
) -> keras.Model:
    """Build a discriminator: images in [0, 1] (and labels) -> scores ``(n, 1)``, no sigmoid.

    Strided convolutions without batch normalisation, so that every image is scored alone.
    Labels enter as a projection (Miyato & Koyama 2018, eq. 3).

    Args:
        image_shape: ``(height, width, channels)``.
        num_classes: None, or how many classes its labels have.
        filters: channels of each convolution; the last repeats.
        spectral_normalization: of every kernel, see ``SpectralConv2D``.
    """
    image_shape, halvings = check_image_shape(image_shape)
    conv = SpectralConv2D if spectral_normalization else layers.Conv2D
    dense = SpectralDense if spectral_normalization else layers.Dense
    steps = max(halvings + 1, len(filters))
    filters = [filters[min(i, len(filters) - 1)] for i in range(steps)]
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0)(images)
    for width_here in filters:
        x = conv(width_here, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=NEGATIVE_SLOPE)(x)
    features = layers.Flatten()(x)
    score = dense(1, dtype=_full())(features)
    if num_classes is None:
        return keras.Model(images, score, name="discriminator")
    labels = keras.Input((), dtype="int32", name="labels")
    direction = Embedding(
        num_classes, features.shape[-1], embeddings_initializer="glorot_uniform", dtype=_full()
    )(labels)
    match = ops.sum(ops.multiply(features, direction), axis=1, keepdims=True)
    return keras.Model([images, labels], ops.add(score, match), name="discriminator")


def encoder(
    image_shape: Sequence[int],
    latent_dim: int = 16,
    num_classes: int | None = None,
    filters: Sequence[int] = (32, 64),
    units: int = 256,
) -> keras.Model:
    """Build an encoder: images (and labels) -> ``(n, 2·latent_dim)``, mean beside log variance.

    SiLU (Ramachandran et al. 2017) instead of the rectifier: in one minute of training on two CPU
    cores it gains about 6 nats of ELBO on MNIST.

    Args:
        image_shape: ``(height, width, channels)``.
        latent_dim: numbers in a latent.
        num_classes: None, or how many classes its labels have.
        filters: channels of each convolution, each of which halves the image; the last repeats.
        units: of the dense layer.
    """
    image_shape, halvings = check_image_shape(image_shape)
    filters = [filters[min(i, len(filters) - 1)] for i in range(halvings)]
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0)(images)
    for width_here in filters:
        x = layers.Conv2D(width_here, 4, 2, padding="same", activation="silu")(x)
    inputs, x = images, layers.Dense(units)(layers.Flatten()(x))
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs, x = (
            [images, labels],
            layers.Add()([x, Embedding(num_classes, units)(labels)]),
        )
    outputs = layers.Dense(2 * latent_dim, name="mean_and_log_var", dtype=_full())(
        layers.Activation("silu")(x)
    )
    return keras.Model(inputs, outputs, name="encoder")


def decoder(
    image_shape: Sequence[int],
    latent_dim: int = 16,
    num_classes: int | None = None,
    filters: Sequence[int] = (64, 32),
    units: int = 256,
) -> keras.Model:
    """Build a decoder: latents (and labels) -> logits of the pixel means, ``(n, h, w, c)``.

    Args:
        image_shape: ``(height, width, channels)``.
        latent_dim: numbers in a latent.
        num_classes: None, or how many classes its labels have.
        filters: channels at the base resolution and at the following ones; the last repeats.
        units: of the dense layer.
    """
    (height, width, channels), doublings = check_image_shape(image_shape)
    filters = [filters[min(i, len(filters) - 1)] for i in range(doublings)]
    base = (height >> doublings, width >> doublings, filters[0])
    inputs, x = _latents_and_labels(latent_dim, num_classes, units, use_bias=True)
    x = layers.Dense(base[0] * base[1] * base[2], activation="silu")(layers.Activation("silu")(x))
    x = layers.Reshape(base)(x)
    for width_here in filters[1:]:
        x = layers.Conv2DTranspose(width_here, 4, 2, padding="same", activation="silu")(x)
    logits = layers.Conv2DTranspose(channels, 4, 2, padding="same", name="logits", dtype=_full())(x)
    return keras.Model(inputs, logits, name="decoder")


@keras.saving.register_keras_serializable("gentut")
class TimeFeatures(layers.Layer):
    """Times in [0, 1], ``(n, 1)`` -> sines and cosines of them, ``(n, 2·octaves + 1)``."""

    def __init__(self, octaves: int = 6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.octaves = octaves

    def call(self, time: Tensor) -> Tensor:
        rates = math.pi / 2 * 2.0 ** np.arange(self.octaves, dtype="float32")
        angles = time * ops.convert_to_tensor(rates, dtype=time.dtype)
        return ops.concatenate([time, ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], 2 * self.octaves + 1)

    def get_config(self) -> dict:
        return {**super().get_config(), "octaves": self.octaves}


@keras.saving.register_keras_serializable("gentut")
class FromGaussian(layers.Layer):
    """Velocity a(t)·xₜ + b(t)·F: exact for data N(0, spread²) where the network's output F is 0.

    On the straight path from N(0, I), xₜ has the variance c² = (1−t)² + t²·spread², the velocity's
    regression on xₜ the factor a = (t·spread² − (1−t)) / c², and what it leaves over the standard
    deviation b = spread / c.  The network learns only that rest, of one size at all times: the
    preconditioning of Karras et al. (2022, section 5), worked out for this path.
    """

    def __init__(self, spread: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spread = spread

    def call(self, rest: Tensor, points: Tensor, time: Tensor) -> Tensor:
        t = ops.reshape(time, (-1, *[1] * (len(points.shape) - 1)))
        variance = (1 - t) ** 2 + t**2 * self.spread**2
        factor = (t * self.spread**2 - (1 - t)) / variance
        return factor * points + self.spread / ops.sqrt(variance) * rest

    def compute_output_shape(
        self, rest_shape: tuple, points_shape: tuple, time_shape: tuple
    ) -> tuple:
        return rest_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "spread": self.spread}


def _time_and_labels(num_classes, units):
    """Inputs for time and labels, and one vector ``(n, units)`` of both.

    One more label than classes: the last means "no label".
    """
    time = keras.Input((1,), name="time")
    x = layers.Dense(units, activation="silu")(TimeFeatures(dtype=_full())(time))
    if num_classes is None:
        return [time], layers.Dense(units, activation="silu")(x)
    labels = keras.Input((), dtype="int32", name="labels")
    x = layers.Add()([layers.Dense(units)(x), Embedding(num_classes + 1, units)(labels)])
    return [time, labels], layers.Activation("silu")(x)


def _block(x, condition, filters):
    """Two convolutions beside a shortcut; ``condition`` scales and shifts between them."""
    shortcut = x if x.shape[-1] == filters else layers.Conv2D(filters, 1)(x)
    y = layers.Conv2D(filters, 3, padding="same")(layers.Activation("silu")(x))
    scale = layers.Reshape((1, 1, filters))(layers.Dense(filters)(condition))
    shift = layers.Reshape((1, 1, filters))(layers.Dense(filters)(condition))
    y = layers.Add()([y, layers.Multiply()([y, scale]), shift])
    y = layers.Activation("silu")(y)
    y = layers.Conv2D(filters, 3, padding="same", kernel_initializer="zeros")(y)
    return layers.Add()([shortcut, y])


def velocity(
    image_shape: Sequence[int],
    num_classes: int | None = None,
    filters: Sequence[int] = (32, 64),
    blocks: int = 2,
    units: int = 128,
) -> keras.Model:
    """Build a U-Net: ``[images, time (n, 1)]`` (and labels) -> velocity of the images.

    A compact one (Ronneberger et al. 2015), whose output is ``(n, h, w, c)``.  The finest level has
    half the resolution of the image: a stride-2 convolution goes in, a transposed one out.

    Args:
        image_shape: ``(height, width, channels)``.
        num_classes: None, or how many classes there are beside the label "none".
        filters: channels per level; larger images halve further with the last number.
        blocks: per level, on the way down and on the way up.
        units: of the vector of time and label.
    """
    image_shape, halvings = check_image_shape(image_shape)
    filters = [filters[min(i, len(filters) - 1)] for i in range(halvings)]
    extra, condition = _time_and_labels(num_classes, units)
    images = keras.Input(image_shape, name="images")
    x = layers.Conv2D(filters[0], 4, 2, padding="same")(images)
    skips = []
    for level, width_here in enumerate(filters):
        if level:
            x = layers.Conv2D(width_here, 4, 2, padding="same")(x)
        for _ in range(blocks):
            x = _block(x, condition, width_here)
        skips.append(x)
    for level in reversed(range(len(filters) - 1)):
        x = layers.Conv2DTranspose(filters[level], 4, 2, padding="same")(x)
        x = layers.Concatenate()([x, skips[level]])
        for _ in range(blocks):
            x = _block(x, condition, filters[level])
    x = layers.Activation("silu")(x)
    x = layers.Conv2DTranspose(
        image_shape[-1], 4, 2, padding="same", kernel_initializer="zeros", name="rest"
    )(x)
    x = FromGaussian(0.6, name="velocity", dtype=_full())(x, images, extra[0])
    return keras.Model([images, *extra], x, name="velocity")


def latent_velocity(
    latent_dim: int, num_classes: int | None = None, units: int = 256, blocks: int = 3
) -> keras.Model:
    """Build an MLP: ``[latents, time (n, 1)]`` (and labels) -> velocity, ``(n, latent_dim)``.

    Args:
        latent_dim: numbers in a latent.
        num_classes: None, or how many classes there are beside the label "none".
        units: of each dense layer.
        blocks: of two dense layers beside a shortcut.
    """
    extra, condition = _time_and_labels(num_classes, units)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(units)(latents)
    for _ in range(blocks):
        y = layers.Add()([x, layers.Dense(units)(condition)])
        y = layers.Dense(units, activation="silu")(layers.Activation("silu")(y))
        x = layers.Add()([x, layers.Dense(units, kernel_initializer="zeros")(y)])
    x = layers.Dense(latent_dim, kernel_initializer="zeros", name="rest")(x)
    x = FromGaussian(1.0, name="velocity", dtype=_full())(x, latents, extra[0])
    return keras.Model([latents, *extra], x, name="latent_velocity")
