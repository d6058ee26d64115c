"""Fréchet distance: two sets of features in, one number out; and the same for n → ∞."""

import warnings
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from gentut.checks import check_int
from gentut.metrics import _checks

_BLOCK_VALUES = 2**20  # made float64 at a time
_LARGE = 512  # dimensions from which eigenvalues are worth a try
_EPS = np.finfo(np.float64).eps


class Extrapolation(NamedTuple):
    """A fitted line ``value + slope / n``, and the points it was fitted to."""

    value: float  # at n → ∞
    standard_error: float  # of ``value``, from the scatter around the line
    slope: float
    sizes: np.ndarray
    distances: np.ndarray


def frechet_distance(real: ArrayLike, generated: ArrayLike) -> float:
    """Measure the Fréchet distance between Gaussians fitted to two sets of features.

    Heusel et al. 2017, eq. 6 (from Dowson & Landau 1982, eq. 4):
    ``|m₁ − m₂|² + tr C₁ + tr C₂ − 2 tr (C₁C₂)^½``, where the covariances divide by n − 1.

    If Cᵢ = FᵢᵀFᵢ, then tr (C₁C₂)^½ is the sum of the singular values of F₁F₂ᵀ. No matrix
    square root is taken, so nothing is complex and singular covariances are exact. All
    arithmetic is float64 whatever the input.

    It is a *squared* distance. Call it "FID" only with features of the 2015-12-05 Inception
    weights. It is biased upward by about 1/n: see ``frechet_distance_extrapolated``.

    Args:
        real: Features of real images, shape ``(n, d)``.
        generated: Features of generated images, shape ``(m, d)``.

    Returns:
        A float ≥ 0, in squared units of the features.

    Raises:
        TypeError: a set does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or a set has fewer than two rows.

    Warns:
        SmallSampleWarning: a set has no more rows than dimensions, or fewer than 100 rows.
    """
    real, generated = _checks.feature_pair(real, generated)
    _checks.warn_small("Fréchet distance", (len(real), len(generated)), real.shape[1])
    # Means are measured from a row of the data: a large common offset then cancels exactly.
    origin = real[0].astype(np.float64)
    (mean1, factor1), (mean2, factor2) = (_mean_and_factor(x, origin) for x in (real, generated))
    traces = np.sum(factor1**2) + np.sum(factor2**2)
    cross = _sum_of_singular_values(factor1 @ factor2.T, tolerance=1e-10 * traces)
    distance = np.sum((mean1 - mean2) ** 2) + traces - 2 * cross
    return max(float(distance), 0.0)  # equal sets can come out a rounding error below zero


