"""Components and clusters are drawn in their shares, and averages reach back over their share."""

import keras
import numpy as np
import pytest
from keras import ops

import gentut
from gentut import mixtures, optimizers

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
    steps = 2000
    for step in range(1, steps + 1):
        live.set_weights([np.full((1, 1), step, "float32"), np.zeros(1, "float32")])
        optimizers.move_average(average, live, 0.9999, step)
    assert float(ops.convert_to_numpy(average.weights[0])[0, 0]) / steps == pytest.approx(
        12 / 13, abs=2e-3
    )
    for _ in range(200):  # a short decay wins over the share
        optimizers.move_average(average, live, 0.5, 10**6)
    assert float(ops.convert_to_numpy(average.weights[0])[0, 0]) == pytest.approx(steps)
