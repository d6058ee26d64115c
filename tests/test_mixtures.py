"""Components and clusters are drawn in their shares, and averages reach back over their share."""

import tracemalloc
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

import gentut
from gentut.models import components, mixtures, pca_mixture
from gentut.training import optimizers

SHARES = np.array([0.5, 0.0, 0.3, 0.15, 0.05])


@pytest.mark.parametrize("n", [1, 7, 100, 12_345])
@pytest.mark.parametrize("seed", range(5))
def test_counts_differ_from_their_shares_by_less_than_one(n, seed):
    drawn = mixtures.draw_in_shares(3 * SHARES, n, np.random.default_rng(seed))
    assert drawn.shape == (n,) and drawn.dtype == np.int32
    counts = np.bincount(drawn, minlength=5)
    assert np.abs(counts - n * SHARES).max() < 1
    assert counts[1] == 0


def test_every_single_draw_has_the_probabilities_of_the_shares():
    """The first of three draws over 20,000 seeds: within five standard errors."""
    first = [
        mixtures.draw_in_shares(SHARES, 3, np.random.default_rng(seed))[0] for seed in range(20_000)
    ]
    error = np.sqrt(SHARES * (1 - SHARES) / len(first))
    assert (np.abs(np.bincount(first, minlength=5) / len(first) - SHARES) <= 5 * error).all()


def test_draws_come_in_random_order():
    """Sorted draws would have a correlation of one with their places."""
    drawn = mixtures.draw_in_shares(SHARES, 5000, np.random.default_rng(0))
    assert abs(np.corrcoef(drawn, np.arange(5000))[0, 1]) < 0.07


def test_components_belong_to_the_group_of_the_label():
    weights = np.array([0.2, 0.8, 5.0, 1.0, 3.0])
    groups = np.array([0, 0, 1, 2, 2])
    labels = np.array([2, 0, 1] * 40)
    drawn = mixtures.draw_components(weights, groups, labels, 120, np.random.default_rng(0))
    np.testing.assert_array_equal(groups[drawn], labels)
    np.testing.assert_array_equal(np.bincount(drawn), [8, 32, 40, 10, 30])
    alone = mixtures.draw_components(weights, groups, None, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(alone), [2, 8])


def test_a_fitted_prior_is_sampled_in_the_shares_of_its_components():
    """Far apart components with no spread: the samples say which one they came from."""
    vae = gentut.build("vae", (16, 16, 1), latent_dim=2)
    corners = np.array([[-3.0, -3], [3, -3], [0, 4]])
    vae.prior = {
        "weights": np.array([0.6, 0.3, 0.1]),
        "means": corners,
        "scales": np.zeros((3, 2, 2)),
        "groups": np.zeros(3, int),
    }
    made, ideal = vae.sample(50, seed=1), vae.decode(corners)
    nearest = np.abs(made[:, None] - ideal[None]).sum(axis=(2, 3, 4)).argmin(axis=1)
    np.testing.assert_array_equal(np.bincount(nearest), [30, 15, 5])


def test_an_average_reaches_back_over_a_share_of_the_run():
    """A weight that equals the step: its weights go as t¹¹, so that the mean is 12/13 of t."""
    average, live = (keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in "ab")
    steps = 500
    for step in range(1, steps + 1):
        live.set_weights([np.full((1, 1), step, "float32"), np.zeros(1, "float32")])
        optimizers.move_average(average, live, 0.9999, step)
    assert float(ops.convert_to_numpy(average.weights[0])[0, 0]) / steps == pytest.approx(
        12 / 13, abs=2e-3
    )
    for _ in range(40):  # a short decay wins over the share
        optimizers.move_average(average, live, 0.5, 10**6)
    assert float(ops.convert_to_numpy(average.weights[0])[0, 0]) == pytest.approx(steps)