def _mean_and_factor(features, origin):
    """The mean of the rows as seen from ``origin``, and F with FᵀF their covariance.

    With few rows (n ≤ d) F is the centred rows. Otherwise it is triangular: from a Cholesky
    decomposition of the covariance where rounding costs less than 1e-9 of the trace, else from
    QR of the rows, which takes four times as long but never squares the condition number.
    Rows become float64 a few at a time: a copy of them all would cost time and memory.
    """
    n, d = features.shape
    blocks = np.array_split(features, min(-(-features.size // _BLOCK_VALUES), n))
    mean = sum((block - origin).sum(axis=0) for block in blocks) / n
    centre = origin + mean
    if n <= d:
        return mean, (features - centre) / np.sqrt(n - 1)
    covariance = np.zeros((d, d), order="F")  # the upper triangle; BLAS adds to it in place
    for block in blocks:
        covariance = scipy.linalg.blas.dsyrk(
            1 / (n - 1), (block - centre).T, beta=1.0, c=covariance, overwrite_c=1
        )
    # Scaled to unit variances, features in small units keep their precision.
    scale = np.sqrt(np.diag(covariance))
    divisor = np.where(scale > 0, scale, 1.0)
    covariance /= divisor
    covariance /= divisor[:, None]
    np.fill_diagonal(covariance, 1.0)  # of constant features too: ``scale`` removes them again
    triangle, failed = scipy.linalg.lapack.dpotrf(covariance, overwrite_a=1)
    # The trace of the root errs by about eps · √d · condition of the triangle, times the norm.
    if not failed and scipy.linalg.lapack.dtrcon(triangle)[0] > 1e-4:
        return mean, triangle * scale
    triangle = np.empty((0, d))
    for block in np.array_split(features, max(n // (4 * d), 1)):
        triangle = np.linalg.qr(np.concatenate([triangle, block - centre]), mode="r")
    return mean, triangle / np.sqrt(n - 1)


def _sum_of_singular_values(matrix, tolerance):
    """From the eigenvalues of the squared matrix if that is exact enough, else from the SVD.

    Eigenvalues cost a quarter of the time. Squaring leaves an error of a few eps · σ₁² on each
    σ², thus eps · σ₁² / 2σ on σ: harmless unless σ is tiny. The errors have random signs, so
    they add in quadrature; the factor 10 allows for what this neglects.
    """
    if min(matrix.shape) >= _LARGE and matrix.shape[0] == matrix.shape[1]:
        squares = np.linalg.eigvalsh(matrix @ matrix.T)
        if squares[0] > 0:
            error = _EPS * squares[-1] * np.sqrt(np.sum(0.25 / squares))
            if 10 * error <= tolerance:
                return np.sqrt(squares).sum()
    return np.linalg.svd(matrix, compute_uv=False).sum()


def frechet_distance_extrapolated(
    real: ArrayLike,
    generated: ArrayLike,
    points: int = 15,
    fixed_real: bool = False,
    seed: int = 0,
) -> Extrapolation:
    """Extrapolate the Fréchet distance to n → ∞, by a line through its values at growing n.

    The distance of finite sets is biased upward by about slope / n. Chong & Forsyth 2020 (eq. 5,
    "FID∞") draw ``points`` subsets of growing size, fit distance = a + slope / n by least squares
    and report a. They shrink only the generated set, against fixed statistics of many real
    images: ``fixed_real=True``. By default both sets shrink together, in proportion, which also
    removes the bias of a small real set.

    The smallest subset has a third of the samples; it must still have more rows than
    dimensions, because the bias is not 1/n below.

    Args:
        real: Features of real images, shape ``(n, d)``.
        generated: Features of generated images, shape ``(m, d)``.
        points: Number of subset sizes, at least 3.
        fixed_real: Whether every distance uses all real samples.
        seed: Seed of the subsets.

    Returns:
        An ``Extrapolation``; its ``sizes`` count generated samples. The value can come out below
        zero for equal distributions and is not clipped.

    Raises:
        TypeError: as ``frechet_distance``.
        ValueError: as ``frechet_distance``, too few points, or fewer than 3 (d + 1) samples.

    Warns:
        SmallSampleWarning: a set has fewer than 100 rows.
    """
    real, generated = _checks.feature_pair(real, generated)
    check_int("points", points, 3)
    n, m, d = len(real), len(generated), real.shape[1]
    smallest = m if fixed_real else min(n, m)
    if smallest < 3 * (d + 1):
        raise ValueError(
            f"`generated` and `real` must have at least {3 * (d + 1)} samples for {d} dimensions; "
            f"received {n} real and {m} generated."
        )
    _checks.warn_small("Extrapolated Fréchet distance", (n, m), d)
    rng = np.random.default_rng(seed)
    sizes = np.unique(np.linspace(m / 3, m, points).round().astype(int))
    distances = np.empty(len(sizes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _checks.SmallSampleWarning)
        for i, size in enumerate(sizes):
            part = real if fixed_real else _subset(real, round(n * size / m), rng)
            distances[i] = frechet_distance(part, _subset(generated, size, rng))
    design = np.column_stack([np.ones(len(sizes)), 1 / sizes])
    (value, slope), *_ = np.linalg.lstsq(design, distances)
    residual = distances - design @ (value, slope)
    variance = residual @ residual / (len(sizes) - 2) * np.linalg.inv(design.T @ design)[0, 0]
    return Extrapolation(float(value), float(np.sqrt(variance)), float(slope), sizes, distances)


def _subset(array, size, rng):
    return array[rng.choice(len(array), size, replace=False)]
