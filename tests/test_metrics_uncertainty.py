"""Intervals that cover, and the bias of the Fréchet distance."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.special
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


def test_the_bootstraps_interval_lies_between_percentiles_also_of_little_confidence():
    for confidence, width in ((0.4, 40), (0.95, 95)):
        values = itertools.count()  # 0 … 100 on the resamples
        found = metrics.bootstrap(
            lambda rows, values=values: float(next(values)),
            np.zeros(4),
            repeats=101,
            confidence=confidence,
        )
        assert found.high - found.low == pytest.approx(width)


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


# Rows of one source -------------------------------------------------------------------------------


def families(seed, count, size, spread=1.0):
    """Numbers of ``count`` families of ``size``, whose means have a spread; and their sources."""
    rng = np.random.default_rng(seed)
    values = spread * rng.normal(size=(count, 1)) + rng.normal(size=(count, size))
    order = rng.permutation(count * size)
    return values.ravel()[order], np.repeat(np.arange(count), size)[order]


@pytest.mark.parametrize("interval", [metrics.bootstrap, metrics.subset_interval])
def test_the_error_of_a_mean_is_that_of_family_means(interval):
    # Families of one size: the mean is that of family means, which are independent.
    values, sources = families(0, 100, 8)
    means = np.array([values[sources == k].mean() for k in range(100)])
    result = interval(lambda x: x.mean(), values, sources=[sources], repeats=1000)
    assert result.standard_error == pytest.approx(means.std(ddof=1) / 10, rel=0.08)
    naive = interval(lambda x: x.mean(), values, repeats=1000)
    assert naive.standard_error < 0.6 * result.standard_error  # √(1 + 7 · ½) ≈ 2.1 times too small


def test_only_an_interval_by_source_covers():
    def covered(interval):
        return interval.low <= 0 <= interval.high

    by_source, by_row = 0, 0
    for seed in range(200):
        values, sources = families(seed, 40, 6)
        mean = np.mean
        by_source += covered(metrics.subset_interval(mean, values, sources=[sources], repeats=40))
        by_row += covered(metrics.subset_interval(mean, values, repeats=40))
    assert 0.90 <= by_source / 200 <= 0.985
    assert by_row / 200 < 0.8


def test_a_source_is_drawn_whole_and_pairs_share_the_draw():
    sources = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    seen = []

    def metric(x, y):
        np.testing.assert_array_equal(x, y)
        counts = np.bincount(x, minlength=10)
        assert set(counts[counts > 0] == np.flatnonzero(counts) + 1) == {True}
        seen.append(np.count_nonzero(counts))
        return 0.0

    metrics.subset_interval(metric, sources, sources, sources=[sources, None], paired=True)
    assert seen == [10] + 50 * [5] or seen == 50 * [5] + [10]


def test_two_models_are_seen_on_the_same_real_images():
    real, sources = families(0, 50, 4)
    first, second = normal(1, 300), normal(2, 300)

    def drawn(generated):
        return metrics.halves(
            lambda r, g: {"real": r.mean(), "made": g.mean()},
            real,
            generated,
            sources=[sources, None],
        )

    assert drawn(first)["real"] == drawn(second)["real"] == drawn(first[:40])["real"]
    assert drawn(first)["made"] != drawn(second)["made"]


def test_what_real_images_add_to_both_scores_cancels_in_their_difference():
    real, sources = families(0, 30, 5, spread=10.0)
    first, second = normal(1, 400) + 0.5, normal(2, 400)

    def metric(real, generated):
        return {"mean": generated.mean() - real.mean()}

    alone = metrics.subset_interval(metric, real, first, sources=[sources, None])["mean"]
    both = metrics.paired_difference(metric, real, first, second, sources=sources, repeats=400)
    error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 400)
    assert both["mean"].value == pytest.approx(first.mean() - second.mean())
    assert both["mean"].standard_error == pytest.approx(error, rel=0.1)
    assert both["mean"].low > 0 and alone.standard_error > 10 * error
    single = metrics.paired_difference(
        lambda r, g: g.mean() - r.mean(), real, first, second, sources=sources, repeats=400
    )
    assert single == both["mean"]


def test_the_interval_of_halves_is_students():
    halves = [1.0, 2.0, 3.0, 6.0]
    found = metrics.interval_of(5.0, halves, confidence=0.9)
    margin = scipy.stats.t(3).ppf(0.95) * np.std(halves, ddof=1)
    assert found[:3] == pytest.approx((5.0, 5.0 - margin, 5.0 + margin))


def test_the_interval_of_a_share_covers_where_that_of_a_mean_does_not():
    # Families of unequal size, each wholly covered or not, nine in ten of them: so the truth is
    # 0.9. The share of covered rows scatters by about 0.04, least where it comes out near 1.
    held, missed_above = {"mean": 0, "share": 0}, 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        sizes, covered = 1 + rng.geometric(0.2, 100), rng.random(100) < 0.9
        sources, rows = np.repeat(np.arange(100), sizes), np.repeat(covered, sizes).astype(float)
        found = metrics.subset_interval(
            lambda x: {"mean": x.mean(), "share": x.mean()},
            rows,
            sources=[sources],
            repeats=20,
            shares=["share"],
            seed=seed,
        )
        assert 0 < found["share"].low < found["share"].value < found["share"].high < 1
        for name, interval in found.items():
            held[name] += interval.low <= 0.9 <= interval.high
        missed_above += found["mean"].low > 0.9
    assert held["mean"] / 500 < 0.92 <= held["share"] / 500 <= 0.98
    assert missed_above > 0.8 * (500 - held["mean"])  # where the share came out too large


def test_the_interval_of_a_share_is_that_of_its_log_odds():
    halves = np.array([0.7, 0.8, 0.9, 0.85])
    odds = scipy.special.logit(halves)
    margin = scipy.stats.t(3).ppf(0.95) * np.std(odds, ddof=1)
    low, high = (1 / (1 + np.exp(-(np.log(4) + side * margin))) for side in (-1, 1))
    found = metrics.interval_of(0.8, halves, confidence=0.9, share=True)
    assert found == pytest.approx((0.8, low, high, np.std(halves, ddof=1)))
    # 1 − share is a share, too: the interval is turned round.
    mirrored = metrics.interval_of(0.2, 1 - halves, confidence=0.9, share=True)
    assert mirrored[:3] == pytest.approx((0.2, 1 - high, 1 - low))
    # A half at the end has no finite log odds. Near ½ and for little scatter both rules agree.
    assert 0 < metrics.interval_of(0.9, [0.8, 1.0, 0.9], share=True).low < 0.9
    plain, share = (metrics.interval_of(0.5, [0.499, 0.501], share=each) for each in (False, True))
    assert share[:3] == pytest.approx(plain[:3], abs=1e-4)
    with_end = metrics.interval_of(0.5, np.linspace(0, 1, 9), share=True)
    assert 0 < with_end.low < 0.5 < with_end.high < 1
    # Nor has a share of 1; of these halves the deviation is √0.0025 = 0.05.
    whole = metrics.interval_of(1.0, [1.0, 1.0, 0.9, 1.0], confidence=0.9, share=True)
    assert whole == pytest.approx((1, 1 - scipy.stats.t(3).ppf(0.95) * 0.05, 1, 0.05))
    assert metrics.interval_of(0.0, [0.0, 0.0], share=True) == (0, 0, 0, 0)


def test_bad_shares():
    with pytest.raises(ValueError, match=r"of a share must lie in \[0, 1\]; received 0.5 to 1.5"):
        metrics.interval_of(0.5, [1.5, 0.6], share=True)
    with pytest.raises(ValueError, match=r"`shares` must name scores of `metric`; .* \['recall'\]"):
        metrics.subset_interval(lambda x: {"mean": x.mean()}, normal(0, 9), shares=["recall"])


def test_bad_sources():
    values = normal(0, 9)
    for sources, message in [
        ([np.zeros(9, int), None], "`sources` must hold one entry for each of the 1 arrays"),
        ([np.zeros(8, int)], r"`sources` must hold integers of shape \(9,\)"),
        ([np.zeros(9)], "`sources` must hold integers"),
        ([np.arange(9) % 3], "`sources` must be at least 4 different ones; received 3"),
    ]:
        for interval in (metrics.bootstrap, metrics.subset_interval):
            with pytest.raises(ValueError, match=message):
                interval(np.mean, values, sources=sources)
    with pytest.raises(ValueError, match="`first` and `second` must be equally long"):
        metrics.paired_difference(metrics.kernel_distance, values, values, values[:8])


def test_the_interval_of_a_mean_is_that_of_family_means_by_students_t():
    values, sources = families(3, 9, 5)
    means = np.array([values[sources == k].mean() for k in range(9)])
    expected = scipy.stats.t(8, means.mean(), means.std(ddof=1) / 3).interval(0.9)
    found = metrics.mean_interval(values, sources, confidence=0.9)
    assert (found.low, found.high) == pytest.approx(expected)
    plain = metrics.mean_interval(values)
    assert plain.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(45))
    with pytest.raises(ValueError, match="`values` must be 2 numbers or more"):
        metrics.mean_interval(values[:1])
