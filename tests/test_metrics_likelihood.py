"""Likelihood bounds on models whose log p(x) is exact: probabilistic PCA."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from gentut import metrics

D, LATENT, NOISE = 6, 2, 0.3


class ProbabilisticPCA:
    """z ~ N(0, I), x ~ N(Wz + b, NOISE² I) (Tipping & Bishop 1999)."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        # Orthogonal columns make the posterior diagonal.
        self.w = np.linalg.qr(rng.normal(size=(D, LATENT)))[0] * np.array([1.5, 0.7])
        self.b = rng.normal(size=D)

    def sample(self, n, seed):
        rng = np.random.default_rng(seed)
        return rng.normal(size=(n, LATENT)) @ self.w.T + self.b + NOISE * rng.normal(size=(n, D))

    def log_likelihood(self, x):
        return scipy.stats.multivariate_normal(
            self.b, self.w @ self.w.T + NOISE**2 * np.eye(D)
        ).logpdf(x)

    def posterior(self, x):
        """Their eq. 7: mean M⁻¹Wᵀ(x − b), variances σ²M⁻¹ with M = WᵀW + σ² I, here diagonal."""
        m = np.diag(self.w.T @ self.w) + NOISE**2
        mean = (x - self.b) @ self.w / m
        return mean, np.broadcast_to(np.log(NOISE**2 / m), mean.shape)

    def log_weights(self, x, mean, log_var, k, seed):
        noise = np.random.default_rng(seed).normal(size=(len(x), k, LATENT))
        z = mean[:, None] + np.exp(log_var / 2)[:, None] * noise
        decoded = z @ self.w.T + self.b
        log_joint = scipy.stats.norm(decoded, NOISE).logpdf(x[:, None]).sum(-1)
        log_joint += scipy.stats.norm().logpdf(z).sum(-1)
        log_q = scipy.stats.norm(mean[:, None], np.exp(log_var / 2)[:, None]).logpdf(z).sum(-1)
        return log_joint - log_q


def test_exact_posterior_gives_log_p_for_every_k():
    model = ProbabilisticPCA()
    x = model.sample(20, seed=1)
    expected = pytest.approx(model.log_likelihood(x), abs=1e-10)
    for k in (1, 2, 50):
        log_weights = model.log_weights(x, *model.posterior(x), k, seed=2)
        assert metrics.importance_weighted_bound(log_weights) == expected


def test_wrong_posterior_rises_with_k_towards_log_p():
    model = ProbabilisticPCA()
    x = model.sample(400, seed=1)
    mean, log_var = model.posterior(x)
    log_weights = model.log_weights(x, mean + 0.3, log_var + 0.7, 2000, seed=2)
    exact = model.log_likelihood(x).mean()
    bounds = [
        metrics.importance_weighted_bound(log_weights[:, :k]).mean() for k in (1, 5, 50, 2000)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] < exact - 0.5
    assert bounds[-1] == pytest.approx(exact, abs=0.01)
    # The gap of the ELBO, the mean weight, is KL(q ‖ posterior), known here in closed form.
    gap = metrics.kl_gaussian(mean + 0.3, log_var + 0.7, mean, log_var).mean()
    assert log_weights.mean() == pytest.approx(exact - gap, abs=0.01)


def test_elbo_with_the_analytic_divergence():
    # E_q log p(x|z) − KL(q ‖ prior) equals log p(x) with the exact posterior; E_q by hand:
    # log N(x; Wμ + b, σ²) − Σ var · |column of W|² / 2σ².
    model = ProbabilisticPCA()
    x = model.sample(10, seed=3)
    mean, log_var = model.posterior(x)
    log_noise = np.full(D, 2 * np.log(NOISE))
    expected = metrics.gaussian_log_density(x, mean @ model.w.T + model.b, log_noise)
    expected -= (np.exp(log_var) * (model.w**2).sum(0)).sum(1) / (2 * NOISE**2)
    value = expected - metrics.kl_gaussian(mean, log_var)
    assert value == pytest.approx(model.log_likelihood(x), abs=1e-10)


def test_bound_by_hand():
    # Weights 1, 2, 3, 6: log mean = log 3.
    log_weights = np.log([[1.0, 2, 3, 6]])
    assert metrics.importance_weighted_bound(log_weights) == pytest.approx([np.log(3)])
    # Far below what exp can hold, and with impossible draws.
    assert metrics.importance_weighted_bound(log_weights - 5000) == pytest.approx(
        [np.log(3) - 5000]
    )
    assert metrics.importance_weighted_bound([[0.0, -np.inf]]) == pytest.approx([-np.log(2)])
    assert metrics.importance_weighted_bound([[-np.inf, -np.inf]]) == [-np.inf]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_kl_gaussian_against_an_integral(seed, d):
    rng = np.random.default_rng(seed)
    mean, log_var, prior_mean, prior_log_var = rng.normal(0, 0.7, (4, 3, d))
    # Gauss–Hermite quadrature of E_q[log q − log p] is exact for quadratics.
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    z = mean[..., None] + np.exp(log_var / 2)[..., None] * nodes
    log_q = scipy.stats.norm(mean[..., None], np.exp(log_var / 2)[..., None]).logpdf(z)
    log_p = scipy.stats.norm(prior_mean[..., None], np.exp(prior_log_var / 2)[..., None]).logpdf(z)
    expected = ((log_q - log_p) @ weights / weights.sum()).sum(1)
    value = metrics.kl_gaussian(mean, log_var, prior_mean, prior_log_var)
    assert value == pytest.approx(expected, abs=1e-10)
    assert np.all(value >= 0)
    standard = metrics.kl_gaussian(mean, log_var)
    assert standard == pytest.approx(
        metrics.kl_gaussian(mean, log_var, np.zeros(d), np.zeros((3, d)))
    )


