"""The extractors: what is stored is what is stated, and images reach the network unharmed."""

import hashlib
import importlib.util
import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gentut
from gentut import data
from gentut.evaluation import classifier, features


@pytest.fixture(scope="module")
def glyphs():
    return features.load("glyphs")


@pytest.fixture(scope="module")
def glyph_test():
    return data.load("glyphs", "test")


@pytest.fixture(scope="module")
def glyph_test_features(glyphs, glyph_test):
    return glyphs(glyph_test[0])


@pytest.fixture(scope="module")
def trainer():
    path = Path(__file__).parent.parent / "data" / "train_features.py"
    spec = importlib.util.spec_from_file_location("train_features", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What is stored


@pytest.mark.parametrize("name", features.CLASSIFIERS)
def test_a_judge_is_described_and_small(name):
    judge = features.load(name)
    classes = 9 if name == "emoji" else 10
    assert (judge.name, judge.feature_dim, judge.num_classes) == (
        f"{name} classifier",
        128,
        classes,
    )
    in_colour = name in ("emoji", "cifar10_sample")
    assert judge.image_shape == ((32, 32, 3) if in_colour else (28, 28, 1))
    assert judge.test_accuracy == judge.info["test_accuracy"]
    assert judge.info["command"].startswith(f"python data/train_features.py {name}")
    assert os.path.getsize(data.data_path(f"weights/features-{name}.npz")) <= 2_000_000


@pytest.mark.parametrize("name", features.CLASSIFIERS)
def test_weights_hold_no_pickle_and_no_useless_number(name):
    path = data.data_path(f"weights/features-{name}.npz")
    assert zipfile.ZipFile(path).testzip() is None
    with np.load(path, allow_pickle=False) as stored:
        info = json.loads(str(stored["info"]))
        arrays = [stored[key] for key in stored.files if key != "info"]
    assert all(array.dtype == np.float16 and np.isfinite(array).all() for array in arrays)
    # Keras counts the weights by itself, the file holds the same number.
    assert sum(array.size for array in arrays) == info["parameters"]


def test_stated_accuracy_and_calibration_are_those_of_the_test_split(
    glyphs, glyph_test, glyph_test_features, trainer
):
    labels = glyph_test[1]
    probabilities = glyphs.classify(glyph_test_features)
    accuracy = np.mean(probabilities.argmax(axis=-1) == labels)
    assert accuracy == pytest.approx(glyphs.test_accuracy, abs=0.002)
    error = trainer.expected_calibration_error(probabilities, labels)
    assert error == pytest.approx(glyphs.info["test_ece"], abs=0.002)


def test_glyphs_judge_was_trained_on_the_stored_glyphs(glyphs):
    digest = hashlib.sha256()
    for split in ("train", "test"):
        images, labels = data.load("glyphs", split)
        digest.update(np.round(images * 255).astype("uint8").tobytes())
        digest.update(labels.astype("int32").tobytes())
    assert glyphs.info["data_sha256"] == digest.hexdigest()


def test_the_emoji_judge_tells_groups_and_its_features_the_sets():
    judge = features.load("emoji")
    images, groups = data.load("emoji", "test")
    codes = judge(images)
    right = np.mean(judge.classify(codes).argmax(axis=-1) == groups)
    assert right == pytest.approx(judge.test_accuracy, abs=0.002)
    # The sets, from the features alone: the nearest of the sets' means over training emoji.
    teams, names = data.emoji.teams("test")
    train, drawn_by = data.load("emoji", "train")[0][::4], data.emoji.teams("train")[0][::4]
    means = [judge(train[drawn_by == team]).mean(axis=0) for team in range(len(names))]
    nearest = np.linalg.norm(codes[:, None] - np.stack(means), axis=-1).argmin(axis=1)
    assert np.mean(nearest == teams) > 2 / len(names)
    assert judge.info["teams"] == 7 and judge.info["test_team_accuracy"] > 0.5


def test_features_carry_the_classes_and_have_no_dead_unit(glyph_test, glyph_test_features):
    assert glyph_test_features.dtype == np.float32
    assert glyph_test_features.shape == (len(glyph_test[1]), 128)
    assert (glyph_test_features >= 0).all()
    assert (glyph_test_features.std(axis=0) > 0).all()


# What is computed


def test_an_image_has_the_same_features_in_any_batch(glyphs, glyph_test, glyph_test_features):
    assert len(glyph_test_features) > glyphs.batch_size  # so the whole set takes several batches
    for chosen in (slice(0, 1), slice(250, 270), slice(-3, None)):
        np.testing.assert_allclose(
            glyphs(glyph_test[0][chosen]), glyph_test_features[chosen], atol=2e-5
        )


def test_layers_are_the_maps_from_fine_to_coarse(glyphs, glyph_test):
    maps = glyphs.layers(glyph_test[0][:3])
    assert [m.shape for m in maps] == [(3, 14, 14, 24), (3, 7, 7, 64), (3, 7, 7, 64), (3, 4, 4, 96)]
    assert all(m.dtype == np.float32 and (m >= 0).all() and m.max() > 0 for m in maps)


def test_loading_draws_no_global_random_number():
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].copy()
    features.load("glyphs")
    features.random_convolutions((16, 16, 1))
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()


