"""Fréchet distance: two feature sets, or their statistics, in; one number out."""

import numpy as np
import scipy.linalg

from gentut.metrics import _blocks, _checks

_LARGE = 512


def frechet_distance(real, generated):
    """Fréchet distance between Gaussians fitted to two sets of features.

    Heusel et al. 2017, eq. 6 (from Dowson & Landau 1982, eq. 4):
    |m₁ − m₂|² + tr C₁ + tr C₂ − 2 tr (C₁C₂)^½, where the covariances divide by n − 1.

    If Cᵢ = FᵢᵀFᵢ, then tr (C₁C₂)^½ is the sum of the singular values of F₁F₂ᵀ. No matrix
    square root is taken, so nothing is complex and singular covariances are exact. Means,
    covariances and singular values are float64 whatever the input.

    It is a *squared* distance. Call it "FID" only with features of the 2015-12-05 Inception
    weights. It is biased upward by about 1/n: see `frechet_distance_extrapolated`.

    Args:
        real: features of real images, shape (n, d).
        generated: features of generated images, shape (m, d).

    Returns:
        A float ≥ 0, in squared units of the features.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or a set has fewer than two rows.

    Warns:
        SmallSampleWarning: a set has no more rows than dimensions, or fewer than 100 rows.
    """
    real, generated = _checks.feature_pair(real, generated)
    _checks.warn_small("Fréchet distance", (len(real), len(generated)), real.shape[1])
    # Means are measured from a row of the data: a large common offset then cancels exactly.
    origin = real[0].astype(np.float64)
    return _frechet(*_mean_and_factor(real, origin), *_mean_and_factor(generated, origin))


def frechet_distance_from_statistics(mean1, cov1, mean2, cov2):
    """Fréchet distance between two Gaussians given by their means and covariances.

    Args:
        mean1: mean of the real features, shape (d,).
        cov1: their covariance, shape (d, d), symmetric, positive semi-definite up to float32
            rounding.
        mean2: mean of the generated features, shape (d,).
        cov2: their covariance, shape (d, d).

    Returns:
        A float ≥ 0. A stored covariance has lost what lies below its rounding; with singular
        ones prefer `frechet_distance` on the features.

    Raises:
        ValueError: shapes do not fit, or a covariance is not finite, not symmetric or not
            positive semi-definite.
    """
    mean1, mean2 = _mean_vector(mean1, "mean1"), _mean_vector(mean2, "mean2")
    if mean1.shape != mean2.shape:
        raise ValueError(
            f"`mean2` must have the shape of `mean1`, {mean1.shape}; received {mean2.shape}."
        )
    factor1 = _factor_of_covariance(cov1, len(mean1), "cov1")
    factor2 = _factor_of_covariance(cov2, len(mean2), "cov2")
    return _frechet(mean1, factor1, mean2, factor2)


def _frechet(mean1, factor1, mean2, factor2):
    traces = np.sum(factor1**2) + np.sum(factor2**2)
    cross = _sum_of_singular_values(factor1 @ factor2.T, tolerance=1e-10 * traces)
    distance = np.sum((mean1 - mean2) ** 2) + traces - 2 * cross
    return max(float(distance), 0.0)  # equal sets can come out a rounding error below zero


def _sum_of_singular_values(matrix, tolerance):
    """From the eigenvalues of the squared matrix if that is exact enough, else from the SVD.

    Eigenvalues cost a quarter of the time. Squaring leaves an error of a few eps · σ₁² on each
    σ², thus eps · σ₁² / 2σ on σ: harmless unless σ is tiny. The errors have random signs, so
    they add in quadrature; the factor 10 allows for what this neglects.
    """
    if min(matrix.shape) >= _LARGE and matrix.shape[0] == matrix.shape[1]:
        squares = np.linalg.eigvalsh(matrix @ matrix.T)
        if squares[0] > 0:
            error = np.finfo(np.float64).eps * squares[-1] * np.sqrt(np.sum(0.25 / squares))
            if 10 * error <= tolerance:
                return np.sqrt(squares).sum()
    return np.linalg.svd(matrix, compute_uv=False).sum()


