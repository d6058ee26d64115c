"""Intervals that cover, and the bias of the Fréchet distance."""

import warnings

import numpy as np
import pytest
import scipy.stats

from gentut import metrics

pytestmark = pytest.mark.filterwarnings("ignore::gentut.metrics.SmallSampleWarning")


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("interval", [metrics.bootstrap, metrics.subset_interval])
def test_standard_error_of_a_mean(interval):
    # Known: s / √n. 1,000 repeats leave 2 % of noise in it.
    values = normal(0, 400)
    result = interval(lambda x: x.mean(), values, repeats=1000, confidence=0.9)
    error = values.std(ddof=1) / 20
    assert result.value == values.mean()
    assert result.standard_error == pytest.approx(error, rel=0.08)
    assert result.high - result.low == pytest.approx(2 * 1.645 * error, rel=0.1)


def test_subset_interval_of_distances_matches_their_true_spread():
    # The truth: new samples each time. Two sets, unequal sizes, distributions that differ.
    def draw(seed):
        return normal(2 * seed, 300, 3), 1.2 * normal(2 * seed + 1, 200, 3) + 0.4

    for metric in (metrics.frechet_distance, metrics.kernel_distance):
        truth = np.std([metric(*draw(seed)) for seed in range(1, 150)])
        errors = [
            metrics.subset_interval(metric, *draw(seed), repeats=40).standard_error
            for seed in range(1, 8)
        ]
        assert np.mean(errors) == pytest.approx(truth, rel=0.25)


def test_subset_interval_covers():
    # N(0, I) against N(m, I), m = (½, ½). Gaussian moments of (t/2 + 1)³ for t = x·y give
    # E k = 1 + 3·2/4 within the first, 1 + 3·½/2 + 3·3.25/4 + 7.625/8 within the second,
    # 1 + 3·2.5/4 between: together 2.5 + 5.140625 − 2·2.875.
    truth = 1.890625
    hits, values = 0, []
    for seed in range(60):
        real, generated = normal(2 * seed, 250, 2), normal(2 * seed + 1, 250, 2) + 0.5
        interval = metrics.subset_interval(metrics.kernel_distance, real, generated, repeats=20)
        hits += interval.low <= truth <= interval.high
        values.append(interval.value)
    assert hits >= scipy.stats.binom(60, 0.95).ppf(0.001)
    assert abs(np.mean(values) - truth) < 3 * np.std(values) / np.sqrt(
        60
    )  # and the estimate is unbiased


def test_bootstrap_moves_a_distance_between_sets():
    # Why it is not for distances: equal sets are at 0, resampled ones never.
    real = normal(0, 60, 3)
    result = metrics.bootstrap(metrics.frechet_distance, real, real, repeats=30)
    assert result.value == pytest.approx(0, abs=1e-12) and result.low > 0.001


def test_dict_metrics_pairs_and_seeds():
    real, generated = normal(0, 120, 3), normal(1, 120, 3)
    prdc = metrics.precision_recall_density_coverage
    result = metrics.subset_interval(prdc, real, generated, repeats=5, seed=4)
    assert list(result) == ["precision", "recall", "density", "coverage"]
    assert result["recall"].value == prdc(real, generated)["recall"]
    assert result == metrics.subset_interval(prdc, real, generated, repeats=5, seed=4)
    assert result != metrics.subset_interval(prdc, real, generated, repeats=5, seed=5)
    # Pairs drawn together: the mean difference of x and x + 1 has no spread.
    for interval in (metrics.bootstrap, metrics.subset_interval):
        together = interval(lambda a, b: (b - a).mean(), real, real + 1, paired=True, repeats=9)
        apart = interval(lambda a, b: (b - a).mean(), real, real + 1, repeats=9)
        assert together.standard_error < 1e-12 < apart.standard_error


def test_resampling_warns_once_at_most():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        metrics.subset_interval(metrics.frechet_distance, normal(0, 50, 2), normal(1, 50, 2))
    assert len(caught) == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"repeats": 1}, "`repeats` must be an integer of at least 2; received 1"),
        ({"confidence": 95}, "`confidence` must be between 0 and 1; received 95"),
        ({"paired": True}, r"`arrays` must be equally long .* \[9, 8\]"),
    ],
)
@pytest.mark.parametrize("interval", [metrics.bootstrap, metrics.subset_interval])
def test_bad_options(interval, options, message):
    with pytest.raises(ValueError, match=message):
        interval(metrics.frechet_distance, normal(0, 9, 2), normal(1, 8, 2), **options)
    with pytest.raises(ValueError, match="`arrays` must hold at least 4 rows"):
        interval(np.mean, np.zeros(3))
    with pytest.raises(ValueError, match="`metric` must return a float or a dict"):
        interval(lambda x: (x.mean(), x.std()), np.zeros(9))


@pytest.mark.parametrize("fixed_real", [False, True])
def test_extrapolation_removes_most_of_the_bias(fixed_real):
    # True distance 1: means differ by 1, covariances are equal. With a fixed real set, its
    # share of the bias stays, so it is given ten times as many samples.
    real = normal(0, 9000 if fixed_real else 900, 20)
    shift = np.eye(20)[0]
    naive, fitted = [], []
    for seed in range(1, 7):
        generated = normal(seed, 900, 20) + shift
        naive.append(metrics.frechet_distance(real, generated))
        line = metrics.frechet_distance_extrapolated(real, generated, fixed_real=fixed_real)
        fitted.append(line.value)
        assert line.slope > 0 and line.standard_error > 0
        assert line.sizes[0] == 300 and line.sizes[-1] == 900 and len(line.sizes) == 15
        assert line.distances[-1] == pytest.approx(naive[-1], rel=1e-12)
    assert np.mean(naive) > 1.08
    assert abs(np.mean(fitted) - 1) < 0.5 * (np.mean(naive) - 1)


def test_bias_falls_as_one_over_n():
    # Equal distributions, d = 8. First order: tr C / n from each mean, d(d + 1) / 4n from each
    # covariance: for n = m together (2d + d(d + 1) / 2) / n = 52 / n.
    for n in (200, 800):
        values = [
            metrics.frechet_distance(normal(2 * s, n, 8), normal(2 * s + 1, n, 8))
            for s in range(60)
        ]
        assert np.mean(values) == pytest.approx(52 / n, rel=0.1)


def test_extrapolation_wants_enough_samples():
    with pytest.raises(ValueError, match="at least 63 samples for 20 dimensions; received 60 real"):
        metrics.frechet_distance_extrapolated(normal(0, 60, 20), normal(1, 90, 20))
    with pytest.raises(ValueError, match="`points` must be an integer of at least 3"):
        metrics.frechet_distance_extrapolated(normal(0, 90, 2), normal(1, 90, 2), points=2)
