"""Images to feature vectors and class probabilities: the classifiers behind the scores.

A Fréchet distance or a recall is a statement about *features*. ImageNet features mean little on
28×28 letters, so the package carries small classifiers of its own, trained by
``data/train_features.py`` on the training splits and stored in ``data/weights/``:

    features = gentut.features.load("glyphs")
    features(images)                 # (n, 128), the layer before the class scores
    features.probabilities(images)   # (n, 10)
    features.name                    # "glyphs classifier", to be stated beside every score

Distances from different extractors, or from different numbers of images, cannot be compared.
Only a score on the Inception graph of 2015-12-05 may be called "FID"; nothing here is that graph.
"""

import json
import math
import os
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from gentut import data
from gentut.checks import as_float, check_choice, check_pixels
from gentut.evaluation import image_text
from gentut.evaluation.classifier import (
    check_channels,
    classifier,
    fit,
    load_weights,
    softmax,
)
from gentut.training.slices import Reading

CLASSIFIERS = ("glyphs", "emoji", "mnist", "cifar10_sample")
IMAGE_TEXT = "emoji_text"


def load(name: str) -> "Extractor | image_text.ImageText":
    """Load one of the classifiers, or the image–text model, that ship with gentut; works offline.

    Args:
        name: "glyphs" (letters A–J), "emoji" (nine groups of emoji; its features were trained to
            tell the seven sets of drawings, too), "mnist" (digits) or "cifar10_sample" (colour
            photographs, ten classes; trained on 1,668 of them, right 55 times in 100, so a weak
            reference).  "emoji_text" holds pictures against texts.

    Returns:
        An ``Extractor`` with 128 features and 10 classes, for emoji 9; for "emoji_text" an
        ``ImageText``.

    Raises:
        ValueError: for another name.
        FileNotFoundError: when the weights are not installed.
    """
    if check_choice("name", name, (*CLASSIFIERS, IMAGE_TEXT)) == IMAGE_TEXT:
        return image_text.load()
    path = data.data_path(f"weights/features-{name}.npz")
    with np.load(path, allow_pickle=False) as stored:
        info = json.loads(str(stored["info"]))
    model = classifier(info["image_shape"], info["num_classes"], teams=info.get("teams", 0))
    load_weights(path, model)
    return Extractor(model, f"{name} classifier", info=info)


def for_data(
    name: str | os.PathLike, image_shape: Sequence[int], num_classes: int | None = None
) -> "Extractor":
    """Pick the extractor for images of the data set ``name``.

    A classifier of ours fits the data set it was trained on ("cifar10_sample" also serves
    "cifar10"), if the number of classes agrees. Everything else, such as a folder of the user's own
    images, goes through ``random_convolutions``, and the extractor's name says so.

    Args:
        name: what ``gentut.data.load`` was given, a name or a folder.
        image_shape: ``(height, width, channels)`` of the images.
        num_classes: how many classes the labels have, or None if that does not matter.
    """
    reference = "cifar10_sample" if name == "cifar10" else name
    if reference in CLASSIFIERS:
        extractor = load(reference)
        if num_classes in (None, extractor.num_classes):
            return extractor
    return random_convolutions(image_shape)


def random_convolutions(image_shape: Sequence[int], seed: int = 0) -> "Extractor":
    """Build an untrained network of fixed random weights: the fallback where no classifier fits.

    Distances in random convolutional features follow blur, noise and lost variety, but they know
    nothing of what a picture shows: use them to compare models on one data set, not to praise one.
    The weights are He-normal (He et al., 2015, eq. 10), drawn by NumPy, so that they are the same
    on every backend. Images larger than 64×64 are resized to 64×64. There are no class
    probabilities.

    Args:
        image_shape: ``(height, width, channels)``, with 1 or 3 channels.
        seed: picks the weights.

    Returns:
        An ``Extractor`` with 128 features.
    """
    height, width, channels = image_shape
    shape = (min(height, 64), min(width, 64), channels)
    check_channels("image_shape", image_shape)
    model = classifier(shape, num_classes=None)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            fan_in = math.prod(layer.kernel.shape[:-1])
            kernel = rng.standard_normal(layer.kernel.shape) * math.sqrt(2 / fan_in)
            layer.kernel.assign(kernel.astype("float32"))
    name = f"random-conv {shape[0]}×{shape[1]} (seed {seed})"
    return Extractor(model, name, logits_layer=None)


def inception(weights: str | os.PathLike | None = "imagenet") -> "Extractor":
    """Load InceptionV3 of ``keras.applications``: 2048 pooled features, 1000 ImageNet classes.

    Downloads 92 MB on the first call. This is Keras' port with weights of its own, fed with
    antialiased bilinear resizes to 299×299. It is **not** the TensorFlow graph of 2015-12-05 that
    defines FID and the published Inception scores, so its numbers are neither and cannot be
    compared with them: call them "Fréchet distance (Keras InceptionV3)".

    Args:
        weights: "imagenet", a path to the downloaded ``.h5`` file, or None (random; for tests).

    Returns:
        An ``Extractor`` with 2048 features.
    """
    inputs = keras.Input((299, 299, 3))
    model = keras.applications.InceptionV3(
        input_tensor=layers.Rescaling(2.0, offset=-1.0)(inputs),
        weights=weights,
        classifier_activation=None,
    )
    name = "Keras InceptionV3" + (" (random weights)" if weights is None else "")
    return Extractor(
        model,
        name,
        feature_layer="avg_pool",
        logits_layer="predictions",
        map_layers=("mixed2", "mixed7", "mixed10"),
        batch_size=32,
    )