def _mean_and_factor(features, origin):
    """The mean relative to `origin`, and a matrix F whose FᵀF is the covariance.

    With few rows (n ≤ d) F is the centred features, and the singular values that follow are
    those of a small n × n product. Otherwise F is triangular: from a Cholesky decomposition
    of the covariance where that is well conditioned, else from QR of the features, which
    costs three times as much but never squares the condition number.
    """
    n, d = features.shape
    mean = sum(block.sum(axis=0) for _, block in _blocks.less(origin, features)) / n
    centre = origin + mean
    if n <= d:
        return mean, (features - centre) * (n - 1) ** -0.5
    # BLAS adds each block's products to the upper triangle, in place.
    covariance = np.zeros((d, d), order="F")
    for _, block in _blocks.less(centre, features):
        covariance = scipy.linalg.blas.dsyrk(
            1 / (n - 1), block.T, beta=1.0, c=covariance, overwrite_c=1
        )
    factor = _cholesky(covariance)
    if factor is None:
        factor = _qr_triangle(features, centre) * (n - 1) ** -0.5
    return mean, factor


def _correlation(covariance):
    """Scales to unit variances, so that features in small units keep their precision."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    divisor = np.where(scale > 0, scale, 1.0)
    correlation = covariance / divisor[:, None]
    correlation /= divisor
    np.fill_diagonal(correlation, 1.0)  # also for constant features: `scale` removes them again
    return correlation, scale


def _cholesky(covariance):
    """Upper triangle R with RᵀR = covariance, or None if rounding could cost 1e-9 of its trace.

    Only the upper triangle of `covariance` is read.
    """
    correlation, scale = _correlation(covariance)
    upper = np.abs(correlation)
    norm = (upper.sum(axis=0) + upper.sum(axis=1)).max() - 1
    triangle, failed = scipy.linalg.lapack.dpotrf(correlation, overwrite_a=1)
    if failed:
        return None
    reciprocal_condition, _ = scipy.linalg.lapack.dpocon(triangle, norm)
    # The trace of the root errs by about eps · √(condition · d) times the covariances' norm.
    return triangle * scale if reciprocal_condition > 1e-8 else None


def _qr_triangle(features, centre):
    n, d = features.shape
    triangle = np.empty((0, d))
    for rows in _blocks.of_rows(n, max(_blocks.BLOCK_BYTES // (8 * d), 4 * d)):
        stacked = np.concatenate([triangle, features[rows] - centre])
        triangle = np.linalg.qr(stacked, mode="r")
    return triangle


def _mean_vector(mean, name):
    mean = np.asarray(mean, dtype=np.float64)
    if mean.ndim != 1 or mean.size == 0 or not np.isfinite(mean).all():
        raise ValueError(f"`{name}` must be a finite vector; received shape {mean.shape}.")
    return mean


def _factor_of_covariance(covariance, d, name):
    covariance = np.asarray(covariance, dtype=np.float64)
    if covariance.shape != (d, d):
        raise ValueError(f"`{name}` must have shape {(d, d)}; received {covariance.shape}.")
    if not np.isfinite(covariance).all():
        raise ValueError(f"`{name}` must be finite; received NaN or infinity.")
    if np.diag(covariance).min() < 0:
        raise ValueError(
            f"`{name}` must have variances ≥ 0 on its diagonal; "
            f"received {np.diag(covariance).min():.3g}."
        )
    correlation, scale = _correlation(covariance)
    asymmetry = np.abs(correlation - correlation.T).max()
    if asymmetry > 1e-5:
        raise ValueError(
            f"`{name}` must be symmetric; received entries that differ by {asymmetry:.3g} "
            "after scaling to unit variances."
        )
    values, vectors = scipy.linalg.eigh((correlation + correlation.T) / 2)
    if values[0] < -1e-5 * values[-1]:
        raise ValueError(
            f"`{name}` must be positive semi-definite; received a smallest eigenvalue of "
            f"{values[0]:.3g} after scaling to unit variances."
        )
    # Below this lies the rounding of the decomposition; its square root would not be small.
    keep = values > d * np.finfo(np.float64).eps * values[-1]
    return np.sqrt(values[keep])[:, None] * vectors[:, keep].T * scale