def test_kl_gaussian_literals():
    # ½(e − 1 − 1 + 4) for one dimension with mean 2 and log-variance 1; 0 for the prior itself.
    assert metrics.kl_gaussian([[2.0]], [[1.0]]) == pytest.approx([(np.e + 2) / 2])
    assert metrics.kl_gaussian(np.zeros((2, 3)), np.zeros((2, 3))).tolist() == [0, 0]
    # Nearly equal variances: δ²/4, where exp(δ) − 1 would have lost it.
    assert metrics.kl_gaussian([[0.0]], [[1e-5]]) == pytest.approx([2.5e-11], rel=1e-4)


def test_bits_per_dim():
    # A uniform density on [0, 1]^d spends log₂ 256 bits; a model on half the range one less.
    assert metrics.bits_per_dim(0.0, 784) == 8
    assert metrics.bits_per_dim([784 * np.log(2)], 784) == pytest.approx([7])
    # Log-probabilities of binary pixels, all at 1/2: one bit each.
    assert metrics.bits_per_dim(784 * np.log(0.5), 784, levels=1) == pytest.approx(1)


def test_dequantised_images_obey_the_discrete_bound():
    # Two grey values with P(1) = 3/4; the density that is constant on each half is exact:
    # bits per dimension become the entropy of the coin.
    images = (np.arange(4000).reshape(1000, 2, 2, 1) % 4 > 0).astype(np.float32)
    continuous = metrics.dequantise(images, levels=2, seed=0)
    assert continuous.min() >= 0 and continuous.max() < 1
    assert np.array_equal(np.floor(continuous * 2), images)
    density = np.where(continuous < 0.5, 2 * 0.25, 2 * 0.75)
    log_likelihood = np.log(density).sum(axis=(1, 2, 3))
    entropy = -0.25 * np.log2(0.25) - 0.75 * np.log2(0.75)
    assert metrics.bits_per_dim(log_likelihood, 4, levels=2).mean() == pytest.approx(entropy)
    assert scipy.stats.kstest(continuous.ravel() * 2 % 1, "uniform").pvalue > 0.01
    assert np.array_equal(continuous, metrics.dequantise(images, levels=2, seed=0))


def test_float32_is_widened_before_any_arithmetic():
    # 2²⁴ + 1 needs 25 bits: in float32 the halves of these sums would vanish.
    big = np.array([[2.0**24, 0.5]], np.float32)
    assert metrics.importance_weighted_bound(big) == pytest.approx([2.0**24 - np.log(2)], rel=1e-15)
    assert metrics.gaussian_log_density(big, 0 * big, 0 * big) == pytest.approx(
        [-(2.0**47) - 0.125 - np.log(2 * np.pi)], rel=1e-15
    )
    assert metrics.kl_gaussian(big, 0 * big) == [2.0**47 + 0.125]
    single = np.array([1 / 3], np.float32)
    assert metrics.bits_per_dim(single, 7, levels=1) == -float(single[0]) / (7 * np.log(2))


def test_dequantise_is_repeatable():
    noise = np.random.default_rng(0).random(2)
    assert metrics.dequantise([0.0, 1.0]).tolist() == ((noise + [0, 255]) / 256).tolist()
    assert not np.array_equal(metrics.dequantise([0.0]), metrics.dequantise([0.0], seed=1))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: metrics.kl_gaussian(np.zeros(3), np.zeros(3)), r"one shape \(n, d\)"),
        (lambda: metrics.kl_gaussian(np.zeros((2, 3)), np.zeros((2, 2))), r"received \(2, 3\) and"),
        (lambda: metrics.kl_gaussian([[np.nan]], [[0.0]]), "`mean` must be finite"),
        (lambda: metrics.kl_gaussian([[0.0]], [[0.0]], [1.0, 2.0]), "`prior_mean` must broadcast"),
        (
            lambda: metrics.kl_gaussian([[0.0]], [[0.0]], 0.0, [1.0, 2.0]),
            "`prior_log_var` must broadcast",
        ),
        (lambda: metrics.kl_gaussian([[0.0]], [[0.0]], 0, np.inf), "`prior_log_var` must be fin"),
        (lambda: metrics.bits_per_dim(0.0, 1, levels=0), "`levels` must be .* of at least 1; .* 0"),
        (
            lambda: metrics.importance_weighted_bound(np.zeros(3)),
            r"`log_weights` must have shape .* received \(3,\)",
        ),
        (lambda: metrics.importance_weighted_bound([[np.nan]]), "`log_weights` must be below"),
        (lambda: metrics.importance_weighted_bound([[np.inf]]), "`log_weights` must be below"),
        (
            lambda: metrics.bits_per_dim(0.0, 0),
            "`dimensions` must be an integer of at least 1",
        ),
        (lambda: metrics.bits_per_dim(np.nan, 4), "`log_likelihood` must be numbers"),
        (lambda: metrics.dequantise([0.5], levels=2), r"`images` must be multiples of 1/1"),
        (lambda: metrics.dequantise([255.0]), r"`images` must be multiples of 1/255"),
        (lambda: metrics.dequantise([256 / 255]), r"`images` must be multiples of 1/255"),
        (lambda: metrics.dequantise([-1 / 255]), r"`images` must be multiples of 1/255"),
        (
            lambda: metrics.dequantise([0.0], levels=1),
            "`levels` must be .* of at least 2; received 1",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
