"""The network of the classifiers, how its weights are stored, and how images are made to fit it."""

import io
import json
import os
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from gentut.files import write_atomically

FEATURE_DIM = 128
# Filters, kernel size and stride of each convolution. Strides instead of pooling save two thirds of
# the cost.
BLOCKS = ((24, 5, 2), (64, 3, 2), (64, 3, 1), (96, 3, 2))
LUMA = np.array([0.299, 0.587, 0.114], "float32")  # ITU-R BT.601, as Pillow's mode "L"


def fit(images: np.ndarray, image_shape: Sequence[int]) -> np.ndarray:
    """Convert images to ``(height, width, channels)``: luma or repetition, then ``resize``."""
    height, width, channels = image_shape
    if images.shape[-1] > channels:
        images = (images @ LUMA)[..., None]
    images = resize(images, height, width)
    return np.repeat(images, channels // images.shape[-1], axis=-1)


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize images ``(n, h, w, c)`` in [0, 1] with a triangle filter that widens when it shrinks.

    The widening is the antialiasing: each output pixel averages all the input that it covers.
    Without it, sampling a fine pattern gives moiré, and scores depend on the resizer (Parmar et
    al., "On Aliased Resizing", CVPR 2022). The result is that of Pillow's ``BILINEAR`` on
    floating-point images and of ``tf.image.resize(method="bilinear", antialias=True)``.
    """
    if images.shape[1:3] == (height, width):
        return images
    rows = _triangle_filter(images.shape[1], height)
    columns = _triangle_filter(images.shape[2], width)
    resized = np.einsum("yh,nhwc,xw->nyxc", rows, images, columns, optimize=True)
    return np.clip(resized, 0.0, 1.0)  # rounding alone can leave the range


def _triangle_filter(size, new_size):
    """The ``(new_size, size)`` matrix of a one-dimensional antialiased linear resize."""
    scale = size / new_size
    centres = (np.arange(new_size) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(size) - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def check_channels(argument: str, shape: Sequence[int]) -> None:
    """Raise unless images of this shape are grey or in colour."""
    if shape[-1] not in (1, 3):
        raise ValueError(
            f"`{argument}` must have 1 (grey) or 3 (colour) channels; received shape {shape}."
        )


def classifier(
    image_shape: Sequence[int],
    num_classes: int | None,
    dropout: float = 0.3,
    seed: int = 0,
    teams: int = 0,
) -> keras.Model:
    """Build the network of the classifiers: four convolutions, 128 features, class scores (logits).

    All layers have a seed of their own, because loading a classifier in the middle of a run must
    not draw from the run's random numbers.

    Args:
        image_shape: ``(height, width, channels)`` of images in [0, 1].
        num_classes: how many scores; None ends the network with the features.
        dropout: share of the features that a training step leaves out.
        seed: of weights and dropout.
        teams: how many teams of designers the features must tell apart as well; 0 for none.

    Returns:
        A Keras model: images -> logits ``(n, num_classes)``, or features ``(n, 128)``; with teams,
        a list of the logits of the classes and those of the teams, ``(n, teams)``.
    """

    def initializer(index):
        return keras.initializers.HeNormal(seed=seed * 100 + index)

    x = inputs = keras.Input(image_shape)
    x = layers.Rescaling(2.0, offset=-1.0)(x)
    for i, (filters, kernel, stride) in enumerate(BLOCKS, start=1):
        x = layers.Conv2D(
            filters,
            kernel,
            stride,
            padding="same",
            use_bias=False,
            kernel_initializer=initializer(i),
            name=f"conv{i}",
        )(x)
        x = layers.BatchNormalization(momentum=0.95, name=f"norm{i}")(x)
        x = layers.ReLU(name=f"block{i}")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(FEATURE_DIM, use_bias=False, kernel_initializer=initializer(50), name="dense")(
        x
    )
    x = layers.BatchNormalization(momentum=0.95, name="norm_dense")(x)
    x = layers.ReLU(name="features")(x)
    if num_classes is not None:
        x = layers.Dropout(dropout, seed=seed)(x)
        heads = {"logits": num_classes, "team_logits": teams}
        outputs = [
            layers.Dense(count, kernel_initializer=initializer(60 + i), name=name)(x)
            for i, (name, count) in enumerate(heads.items())
            if count
        ]
        x = outputs if teams else outputs[0]
    return keras.Model(inputs, x)


def save_weights(path: str | os.PathLike, model: keras.Model, info: dict) -> None:
    """Write the weights of ``model`` as float16, with ``info`` as JSON, to one ``.npz`` file.

    The arrays are named ``layer/variable``, so the file depends neither on the backend nor on how a
    version of Keras orders weights. Half precision halves the file.
    """
    arrays = {
        f"{layer.name}/{variable.name}": keras.ops.convert_to_numpy(variable).astype("float16")
        for layer in model.layers
        for variable in layer.weights
    }
    content = io.BytesIO()
    np.savez(content, info=np.array(json.dumps(info)), **arrays)
    write_atomically(path, content.getvalue())


def load_weights(path: str | os.PathLike, model: keras.Model) -> None:
    """Assign to ``model`` the weights that ``save_weights`` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        for layer in model.layers:
            for variable in layer.weights:
                variable.assign(stored[f"{layer.name}/{variable.name}"].astype("float32"))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return class probabilities ``(n, k)``, float64, of class scores ``(n, k)``."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
