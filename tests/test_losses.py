"""Losses against values worked out by hand, and against what the theory says of them."""

import math

import numpy as np
import pytest
from keras import ops
from scipy import stats

from gentut.models import losses
from gentut.training.gradients import input_gradient

pytestmark = pytest.mark.backend
REAL = np.array([[0.0], [2.0]], "float32")
FAKE = np.array([[1.0], [-1.0]], "float32")
LOG = math.log

# By hand from the definitions, sigmoid and log written out.
EXPECTED = {
    "minimax": (
        (LOG(2) + LOG(1 + math.exp(-2))) / 2 + (LOG(1 + math.e) + LOG(1 + 1 / math.e)) / 2,
        -(LOG(1 + math.e) + LOG(1 + 1 / math.e)) / 2,
    ),
    "non_saturating": (
        (LOG(2) + LOG(1 + math.exp(-2))) / 2 + (LOG(1 + math.e) + LOG(1 + 1 / math.e)) / 2,
        (LOG(1 + 1 / math.e) + LOG(1 + math.e)) / 2,
    ),
    "least_squares": ((1 + 1) / 2 / 2 + (1 + 1) / 2 / 2, (0 + 4) / 2 / 2),
    "hinge": ((1 + 0) / 2 + (2 + 0) / 2, 0.0),
    "wasserstein": (0.0 - 1.0, 0.0),
    "relativistic": (
        (LOG(1 + math.e) + LOG(1 + math.exp(-3))) / 2,
        (LOG(1 + 1 / math.e) + LOG(1 + math.exp(3))) / 2,
    ),
}


@pytest.mark.parametrize("name", losses.ADVERSARIAL)
def test_adversarial_losses_equal_values_worked_out_by_hand(name):
    players = losses.ADVERSARIAL[name]
    assert float(players.discriminator(REAL, FAKE)) == pytest.approx(EXPECTED[name][0], abs=1e-6)
    assert float(players.generator(REAL, FAKE)) == pytest.approx(EXPECTED[name][1], abs=1e-6)


@pytest.mark.parametrize("name", [k for k, v in losses.ADVERSARIAL.items() if v.gradient_ratio])
def test_gradient_ratio_turns_one_players_gradient_into_the_others(name):
    players = losses.ADVERSARIAL[name]
    fake = np.array([[-12.0], [-1.0], [0.5], [8.0]], "float32")
    real = ops.convert_to_tensor(np.array([[3.0], [-2.0], [0.0], [1.0]], "float32"))
    d_gradient = input_gradient(lambda s: players.discriminator(real, s), fake)
    g_gradient = input_gradient(lambda s: players.generator(real, s), fake)
    ratio = players.gradient_ratio(real, ops.convert_to_tensor(fake))
    np.testing.assert_allclose(
        ops.convert_to_numpy(d_gradient * ratio),
        ops.convert_to_numpy(g_gradient),
        rtol=2e-4,
        atol=1e-9,
    )


def test_optimal_discriminator_of_equal_densities_reaches_minus_log_four():
    # Goodfellow et al. 2014, theorem 1: value −log 4, that is, a discriminator loss of log 4.
    zero = np.zeros((8, 1), "float32")
    assert float(losses.minimax_discriminator_loss(zero, zero)) == pytest.approx(LOG(4), abs=1e-6)


def test_penalties_on_a_linear_score_equal_its_squared_gradient():
    weights = np.arange(12, dtype="float32").reshape(1, 2, 2, 3) / 10
    images = np.random.default_rng(0).random((5, 2, 2, 3)).astype("float32")
    squared = float((weights**2).sum())
    weights = ops.convert_to_tensor(weights)
    gradients = input_gradient(lambda x: ops.sum(x * weights, axis=(1, 2, 3)), images)
    assert float(losses.zero_centered_gradient_penalty(gradients)) == pytest.approx(
        squared / 2, rel=1e-5
    )
    assert float(losses.gradient_penalty(gradients)) == pytest.approx(
        (squared**0.5 - 1) ** 2, rel=1e-5
    )


def test_gradient_penalty_of_a_flat_score_is_one_and_pulls_nowhere():
    flat = np.zeros((4, 2, 2, 1), "float32")
    gradient = input_gradient(losses.gradient_penalty, flat)
    assert float(losses.gradient_penalty(ops.convert_to_tensor(flat))) == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(gradient), flat)


def test_likelihoods_agree_with_scipy():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 2, (3, 2, 2, 1)).astype("float32")
    logits = rng.normal(size=(3, 2, 2, 1)).astype("float32")
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    expected = stats.bernoulli.logpmf(images, p).sum(axis=(1, 2, 3))
    x, scores = ops.convert_to_tensor(images), ops.convert_to_tensor(logits)
    found = losses.bernoulli_log_likelihood(x, scores)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
    expected = stats.norm.logpdf(images, logits, math.exp(-0.7)).sum(axis=(1, 2, 3))
    found = losses.gaussian_log_likelihood(x, scores, ops.convert_to_tensor(-0.7))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_discretised_logistic_is_the_share_of_each_grey_value_and_its_mean_that_of_clipped_draws():
    m, s = np.array([-0.2, 0.0, 0.3, 0.9, 1.4]), 0.07
    grey = np.arange(256) / 255
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    expected = np.diff(stats.logistic.cdf(edges[:, None], m, s), axis=0)  # (256, 5)
    images, location = (a.reshape(-1, 1, 1, 1) for a in (np.repeat(grey, 5), np.tile(m, 256)))
    tensors = (ops.convert_to_tensor(np.float32(a)) for a in (images, location, LOG(s)))
    found = losses.discretised_logistic_log_likelihood(*tensors)
    found = np.exp(ops.convert_to_numpy(found)).reshape(256, 5)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-4)
    draws = stats.logistic.ppf((np.arange(100_000)[:, None] + 0.5) / 100_000, m, s).clip(0, 1)
    mean = losses.discretised_logistic_mean(
        *map(ops.convert_to_tensor, (np.float32(m), np.float32(LOG(s))))
    )
    np.testing.assert_allclose(ops.convert_to_numpy(mean), draws.mean(axis=0), atol=1e-5)


def test_closed_form_kl_agrees_with_numerical_integration():
    mean, log_var = np.array([[0.8, -0.3]], "float32"), np.array([[-1.1, 0.4]], "float32")
    x = np.linspace(-12, 12, 200_001)
    expected = []
    for m, v in zip(mean[0], log_var[0], strict=True):
        q = stats.norm.logpdf(x, m, math.exp(v / 2))
        expected.append(np.trapezoid(np.exp(q) * (q - stats.norm.logpdf(x)), x))
    found = ops.convert_to_numpy(losses.kl_to_standard_normal(mean, log_var))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
