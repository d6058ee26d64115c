"""PixelCNN: what a pixel may see, probabilities of all images, frequencies of drawn ones."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

import gentut
from gentut.models.autoregressive import MaskedConv2D, PixelCNN, pixel_cnn

pytestmark = pytest.mark.backend
BINARY = np.array(list(itertools.product([0, 1], repeat=4)), "float32").reshape(16, 2, 2, 1)


def tiny(shape=(2, 2, 1), levels=2, num_classes=None):
    """A model with weights so large that its pixels depend on each other."""
    gentut.seed(0)
    network = pixel_cnn(shape, levels, num_classes, filters=6, blocks=1)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape).astype("float32"))
    model = PixelCNN(network)
    model.compile(keras.optimizers.Adam(1e-2))
    return model


def test_a_pixel_sees_those_before_it_and_no_other():
    model = tiny((4, 5, 1), 3)
    images = np.random.default_rng(0).integers(0, 3, (1, 4, 5, 1)).astype("float32") / 2

    def logs(images):
        return ops.convert_to_numpy(model(ops.convert_to_tensor(images))).reshape(20, 3)

    before, reached = logs(images), set()
    for i in range(20):
        moved = images.copy()
        moved.reshape(-1)[i] = (moved.reshape(-1)[i] + 0.5) % 1.5
        changed = np.flatnonzero(np.abs(logs(moved) - before).max(axis=1) > 1e-5)
        assert (changed > i).all(), i
        reached |= {(i, int(j)) for j in changed}
    assert all((i, i + 1) in reached for i in range(20) if i % 5 < 4)  # the one to the right
    assert all((i, i + 5) in reached for i in range(15))  # the one below


@pytest.mark.parametrize(("mask", "seen"), [("A", [1, 1, 1, 1, 0]), ("B", [1, 1, 1, 1, 1])])
def test_masks_let_in_the_pixels_before_and_b_the_pixel_itself(mask, seen):
    layer = MaskedConv2D(1, 3, mask, use_bias=False, kernel_initializer="ones")
    spots = np.eye(9, dtype="float32").reshape(9, 3, 3, 1)
    found = ops.convert_to_numpy(layer(spots))[:, 1, 1, 0]
    np.testing.assert_array_equal(found, [*seen, 0, 0, 0, 0])


def test_probabilities_of_all_images_add_up_to_one_and_are_how_often_they_are_drawn():
    model, n = tiny(), 4000
    probabilities = np.exp(model.log_likelihood(BINARY))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.max() > 2 / 16  # not uniform
    drawn = model.sample(n, seed=0)
    np.testing.assert_array_equal(model.sample(9, seed=3), model.sample(9, seed=3))
    index = drawn.reshape(n, 4) @ [8, 4, 2, 1]
    counts = np.bincount(index.astype(int), minlength=16)
    kept = probabilities * n > 5
    expected = np.append(probabilities[kept], probabilities[~kept].sum()) * n
    observed = np.append(counts[kept], counts[~kept].sum())
    use = expected > 0
    assert ((observed - expected)[use] ** 2 / expected[use]).sum() < stats.chi2.isf(1e-4, use.sum())


def test_training_learns_the_entropy_of_its_data_with_labels(tmp_path):
    # Label 0: both rows the same, 2 bits; label 1: all black, 0 bits.
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 2).astype("int32")
    rows = rng.integers(0, 2, (600, 1, 2, 1)) * (1 - labels)[:, None, None, None]
    images = np.repeat(rows, 2, axis=1).astype("float32")
    gentut.seed(0)
    model = PixelCNN(pixel_cnn((2, 2, 1), 2, 2, filters=16, blocks=1))
    model.compile(keras.optimizers.Adam(2e-2))
    model.fit(images, labels, epochs=6, batch_size=60, verbose=0)
    found = [model.log_likelihood(images[labels == k], labels[labels == k]).mean() for k in (0, 1)]
    assert found == pytest.approx([-2 * np.log(2), 0], abs=0.15)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.sample(5, seed=1), model.sample(5, seed=1))
    np.testing.assert_array_equal(again.sample(5, seed=1)[:, 0], again.sample(5, seed=1)[:, 1])


def test_grey_values_are_rounded_to_the_levels():
    model = tiny(levels=3)
    grey = np.array([0.1, 0.3, 0.6, 0.9], "float32").reshape(1, 2, 2, 1)
    rounded = np.array([0.0, 0.5, 0.5, 1.0], "float32").reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(*(model.log_likelihood(x) for x in (grey, rounded)))


def test_colour_and_unknown_masks_are_refused():
    with pytest.raises(ValueError, match=r"`network` must take images \(h, w, 1\); it takes"):
        PixelCNN(pixel_cnn((4, 4, 3)))
    with pytest.raises(ValueError, match="`mask` must be one of A, B; received 'C'"):
        MaskedConv2D(2, 3, "C")
