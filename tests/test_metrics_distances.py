"""Fréchet distance, kernel distance and inception score against closed forms."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gentut import metrics
from gentut.metrics import distances, frechet

pytestmark = pytest.mark.filterwarnings("ignore::gentut.metrics.SmallSampleWarning")
quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def axis_pairs(variances, mean):
    """2d rows ±aᵢeᵢ + mean: their sample covariance is diag(variances), by construction."""
    d = len(variances)
    rows = np.diag(np.sqrt(np.asarray(variances, float) * (2 * d - 1) / 2))
    return np.concatenate([rows, -rows]) + mean


def rotation(seed, d):
    return np.linalg.qr(normal(seed, d, d))[0]


def test_one_dimension_is_the_difference_of_means_and_of_deviations():
    # Means 0 and 5; variances 2/1 and 18/1 (ddof = 1), so 25 + (√18 − √2)² = 25 + 8.
    real, generated = np.array([[-1.0], [1.0]]), np.array([[2.0], [8.0]])
    assert metrics.frechet_distance(real, generated) == pytest.approx(33, rel=1e-12)


@pytest.mark.parametrize("angle_seed", [None, 3])
def test_commuting_covariances(angle_seed):
    # Σ(√λ − √μ)² = 1 + 4 + 0 + 9 and |mean|² = 4, in any common rotation.
    real = axis_pairs([1, 4, 9, 16], 0.0)
    generated = axis_pairs([4, 16, 9, 1], np.array([2.0, 0, 0, 0]))
    if angle_seed is not None:
        real, generated = real @ rotation(angle_seed, 4), generated @ rotation(angle_seed, 4)
    assert metrics.frechet_distance(real, generated) == pytest.approx(18, rel=1e-12)


@pytest.mark.parametrize("d", [3, 40, 3000])
def test_rank_one_covariances(d):
    # tr (uuᵀvvᵀ)^½ = |u·v|. Orthogonal directions are where a rounded square root would show.
    steps = np.array([-1.0, 0.0, 1.0])[:, None]  # variance 1
    u, v, w = np.eye(3, d) * 2
    for a, b in ((u, v), (u, u + v), (u, -3 * u), (u + w, v)):
        expected = a @ a + b @ b - 2 * abs(a @ b)
        value = metrics.frechet_distance(steps * a, steps * b)
        assert value == pytest.approx(expected, abs=1e-12 * (a @ a + b @ b))


@quick
@given(seeds)
def test_two_by_two(seed):
    # For 2×2, (tr √M)² = tr M + 2 √det M.
    a, b = normal(seed, 2, 7, 2) * np.array([1.0, 1e-3])
    one, two = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.trace(one @ two) + 2 * np.sqrt(np.linalg.det(one) * np.linalg.det(two)))
    traces = np.trace(one) + np.trace(two)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + traces - 2 * root
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, abs=1e-9 * traces)


def test_three_by_three_literal():
    # mpmath, 60 digits: |(1,1,2)|² + tr A + tr B − 2 Σ √eig(AB).
    a = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    b = np.array([[2.0, -1, 1], [-1, 5, 0], [1, 0, 3]])
    white = axis_pairs([1, 1, 1], 0.0)
    real, generated = (white @ np.linalg.cholesky(c).T for c in (a, b))
    value = metrics.frechet_distance(real + [1, 2, 3], generated + [0, 1, 1])
    assert value == pytest.approx(7.84996700908417177, rel=1e-12)


def test_singular_with_more_rows_than_dimensions():
    # Every feature twice: the covariance is singular and the distance doubles.
    real, generated = normal(0, 300, 5), normal(1, 200, 5) * 1.3 + 0.2
    once = metrics.frechet_distance(real, generated)
    twice = metrics.frechet_distance(np.tile(real, 2), np.tile(generated, 2))
    assert twice == pytest.approx(2 * once, rel=1e-12)


def test_nearly_dependent_features_lose_no_digits():
    # Deviations 1 and 1e-9 in a rotated plane: the covariance rounds the small one away.
    scores = normal(0, 50, 2)
    scores = np.linalg.qr(scores - scores.mean(0))[0] * 7  # sample covariance: identity
    features = scores * np.array([1.0, 1e-9]) @ rotation(1, 2)
    _, factor = frechet._mean_and_factor(features, features[0])
    deviations = np.linalg.svd(factor, compute_uv=False)
    assert deviations == pytest.approx([1, 1e-9], rel=1e-6, abs=0)


D = 60
SPECTRA = {
    "flat": np.linspace(1, 2, D),
    "1/i": 1 / np.arange(1.0, D + 1),
    "1/i^4": np.arange(1.0, D + 1) ** -4,
    "one large": np.r_[1, np.full(D - 1, 1e-7)],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_many_dimensions(spectrum, monkeypatch):
    # There, squared singular values are used where they are exact enough.
    monkeypatch.setattr(frechet, "_LARGE", D)
    d, n = D, 130
    scores = normal(0, n, d)
    scores = np.linalg.qr(scores - scores.mean(0))[0]
    scores = (scores - scores.mean(0)) * np.sqrt(n - 1)
    one = SPECTRA[spectrum]
    two = one * np.exp(normal(1, d))
    turn = rotation(2, d)
    value = metrics.frechet_distance(scores * one**0.5 @ turn, scores * two**0.5 @ turn)
    expected = np.sum((np.sqrt(one) - np.sqrt(two)) ** 2)
    assert value == pytest.approx(expected, abs=1e-9 * (one.sum() + two.sum()))


def test_small_singular_values_are_not_lost_by_squaring(monkeypatch):
    # Squared, 3e-8 is 9e-16, as small as rounding: their sum would be wrong by about 1e-8.
    monkeypatch.setattr(frechet, "_LARGE", D)
    singular = np.r_[1.0, np.full(D - 1, 3e-8)]
    matrix = rotation(0, D) * singular @ rotation(1, D)
    value = frechet._sum_of_singular_values(matrix, tolerance=1e-10)
    assert value == pytest.approx(singular.sum(), abs=1e-10)


@pytest.mark.parametrize(
    "shape, singular, fast",
    [
        ((D, D), np.linspace(1, 2, D), True),
        ((D, D), np.r_[1.0, np.full(D - 1, 3e-8)], False),  # not exact enough
        ((D - 1, D - 1), np.linspace(1, 2, D - 1), False),  # too small to be worth it
        ((D, D + 1), np.linspace(1, 2, D), False),  # not square
    ],
)
def test_eigenvalues_are_used_where_they_are_exact_and_save_time(
    shape, singular, fast, monkeypatch
):
    monkeypatch.setattr(frechet, "_LARGE", D)
    rows, columns = shape
    matrix = rotation(0, rows) * singular @ rotation(1, columns)[:rows]
    monkeypatch.setattr(np.linalg, "svd", lambda *_, **__: np.array([5.0]))
    value = frechet._sum_of_singular_values(matrix, tolerance=1e-10)
    assert value == pytest.approx(singular.sum() if fast else 5, rel=1e-12)


@pytest.mark.parametrize("unit", [2.0**-20, 1.0, 2.0**20])
def test_the_unit_of_features_does_not_choose_the_way_to_the_distance(unit, monkeypatch):
    monkeypatch.setattr(frechet, "_LARGE", D)
    real = normal(0, 200, D)
    # C₂ = 4 C₁ exactly, so the distance is tr C₁, and powers of two round nothing.
    expected = np.var(real, axis=0, ddof=1).sum() + np.sum(real.mean(0) ** 2)
    monkeypatch.setattr(np.linalg, "svd", None)  # the slow way is not taken
    value = metrics.frechet_distance(unit * real, 2 * unit * real) / unit**2
    assert value == pytest.approx(expected, rel=1e-9)


def test_a_singular_matrix_divides_nothing_by_zero(monkeypatch):
    monkeypatch.setattr(frechet, "_LARGE", D)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = frechet._sum_of_singular_values(np.diag(np.arange(float(D))), tolerance=1e-10)
    assert value == pytest.approx(D * (D - 1) / 2)


def test_only_nearly_dependent_features_are_decomposed_row_by_row(monkeypatch):
    real = normal(0, 90, 4)
    exact = metrics.frechet_distance(real, 2 * real)
    close = np.column_stack([real, real[:, 0] + 1e-6 * normal(1, 90)])
    slow = []
    qr = np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda x, mode: slow.append(x.shape) or qr(x, mode))
    assert metrics.frechet_distance(real, 2 * real) == pytest.approx(exact, rel=1e-12)
    assert slow == []
    frechet._mean_and_factor(close, close[0])
    # 90 rows in parts of at least 4 · 5: four, each below the triangle of those before.
    assert slow == [(23, 5), (28, 5), (27, 5), (27, 5)]


def test_rows_in_blocks_give_the_same_mean_and_covariance(monkeypatch):
    features = (normal(0, 90, 4) + 7).astype(np.float32)
    monkeypatch.setattr(frechet, "_BLOCK_VALUES", 4 * 13)
    sizes, dsyrk = [], frechet.scipy.linalg.blas.dsyrk

    def count(factor, block, **options):
        sizes.append(block.shape[1])
        return dsyrk(factor, block, **options)

    monkeypatch.setattr(frechet.scipy.linalg.blas, "dsyrk", count)
    mean, factor = frechet._mean_and_factor(features, features[0].astype(np.float64))
    assert sizes == [13] * 6 + [12]
    wide = features.astype(np.float64)
    assert mean == pytest.approx(wide.mean(axis=0) - wide[0], rel=1e-12)
    assert factor.T @ factor == pytest.approx(np.cov(wide.T), rel=1e-12)
    assert np.array_equal(factor, np.triu(factor))


def test_float32_with_a_large_offset():
    # Multiples of 1/8 up to 2^20 are exact in float32, so the offset must not change the result.
    real = np.round(normal(0, 400, 5) * 8) / 8
    generated = np.round(normal(1, 300, 5) * 8) / 8
    expected = metrics.frechet_distance(real, generated)
    offset = np.float32(2**20)
    shifted = real.astype(np.float32) + offset, generated.astype(np.float32) + offset
    assert metrics.frechet_distance(*shifted) == pytest.approx(expected, rel=1e-11)


def test_constant_features_count_only_through_their_mean():
    real, generated = normal(0, 60, 3), normal(1, 60, 3)
    expected = metrics.frechet_distance(real, generated) + 0.25
    real = np.column_stack([real, np.full(60, 0.1)])
    generated = np.column_stack([generated, np.full(60, 0.6)])
    assert metrics.frechet_distance(real, generated) == pytest.approx(expected, rel=1e-12)
    assert metrics.frechet_distance(np.ones((5, 3)), np.zeros((4, 3))) == pytest.approx(3)


@quick
@given(seeds, st.integers(2, 12), st.integers(2, 12), st.integers(1, 8))
def test_frechet_properties(seed, n, m, d):
    real, generated = normal(seed, n, d), 2 * normal(seed + 1, m, d) + 1
    value = metrics.frechet_distance(real, generated)
    tolerance = 1e-11 * (np.sum(real**2) + np.sum(generated**2))

    def same(other, expected=value):
        assert other == pytest.approx(expected, abs=tolerance)

    assert value >= 0
    same(metrics.frechet_distance(generated, real))
    same(metrics.frechet_distance(real[::-1], np.roll(generated, 1, axis=0)))
    turn = rotation(seed, d)
    same(metrics.frechet_distance(real @ turn, generated @ turn))
    same(metrics.frechet_distance(real + 3.0, generated + 3.0))
    same(metrics.frechet_distance(3 * real, 3 * generated) / 9)
    same(metrics.frechet_distance(real, real), 0)
    same(metrics.frechet_distance(real, real + 1.0), d)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((np.zeros(4), np.zeros((4, 1))), r"`real` must be a matrix .* received shape \(4,\)"),
        (
            (np.zeros((4, 2)), np.zeros((4, 3))),
            "`generated` must have as many dimensions .* 2; received 3",
        ),
        ((np.zeros((1, 2)), np.zeros((4, 2))), "`real` must hold at least 2 samples; received 1"),
        ((np.zeros((4, 2)), np.full((4, 2), np.nan)), "`generated` must be finite; .* row 0"),
        ((np.array([["a", "b"]] * 3), np.zeros((4, 2))), "`real` must hold real numbers"),
    ],
)
@pytest.mark.parametrize("metric", [metrics.frechet_distance, metrics.kernel_distance])
def test_bad_features(metric, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        metric(*arguments)


def test_singular_covariance_warns_and_enough_samples_do_not():
    with pytest.warns(metrics.SmallSampleWarning, match="5 samples in 5 dimensions"):
        metrics.frechet_distance(normal(0, 5, 5), normal(1, 50, 5))
    with pytest.warns(metrics.SmallSampleWarning, match="only 50 samples"):
        metrics.frechet_distance(normal(0, 60, 5), normal(1, 50, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.frechet_distance(normal(0, 200, 5), normal(1, 200, 5))


def test_kernel_distance_by_hand():
    # k(x, y) = (xy + 1)³. Within {0, 1}: 1. Within {1, 2}: 27. Between: (1 + 1 + 8 + 27) / 4.
    value = metrics.kernel_distance(np.array([[0.0], [1]]), np.array([[1.0], [2]]))
    assert value == pytest.approx(1 + 27 - 2 * 37 / 4, rel=1e-14)


@quick
@given(st.integers(2, 6), st.integers(2, 6), st.integers(1, 4), seeds)
def test_kernel_distance_in_rational_arithmetic(n, m, d, seed):
    rng = np.random.default_rng(seed)
    real, generated = rng.integers(-3, 4, (n, d)), rng.integers(-3, 4, (m, d))

    def kernel(x, y):
        return (Fraction(sum(int(p) * int(q) for p, q in zip(x, y, strict=True)), d) + 1) ** 3

    def within(rows):
        pairs = [(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
        return sum(kernel(x, y) for x, y in pairs) / len(pairs)

    between = sum(kernel(x, y) for x in real for y in generated) / (n * m)
    expected = float(within(real) + within(generated) - 2 * between)
    assert metrics.kernel_distance(real, generated) == pytest.approx(expected, abs=1e-9)
    assert metrics.kernel_distance(generated, real) == pytest.approx(expected, abs=1e-9)


def test_kernel_distance_in_blocks(monkeypatch):
    real, generated = normal(0, 90, 4), normal(1, 70, 4)
    whole = metrics.kernel_distance(real, generated)
    monkeypatch.setattr(distances, "_BLOCK_PAIRS", 32 * 70)
    assert distances._blocks(90, 70) == [slice(0, 32), slice(32, 64), slice(64, 90)]
    monkeypatch.setattr(distances, "_STRIP_ROWS", 5)
    assert metrics.kernel_distance(real, generated) == pytest.approx(whole, rel=1e-10)


def test_kernel_distance_is_unbiased_and_not_clipped():
    values = [
        metrics.kernel_distance(normal(2 * seed, 40, 3), normal(2 * seed + 1, 40, 3))
        for seed in range(200)
    ]
    assert min(values) < 0
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_kernel_distance_of_float32_features(offset):
    # The same numbers in float64 are the truth; the spread over subsets is the yardstick.
    real = (normal(0, 600, 32) + offset).astype(np.float32)
    generated = (normal(1, 500, 32) + offset).astype(np.float32)
    _, spread = metrics.kernel_distance(real, generated, subsets=10, subset_size=200)
    truth = metrics.kernel_distance(real.astype(np.float64), generated.astype(np.float64))
    assert abs(metrics.kernel_distance(real, generated) - truth) < 1e-4 * spread


def test_kernel_distance_of_subsets():
    real, generated = normal(0, 300, 4), normal(1, 250, 4) + 0.5
    mean, spread = metrics.kernel_distance(real, generated, subsets=40, subset_size=100, seed=1)
    whole = metrics.kernel_distance(real, generated)
    assert abs(mean - whole) < 4 * spread / np.sqrt(40)
    assert (mean, spread) == metrics.kernel_distance(
        real, generated, subsets=40, subset_size=100, seed=1
    )
    # A subset of everything is everything.
    mean, spread = metrics.kernel_distance(real[:250], generated, subsets=3, subset_size=250)
    assert mean == pytest.approx(metrics.kernel_distance(real[:250], generated), rel=1e-9)
    assert spread < 1e-9
    with pytest.raises(ValueError, match="`subset_size` .* from 2 to 250, .*; received 251"):
        metrics.kernel_distance(real, generated, subsets=2, subset_size=251)
    with pytest.raises(ValueError, match="`subsets` must be an integer of at least 1; received 0"):
        metrics.kernel_distance(real, generated, subsets=0)


def test_inception_score_extremes():
    confident = np.eye(4)[np.arange(400) % 4]  # zeros included: 0 · log 0 = 0
    assert metrics.inception_score(confident) == pytest.approx((4, 0), abs=1e-12)
    assert metrics.inception_score(np.full((400, 4), 0.25)) == pytest.approx((1, 0), abs=1e-12)
    collapsed = np.eye(4)[np.zeros(400, int)]
    assert metrics.inception_score(collapsed)[0] == pytest.approx(1)


def test_inception_score_literal():
    # p(y) = (11/20, 9/20); exp of (0.9 ln(18/11) + 0.1 ln(2/9) + 0.2 ln(4/11) + 0.8 ln(16/9)) / 2.
    expected = (18 / 11) ** 0.45 * (2 / 9) ** 0.05 * (4 / 11) ** 0.1 * (16 / 9) ** 0.4
    value, _ = metrics.inception_score(np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert value == pytest.approx(expected, rel=1e-14)


def test_inception_score_forgives_rounded_rows():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    rounded = probabilities * np.array([[1.00005], [0.99995]])
    expected = metrics.inception_score(probabilities)
    assert metrics.inception_score(rounded) == pytest.approx(expected, rel=1e-14)


def test_inception_score_warns_below_ten_samples_per_class_and_part():
    with pytest.warns(metrics.SmallSampleWarning, match="only 29 samples .below 30"):
        metrics.inception_score(np.full((59, 3), 1 / 3), splits=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.inception_score(np.full((60, 3), 1 / 3), splits=2)


def test_inception_score_splits():
    by_class = np.eye(2)[np.repeat([0, 1], 200)]
    assert metrics.inception_score(by_class, splits=2, shuffle=False)[0] == pytest.approx(1)
    mean, deviation = metrics.inception_score(by_class, splits=2, shuffle=True)
    assert mean > 1.9 and deviation > 0


@pytest.mark.parametrize(
    "probabilities, message",
    [
        ([[0.5, 0.6]], "`probabilities` must sum to one in each row; received 1.1 in row 0"),
        ([[0.5, 0.4], [1.0, 1.0]], "received 2 in row 1"),  # the row that is farthest off
        ([[1.5, -0.5]], r"`probabilities` must lie in \[0, 1\]"),
        ([[3.0, 5.0]], "Apply softmax"),
        ([[np.nan, 1.0]], "`probabilities` must be finite"),
        ([0.5, 0.5], "`probabilities` must be a matrix"),
    ],
)
def test_inception_score_wants_probabilities(probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(np.array(probabilities))


def test_inception_score_more_splits_than_samples():
    with pytest.raises(
        ValueError, match="`splits` must be an integer from 1 to 4, the .*; received 5"
    ):
        metrics.inception_score(np.full((4, 2), 0.5), splits=5)