def test_rows_keep_the_shares_of_sorted_classes_and_two_of_the_rare():
    labels = np.repeat(np.arange(4), [9000, 800, 3, 1])
    rows = mixtures.draw_rows(9804, 100, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(labels[rows]), [89, 8, 2, 1])
    assert (np.diff(rows) > 0).all()  # in order, none twice
    again = mixtures.draw_rows(9804, 100, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, again)
    # Shares of 90.1 and 3.3 are rounded; the row left over goes where a half is reached first.
    labels = np.repeat(np.arange(4), [901, 33, 33, 33])
    rows = mixtures.draw_rows(1000, 100, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(labels[rows]), [91, 3, 3, 3])
    alone = mixtures.draw_rows(1000, 100, None, np.random.default_rng(0))
    assert len(set(alone)) == 100 and abs(alone.mean() - 500) < 100


@pytest.mark.parametrize("num_classes", [None, 4])
def test_a_prior_is_fitted_to_all_classes_of_sorted_images(num_classes, monkeypatch):
    """Four grey levels, sorted, and room for a third of the images."""
    labels = np.repeat(np.arange(4), 90)
    images = np.ones((360, 16, 16, 1), "float32") * labels[:, None, None, None] / 3
    vae = gentut.build("vae", (16, 16, 1), num_classes, latent_dim=2)
    seen = []

    def encode(images, labels):
        seen.append(images)
        return np.zeros((2, len(images), 2))

    monkeypatch.setattr(vae, "encode", encode)
    for _ in "ab":
        vae.fit_prior(images, None if num_classes is None else labels, components=4, limit=120)
    levels = np.rint(3 * seen[0][:, 0, 0, 0]).astype(int)
    counts = np.bincount(levels, minlength=4)
    assert counts.sum() == 120 and counts.min() >= (30 if num_classes else 15)
    np.testing.assert_array_equal(*seen)  # the same ones each time


def test_components_are_drawn_without_a_matrix_for_every_image():
    rng, n, d = np.random.default_rng(0), 4000, 64
    means, scales = rng.normal(size=(3, d)), np.tril(rng.normal(size=(3, d, d)))
    noise, chosen = rng.normal(size=(n, d)), rng.integers(0, 3, n)
    tracemalloc.start()
    drawn = mixtures.move_to_components(noise, chosen, means, scales)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * noise.nbytes  # a matrix for each would be 64 times
    expected = means[chosen] + np.einsum("nij,nj->ni", scales[chosen], noise)
    np.testing.assert_allclose(drawn, expected, rtol=1e-10, atol=1e-12)


def test_components_are_found_of_a_quarter_of_the_room_at_a_time(monkeypatch):
    monkeypatch.setattr(components, "NUMBERS", 4 * 30)
    parts = []

    def transform(rows):  # 30 numbers are seven images of four
        parts.append(len(rows))
        return 2 * rows

    images = np.arange(80, dtype="float32").reshape(20, 2, 2, 1) / 80
    codes = components.codes_of(SimpleNamespace(transform=transform), images)
    assert parts == [7, 7, 6]
    np.testing.assert_array_equal(codes, 2 * images.reshape(20, 4))


@pytest.mark.parametrize("num_classes", [None, 2])
def test_of_many_images_a_mixture_is_fitted_to_some_with_their_own_labels(num_classes, monkeypatch):
    given = {}

    def fit(codes, labels, *arguments, **options):
        given.update(codes=codes, labels=labels)
        raise InterruptedError  # seen enough

    monkeypatch.setattr(pca_mixture, "LIMIT", 20)
    monkeypatch.setattr(pca_mixture, "fit_mixtures", fit)
    labels = np.arange(50) % 2
    images = np.random.default_rng(0).random((50, 4, 4, 1), "float32") / 9
    images += labels[:, None, None, None] * np.float32(0.8)  # dark ones and light ones
    model = pca_mixture.PCAMixture((4, 4, 1), num_classes, latent_dim=3)
    with pytest.raises(InterruptedError):
        model.fit(images, labels if num_classes else None)
    assert given["codes"].shape == (20, 3)
    assert len(np.unique(given["codes"], axis=0)) == 20
    if num_classes is None:
        assert given["labels"] is None
    else:  # the first axis is that of the brightness
        light = given["codes"][:, 0] > 0
        assert (light == given["labels"]).all() or (light != given["labels"]).all()
        assert light.sum() == 10