def convolve_same(images, kernel, stride):
    """A convolution padded as TensorFlow's "same": the odd pixel goes right and below."""
    size = kernel.shape[0]
    new = [-(-n // stride) for n in images.shape[1:3]]
    total = [
        max((m - 1) * stride + size - n, 0) for m, n in zip(new, images.shape[1:3], strict=True)
    ]
    padded = np.pad(images, [(0, 0), *[(t // 2, t - t // 2) for t in total], (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return np.einsum("nyxcij,ijcf->nyxf", windows[:, ::stride, ::stride], kernel, optimize=True)


def normalise_and_rectify(x, stored, name):
    scale = stored[f"{name}/gamma"] / np.sqrt(stored[f"{name}/moving_variance"] + 1e-3)
    x = (x - stored[f"{name}/moving_mean"]) * scale + stored[f"{name}/beta"]
    return np.maximum(x, 0)


@pytest.mark.backend
def test_features_and_probabilities_are_those_of_a_forward_pass_in_numpy(glyphs, glyph_test):
    """Float64, from the arrays in the file: the same numbers are due on every backend."""
    images = glyph_test[0][:8]
    with np.load(data.data_path("weights/features-glyphs.npz")) as file:
        stored = {key: file[key].astype("float64") for key in file.files if key != "info"}
    x = images.astype("float64") * 2 - 1
    maps = []
    for i, stride in enumerate((2, 2, 1, 2), start=1):
        x = convolve_same(x, stored[f"conv{i}/kernel"], stride)
        x = normalise_and_rectify(x, stored, f"norm{i}")
        maps.append(x)
    x = normalise_and_rectify(x.reshape(8, -1) @ stored["dense/kernel"], stored, "norm_dense")
    np.testing.assert_allclose(glyphs(images), x, rtol=1e-5, atol=1e-4)
    for got, expected in zip(glyphs.layers(images), maps, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)
    scores = np.exp(x @ stored["logits/kernel"] + stored["logits/bias"])
    expected = scores / scores.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(glyphs.probabilities(images), expected, atol=1e-5)


@pytest.mark.backend
def test_random_convolutions_are_the_same_on_every_backend():
    # Sums worked out with TensorFlow 2.21; weights come from NumPy, so that all backends agree.
    images = np.linspace(0, 1, 2 * 16 * 16, dtype="float32").reshape(2, 16, 16, 1)
    total = features.random_convolutions((16, 16, 1))(images).sum(axis=-1)
    np.testing.assert_allclose(total, [16.02949, 25.02762], rtol=1e-4)


# Other sizes and colours


@pytest.mark.parametrize(
    "shape, size", [((50, 41), (28, 28)), ((9, 30), (32, 7)), ((8, 8), (28, 28))]
)
def test_resize_is_pillows_antialiased_bilinear(shape, size):
    images = np.random.default_rng(0).random((2, *shape, 3), dtype="float32")
    expected = [
        [
            np.asarray(Image.fromarray(image[..., c]).resize(size[::-1], Image.Resampling.BILINEAR))
            for c in range(3)
        ]
        for image in images
    ]
    np.testing.assert_allclose(
        classifier.resize(images, *size), np.moveaxis(np.array(expected), 1, -1), atol=2e-6
    )


def test_resize_does_not_alias():
    # A checkerboard finer than the new grid is grey. Sampling it without a filter gives stripes.
    board = np.indices((84, 84)).sum(axis=0) % 2
    small = classifier.resize(board[None, :, :, None].astype("float32"), 28, 28)
    np.testing.assert_allclose(small, 0.5, atol=0.01)


def test_resize_keeps_constant_images_and_the_range():
    images = np.stack([np.full((45, 37, 1), v, "float32") for v in (0.0, 0.3, 1.0)])
    small = classifier.resize(images, 28, 28)
    np.testing.assert_allclose(small, images[:, :28, :28], atol=1e-6)
    noise = np.random.default_rng(0).integers(0, 2, (50, 28, 28, 1)).astype("float32")
    large = classifier.resize(classifier.resize(noise, 9, 9), 28, 28)
    assert large.min() >= 0 and large.max() <= 1


def test_a_judge_sees_through_size_and_colour(glyphs, glyph_test, glyph_test_features):
    images, labels = glyph_test[0][:300], glyph_test[1][:300]
    large = classifier.resize(images, 84, 84)
    colour = np.repeat(images, 3, axis=-1)
    np.testing.assert_allclose(glyphs(colour), glyph_test_features[:300], atol=1e-4)
    agree = glyphs.probabilities(large).argmax(-1) == glyphs.classify(
        glyph_test_features[:300]
    ).argmax(-1)
    assert agree.mean() > 0.97, labels[~agree]


def test_colour_becomes_grey_by_luma_and_grey_becomes_colour():
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B
    red_green_blue = np.eye(3, dtype="float32").reshape(3, 1, 1, 3)
    np.testing.assert_allclose(
        classifier.fit(red_green_blue, (1, 1, 1)).ravel(), [0.299, 0.587, 0.114], rtol=1e-6
    )
    grey = np.full((1, 2, 2, 1), 0.25, "float32")
    np.testing.assert_array_equal(classifier.fit(grey, (2, 2, 3)), np.full((1, 2, 2, 3), 0.25))


# Calibration


def test_calibration_error_worked_by_hand(trainer):
    # Ten bins. [0.6, 0.7): confidences 0.62 and 0.66, one right: gap |1 - 1.28| = 0.28.
    # [0.9, 1]: 0.9, 0.95 and 1.0, all right: gap |3 - 2.85| = 0.15. Sum / 5 = 0.086.
    top = np.array([0.62, 0.66, 0.9, 0.95, 1.0])
    probabilities = np.stack([top, 1 - top], axis=-1)
    error = trainer.expected_calibration_error(probabilities, np.array([0, 1, 0, 0, 0]), bins=10)
    assert error == pytest.approx(0.086, abs=1e-12)


# Which extractor


def test_for_data_takes_the_fitting_classifier():
    assert features.for_data("glyphs", (28, 28, 1), 10).name == "glyphs classifier"
    assert features.for_data("mnist", (28, 28, 1)).name == "mnist classifier"
    assert features.for_data("emoji", (32, 32, 3), 9).name == "emoji classifier"
    assert features.for_data("cifar10", (32, 32, 3), 10).name == "cifar10_sample classifier"


@pytest.mark.parametrize(
    "name, shape, num_classes, expected",
    [
        ("holiday/photos", (48, 32, 3), None, "random-conv 48×32 (seed 0)"),
        ("fashion_mnist", (28, 28, 1), 10, "random-conv 28×28 (seed 0)"),
        ("glyphs", (28, 28, 1), 26, "random-conv 28×28 (seed 0)"),
        ("holiday/photos", (256, 256, 3), 4, "random-conv 64×64 (seed 0)"),
    ],
)
def test_for_data_says_so_when_no_classifier_fits(name, shape, num_classes, expected):
    extractor = features.for_data(name, shape, num_classes)
    assert extractor.name == expected
    assert extractor.num_classes is None and extractor.test_accuracy is None
    images = np.random.default_rng(0).random((2, *shape), dtype="float32")
    assert extractor(images).shape == (2, 128)
    with pytest.raises(ValueError, match=r"The extractor 'random-conv .* has no classes"):
        extractor.probabilities(images)


def test_random_convolutions_are_fixed_by_their_seed(glyph_test):
    images = glyph_test[0][:20]
    first = features.random_convolutions((28, 28, 1))(images)
    np.testing.assert_array_equal(first, features.random_convolutions((28, 28, 1))(images))
    other = features.random_convolutions((28, 28, 1), seed=1)(images)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("which", ["glyphs", "random-conv"])
def test_the_more_images_are_spoilt_the_farther_they_are(which, glyphs, glyph_test):
    judge = glyphs if which == "glyphs" else features.random_convolutions((28, 28, 1))
    rng = np.random.default_rng(0)
    reference = judge(rng.permutation(glyph_test[0])[:600])
    train = rng.permutation(data.load("glyphs", "train")[0])[:600]

    def distance(x):
        return gentut.metrics.frechet_distance(reference, judge(x.astype("float32")))

    normal = rng.standard_normal(train.shape)
    blurred = [classifier.resize(classifier.resize(train, s, s), 28, 28) for s in (12, 8, 5)]
    noisy = [np.clip(train + sd * normal, 0, 1) for sd in (0.1, 0.3, 0.9)]
    collapsed = [train[rng.integers(0, kept, 600)] for kept in (100, 20, 4)]
    floor = distance(train)
    for spoilt in (blurred, noisy, collapsed):
        distances = [distance(x) for x in spoilt]
        assert floor < distances[0] < distances[1] < distances[2], distances
        assert distances[2] > 10 * floor


# Errors


def test_an_unknown_judge():
    with pytest.raises(
        ValueError,
        match="`name` must be one of glyphs, emoji, mnist, cifar10_sample, emoji_text; received"
        " 'inception'.",
    ):
        features.load("inception")


@pytest.mark.parametrize(
    "images, message",
    [
        (
            np.zeros((28, 28, 1), "float32"),
            r"`images` must have shape \(n, height, width, channels",
        ),
        (np.zeros((1, 28, 28, 1), "int8"), "floating point.* or uint8.*received dtype int8"),
        (np.full((1, 28, 28, 1), 255.0), r"must lie in \[0, 1\].*255"),
        (np.full((1, 28, 28, 1), np.nan), r"must lie in \[0, 1\] without NaN"),
        (np.zeros((1, 28, 28, 4), "float32"), r"`images` must have 1 \(grey\) or 3 \(colour\)"),
    ],
)
def test_images_that_cannot_be_judged(images, message, glyphs):
    with pytest.raises(ValueError, match=message):
        glyphs(images)


def test_features_of_another_extractor(glyphs):
    with pytest.raises(ValueError, match=r"`features` must have shape \(n, 128\); received .*64"):
        glyphs.classify(np.zeros((5, 64)))


def test_random_convolutions_of_two_channels():
    with pytest.raises(ValueError, match=r"`image_shape` must have 1 \(grey\) or 3 \(colour\)"):
        features.random_convolutions((28, 28, 2))
