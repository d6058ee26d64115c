"""Network builders: functional Keras models for 28×28 grey to 256×256 colour images.

Images enter and leave in [0, 1]; rescaling happens inside.  Conditional networks take
``[input, labels]``, labels as ints ``(n,)``.  What the builders have in common:

    image_shape: ``(height, width, channels)``, see ``check_image_shape``.
    latent_dim: numbers in a latent.
    num_classes: None, or how many classes the labels have; a velocity takes one more, "none".
    filters: channels of each convolution; the last number repeats as often as it is needed.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gentut.checks import check_image_shape
from gentut.models.paths import gaussian_terms
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


@keras.saving.register_keras_serializable("gentut")
class SpectralConv2D(layers.Conv2D):
    """Convolution with its kernel divided by its largest singular value (Miyato et al. 2018).

    One step of power iteration per training call (algorithm 1); the gradient flows through the
    division, as in the paper.
    """

    def build(self, input_shape: tuple) -> None:
        super().build(input_shape)
        self.u = self.add_weight((1, self.filters), "random_normal", trainable=False, name="u")

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
        self.u = self.add_weight((1, self.units), "random_normal", trainable=False, name="u")

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


def _repeated(filters, count):
    """The first ``count`` of ``filters``, the last of which repeats."""
    return [filters[min(i, len(filters) - 1)] for i in range(count)]


def _growth(image_shape, filters):
    """Of a generator or decoder: the base, its smallest grid; filters from there on; channels."""
    (height, width, channels), doublings = check_image_shape(image_shape)
    filters = _repeated(filters, doublings)
    return (height >> doublings, width >> doublings, filters[0]), filters, channels


def _first_layer(latent_dim, num_classes, units, use_bias):
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(units, use_bias=use_bias)(latents)
    return _with_labels(latents, x, num_classes, embeddings_initializer="glorot_uniform")


def _with_labels(inputs, x, num_classes, **options):
    """Labels join the inputs, and ``x`` as one more linear term of a dense layer."""
    if num_classes is None:
        return inputs, x
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = Embedding(num_classes, x.shape[-1], **options)(labels)
    return [inputs, labels], layers.Add()([x, embedded])


def generator(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    num_classes: int | None = None,
    filters: Sequence[int] = (64, 32),
) -> keras.Model:
    """Build a generator: latents ``(n, latent_dim)`` (and labels) -> images ``(n, h, w, c)``.

    Transposed convolutions with batch normalisation (DCGAN, Radford et al. 2016); ``filters`` begin
    at the base, the smallest grid.
    """
    base, filters, channels = _growth(image_shape, filters)
    inputs, x = _first_layer(latent_dim, num_classes, math.prod(base), use_bias=False)
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
    Labels enter as a projection (Miyato & Koyama 2018, eq. 3).  ``spectral_normalization`` is that
    of every kernel, see ``SpectralConv2D``.
    """
    image_shape, halvings = check_image_shape(image_shape)
    conv = SpectralConv2D if spectral_normalization else layers.Conv2D
    dense = SpectralDense if spectral_normalization else layers.Dense
    filters = _repeated(filters, max(halvings + 1, len(filters)))
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
    cores it gains about 6 nats of ELBO on MNIST.  ``units`` are those of the dense layer.
    """
    image_shape, halvings = check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0)(images)
    for width_here in _repeated(filters, halvings):
        x = layers.Conv2D(width_here, 4, 2, padding="same", activation="silu")(x)
    inputs, x = _with_labels(images, layers.Dense(units)(layers.Flatten()(x)), num_classes)
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

    ``filters`` begin at the base, the smallest grid; ``units`` are those of the first dense layer.
    """
    base, filters, channels = _growth(image_shape, filters)
    inputs, x = _first_layer(latent_dim, num_classes, units, use_bias=True)
    x = layers.Dense(math.prod(base), activation="silu")(layers.Activation("silu")(x))
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

    def get_config(self) -> dict:
        return {**super().get_config(), "octaves": self.octaves}


@keras.saving.register_keras_serializable("gentut")
class FromGaussian(layers.Layer):
    """Prediction a(t)·xₜ + b(t)·F: exact for data N(0, spread²) where the network's output F is 0.

    The network learns only the rest F, of one size at all times: the preconditioning of Karras et
    al. (2022, section 5), for each path and prediction (``gentut.paths.gaussian_terms``).
    """

    def __init__(
        self, spread: float, path: str = "straight", prediction: str = "velocity", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.spread, self.path_name, self.prediction = spread, path, prediction

    def call(self, rest: Tensor, points: Tensor, time: Tensor) -> Tensor:
        a, b = gaussian_terms(points, time, self.spread, self.path_name, self.prediction)
        return a * points + b * rest

    def get_config(self) -> dict:
        own = {"spread": self.spread, "path": self.path_name, "prediction": self.prediction}
        return {**super().get_config(), **own}


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
    path: str = "straight",
    prediction: str = "velocity",
) -> keras.Model:
    """Build a U-Net: ``[images, time (n, 1)]`` (and labels) -> velocity of the images.

    A compact one (Ronneberger et al. 2015), whose output is ``(n, h, w, c)``.  The finest level has
    half the resolution of the image: a stride-2 convolution goes in, a transposed one out.

    ``filters`` has a number per level, each with ``blocks`` on the way down and on the way up;
    ``units`` are those of the vector of time and label; ``path`` and ``prediction`` (which may be
    "noise" or "image" instead) those of the ``gentut.Flow`` that it is for.
    """
    image_shape, halvings = check_image_shape(image_shape)
    filters = _repeated(filters, halvings)
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
    x = FromGaussian(0.6, path, prediction, name="velocity", dtype=_full())(x, images, extra[0])
    return keras.Model([images, *extra], x, name="velocity")


def latent_velocity(
    latent_dim: int, num_classes: int | None = None, units: int = 256, blocks: int = 3
) -> keras.Model:
    """Build an MLP: ``[latents, time (n, 1)]`` (and labels) -> velocity, ``(n, latent_dim)``.

    Each of its ``blocks`` is two dense layers of so many ``units`` beside a shortcut.
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
