"""Keras parts whose TensorFlow form takes fewer passes over memory; the mathematics is Keras' own.

On two CPU cores the arithmetic of small networks is soon done, and what costs is reading and
writing arrays.  Where TensorFlow has one kernel for what Keras writes as several, it is used here.
On JAX, which joins such passes itself, and on PyTorch these are the Keras classes unchanged.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras import ops
from packaging.version import Version

from gentut.training.devices import BACKEND, Tensor, device_count, replica

if BACKEND == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable("gentut")
class Adam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015) that moves a variable and both its moments in one pass."""

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        if BACKEND != "tensorflow" or self.amsgrad or device_count() > 1:
            super().update_step(gradient, variable, learning_rate)
            return
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        rates = self.beta_1, self.beta_2
        # Keras rounds the rates to single precision for their powers, where all else is double too.
        powers = [ops.cast(rate, dtype) ** step for rate in rates]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,  # Keras hands over TensorFlow's own variable here
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=ops.cast(learning_rate, dtype),
            beta1=tf.constant(rates[0], dtype),
            beta2=tf.constant(rates[1], dtype),
            epsilon=tf.constant(self.epsilon, dtype),
            grad=ops.cast(gradient, dtype),
        )


@keras.saving.register_keras_serializable("gentut")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation (Ioffe & Szegedy 2015), statistics and gradient each in one kernel.

    Not where a gradient of the gradient is needed: that of the kernel is slow.
    """

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        channels_last = self.axis in (-1, len(inputs.shape) - 1)
        # `renorm` came with Keras 3.14.
        special = self.synchronized or getattr(self, "renorm", False)
        plain = self.scale and self.center and not special
        kernel = BACKEND == "tensorflow" and inputs.dtype == "float32" and channels_last and plain
        if not (kernel and training and self.trainable and mask is None):
            return super().call(inputs, training=training, mask=mask)
        shape = ops.shape(inputs)
        # The kernel takes images: vectors become images of one pixel.
        pixels = inputs if len(shape) == 4 else ops.reshape(inputs, (-1, 1, 1, shape[-1]))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=pixels,
            scale=self.gamma,
            offset=self.beta,
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the variance over n − 1 values, Keras keeps the one over n.
        count = ops.cast(ops.size(pixels) // shape[-1], "float32")
        variance = variance * (count - 1) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs if pixels is inputs else ops.reshape(outputs, shape)


# 1/255 = HIGH − LOW, where HIGH has 16 binary digits: its product with a byte is exact.
HIGH = 32897 / 2**23
LOW = HIGH - 1 / 255


def pixels_to_float(images: Tensor) -> Tensor:
    """Turn bytes 0…255 into float32 in [0, 1] on the device; floats stay what they are.

    The bits are those of NumPy's division by 255.  Written as a division it would lose the last
    bit of some values: compilers multiply by the rounded 1/255 instead.
    """
    if keras.backend.standardize_dtype(images.dtype) != "uint8":
        return images
    values = ops.cast(images, "float32")
    return values * HIGH - values * LOW


@contextlib.contextmanager
def common_statistics(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Normalise over the whole batch, where each device sees a share of it.

    Set while the step is built and not in the layer's config, which other backends refuse.
    """
    normalising = [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]
    before = [layer.synchronized for layer in normalising]
    for layer in normalising:
        layer.synchronized = layer.synchronized or replica()[1] > 1
    try:
        yield
    finally:
        for layer, value in zip(normalising, before, strict=True):
            layer.synchronized = value


@keras.saving.register_keras_serializable("gentut")
class Embedding(keras.layers.Embedding):
    """One vector per label, looked up as a matrix product.

    The gradient of a look-up adds rows up one by one; that of a product is a product.
    """

    def call(self, labels: Tensor) -> Tensor:
        chosen = ops.one_hot(labels, self.input_dim, dtype=self.compute_dtype)
        return ops.matmul(chosen, ops.cast(self.embeddings, self.compute_dtype))


@contextlib.contextmanager
def without_failing_remapper(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Switch off a pass over TensorFlow's graphs, the remapper, where it would fail.

    Up to TensorFlow 2.20 (Colab's) it fails on a convolution, a leaky rectifier and their gradient:
    it prints an error past ``TF_CPP_MIN_LOG_LEVEL``, and leaves the graph as it was.  So these
    graphs lose nothing without it; a VAE's, where it works, would be 5 % slower.
    """
    fails = BACKEND == "tensorflow" and Version(tf.__version__) < Version("2.21")
    if not fails or not any(isinstance(layer, keras.layers.LeakyReLU) for layer in layers):
        yield
        return
    before = tf.config.optimizer.get_experimental_options().get("remapping")
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        yield
    finally:  # None: as TensorFlow likes
        tf.config.optimizer.set_experimental_options({"remapping": before})