class Extractor:
    """Images in [0, 1] or bytes, ``(n, h, w, c)``, to features, class probabilities, feature maps.

    Images of another size are resized with antialiasing (``resize``, which does not keep the aspect
    ratio); colour becomes grey by ITU-R BT.601 luma, grey becomes colour by repetition.

    Attributes:
        name: what to state beside a score, e.g. "mnist classifier".
        image_shape: ``(height, width, channels)`` that the network sees.
        feature_dim: number of features, d.
        num_classes: number of classes, k; None without class probabilities.
        test_accuracy: share of the test split classified correctly; None where there is none.
        info: how the weights were made and tested, a dict (empty where there is nothing to tell).
    """

    def __init__(
        self,
        model: keras.Model,
        name: str,
        info: dict | None = None,
        feature_layer: str = "features",
        logits_layer: str | None = "logits",
        map_layers: Sequence[str] = ("block1", "block2", "block3", "block4"),
        batch_size: int = 256,
    ) -> None:
        self.name = name
        self.info = info or {}
        self.test_accuracy = self.info.get("test_accuracy")
        self.image_shape = tuple(model.input_shape[1:])
        self.feature_dim = model.get_layer(feature_layer).output.shape[-1]
        self.num_classes = (
            None if logits_layer is None else model.get_layer(logits_layer).output.shape[-1]
        )
        self.batch_size = batch_size
        self._features = keras.Model(model.input, model.get_layer(feature_layer).output)
        self._maps = keras.Model(model.input, [model.get_layer(x).output for x in map_layers])
        self._head = logits_layer and model.get_layer(logits_layer)

    def __repr__(self):
        return f"<Extractor {self.name!r}: {self.image_shape} to {self.feature_dim} features>"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return features of ``images``: float32 ``(n, feature_dim)``."""
        return np.concatenate(list(self._batches(self._features, images)))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return class probabilities of ``images``: float64 ``(n, num_classes)``."""
        return self.classify(self(images))

    def classify(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities of features that were extracted before: no second pass.

        Args:
            features: ``(n, feature_dim)``, as ``extractor(images)`` returns them.

        Returns:
            float64 ``(n, num_classes)``, rows that sum to one.

        Raises:
            ValueError: when this extractor has no classes, or ``features`` has another shape.
        """
        if self._head is None:
            raise ValueError(f"The extractor '{self.name}' has no classes, so no probabilities.")
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] != self.feature_dim:
            raise ValueError(
                f"`features` must have shape (n, {self.feature_dim});"
                f" received shape {features.shape}."
            )
        kernel, bias = (keras.ops.convert_to_numpy(w) for w in self._head.weights)
        return softmax(features.astype("float64") @ kernel + bias)

    def layers(self, images: np.ndarray) -> list[np.ndarray]:
        """Return feature maps after each block: perceptual distances, Gatys' content and style.

        For 28×28 images they take 12,000 numbers an image: hand over a few thousand images at a
        time.

        Returns:
            A list of float32 arrays ``(n, h, w, c)``, from fine to coarse.
        """
        batches = list(self._batches(self._maps, images))
        return [np.concatenate(maps) for maps in zip(*batches, strict=True)]

    def _batches(self, model, images):
        images = check_pixels(images)
        check_channels("images", images.shape)
        reading = Reading(images)
        for start in range(0, len(images), self.batch_size):
            some = as_float(images[start : start + self.batch_size])
            yield model.predict_on_batch(fit(some, self.image_shape))
            reading(len(some))


class FeatureSink:
    """Takes images slice after slice, ``sink[start:stop] = images``, and keeps their features.

    What ``sample(n, out=sink)`` of a model needs no room for is all of its images at once.

    Attributes:
        seconds: the time that features took.

    Args:
        extractor: what sees the images.
        image_shape: that they must have.
        name: what they are called in messages.
    """

    def __init__(self, extractor: Extractor, image_shape: Sequence[int], name: str) -> None:
        self.extractor, self.image_shape, self.name = extractor, tuple(image_shape), name
        self.seconds, self.count = 0.0, 0
        self._waiting, self._codes = [], []

    def __setitem__(self, rows: slice, images: np.ndarray) -> None:
        start = time.perf_counter()
        if rows.start != self.count:
            raise IndexError(f"images come in order: {self.count} is next, not {rows.start}")
        self._waiting.append(as_float(check_pixels(images, self.image_shape, self.name)))
        self.count += len(images)
        size = self.extractor.batch_size
        # The same batches, and so the same bits, as of all images at once.
        whole = sum(map(len, self._waiting)) // size * size
        if whole:
            self._extract(whole)
        self.seconds += time.perf_counter() - start

    def _extract(self, count):
        images = np.concatenate(self._waiting)
        self._codes.append(self.extractor(images[:count]))
        self._waiting = [images[count:]] if count < len(images) else []

    def features(self) -> np.ndarray:
        """Return the features of all images so far, float32 ``(n, feature_dim)``."""
        if self._waiting:
            self._extract(sum(map(len, self._waiting)))
        return np.concatenate(self._codes)
