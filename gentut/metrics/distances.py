"""Fréchet distance, kernel distance and inception score: two feature sets in, one number out."""

import numpy as np
import scipy.linalg
import scipy.special

from gentut.metrics import _checks

# Rows are converted to float64 in blocks of about this size, so that a large float32 input
# is never copied whole.
_BLOCK_BYTES = 8 * 2**20
_KERNEL_ROWS = 1024
_STRIP_ROWS = 32
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
    mean = sum(block.sum(axis=0) for _, block in _blocks_less(origin, features)) / n
    centre = origin + mean
    if n <= d:
        return mean, (features - centre) * (n - 1) ** -0.5
    # BLAS adds each block's products to the upper triangle, in place.
    covariance = np.zeros((d, d), order="F")
    for _, block in _blocks_less(centre, features):
        covariance = scipy.linalg.blas.dsyrk(
            1 / (n - 1), block.T, beta=1.0, c=covariance, overwrite_c=1
        )
    factor = _cholesky(covariance)
    if factor is None:
        factor = _qr_triangle(features, centre) * (n - 1) ** -0.5
    return mean, factor


def _blocks_less(level, features):
    """Yields row slices and `features[rows] - level` in float64, in memory that is used again."""
    n, d = features.shape
    height = min(n, max(_BLOCK_BYTES // (8 * d), 1))
    memory = np.empty((height, d))
    for rows in _row_blocks(n, height):
        yield rows, np.subtract(features[rows], level, out=memory[: rows.stop - rows.start])


def _row_blocks(n, rows):
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


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
    for rows in _row_blocks(n, max(_BLOCK_BYTES // (8 * d), 4 * d)):
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


def kernel_distance(real, generated, subsets=None, subset_size=1000, seed=0):
    """Kernel distance (KID): the unbiased squared maximum mean discrepancy.

    Bińkowski et al. 2018, eq. 4, with their kernel k(x, y) = (x·y / d + 1)³. Its expected
    value is zero for equal distributions, so single values below zero are right and are
    not clipped.

    float32 features are multiplied in float32 *after* centring in float64, which is put back
    exactly; everything else is float64. The error stays far below the sampling error also
    when all features share a large offset.

    Args:
        real: features of real images, shape (n, d).
        generated: features of generated images, shape (m, d).
        subsets: None for one value from all samples; else the number of random subset pairs.
        subset_size: samples per subset, drawn from each set without replacement.
        seed: seed of the subsets.

    Returns:
        A float; or with `subsets` the mean and the standard deviation (ddof = 0, as in
        torch-fidelity) over the subsets. That deviation is the spread of one subset's value.

    Raises:
        ValueError: shapes do not fit, a value is not finite, or a subset is larger than a set.
    """
    real, generated = _checks.feature_pair(real, generated)
    n, m = len(real), len(generated)
    if subsets is not None:
        _checks.at_least("subsets", subsets, 1)
        if not 2 <= subset_size <= min(n, m):
            raise ValueError(
                "`subset_size` must be at least 2 and at most the number of samples in each set; "
                f"received subset_size={subset_size} with {n} real and {m} generated samples."
            )
    _checks.warn_small("Kernel distance", (n, m))
    centre = real.mean(axis=0, dtype=np.float64)
    dtype = np.result_type(real, generated)
    x, y = _centred(real, centre, dtype), _centred(generated, centre, dtype)
    if subsets is None:
        return _squared_discrepancy(x, y)
    rng = np.random.default_rng(seed)
    values = np.empty(subsets)
    for i in range(subsets):
        rows = rng.choice(n, subset_size, replace=False)
        columns = rng.choice(m, subset_size, replace=False)
        values[i] = _squared_discrepancy(
            tuple(part[rows] for part in x), tuple(part[columns] for part in y)
        )
    return float(values.mean()), float(values.std())


def _centred(features, centre, dtype):
    """x − c in `dtype`, and (x − c)·c + |c|²/2 in float64, from which x·y is rebuilt."""
    shifted, shift = np.empty(features.shape, dtype), np.empty(len(features))
    for rows, block in _blocks_less(centre, features):
        shifted[rows] = block
        shift[rows] = block @ centre + centre @ centre / 2
    return shifted, shift


def _squared_discrepancy(x, y):
    n, m = len(x[1]), len(y[1])
    within = _sum_within(*x) / (n * (n - 1)) + _sum_within(*y) / (m * (m - 1))
    between = 0.0
    for rows in _row_blocks(n, _KERNEL_ROWS):
        for columns in _row_blocks(m, _KERNEL_ROWS):
            between += _sum_between(*x, *y, rows, columns)
    return float(within - 2 * between / (n * m))


def _sum_within(x, shift):
    """Sum of the kernel over all pairs of different samples of one set."""
    total = 0.0
    for rows in _row_blocks(len(x), _KERNEL_ROWS):
        total += _sum_between(x, shift, x, shift, rows, rows, skip_diagonal=True)
        for columns in _row_blocks(rows.start, _KERNEL_ROWS):
            total += 2 * _sum_between(x, shift, x, shift, rows, columns)
    return total


def _sum_between(x, x_shift, y, y_shift, rows, columns, skip_diagonal=False):
    """Sum of (x·y / d + 1)³ over a block of pairs."""
    d = x.shape[1]
    products = x[rows] @ y[columns].T
    x_shift, y_shift = x_shift[rows, None] / d + 1, y_shift[columns] / d
    total = 0.0
    for strip in _row_blocks(len(products), _STRIP_ROWS):  # small enough for the cache
        kernel = np.multiply(products[strip], 1 / d, dtype=np.float64)
        kernel += x_shift[strip]
        kernel += y_shift
        if skip_diagonal:
            np.fill_diagonal(kernel[:, strip], 0.0)
        total += np.vdot(kernel * kernel, kernel)
    return total


def inception_score(probabilities, splits=1, shuffle=True, seed=0):
    """Inception score: exp of the mean KL divergence of p(y|x) from p(y).

    Salimans et al. 2016, section 4, with 0 · log 0 = 0. It never looks at real images.

    Args:
        probabilities: class probabilities of generated images, shape (n, classes); each row
            sums to one.
        splits: number of equal parts scored separately.
        shuffle: whether to shuffle before splitting; generated images often come by class.
        seed: seed of the shuffle.

    Returns:
        The mean and the standard deviation (ddof = 0) over the parts, each between 1 and
        the number of classes.

    Raises:
        ValueError: not a matrix of probabilities, or more splits than samples.
    """
    probabilities = _checks.feature_matrix(probabilities, "probabilities", minimum=1)
    probabilities = probabilities.astype(np.float64)
    n, classes = probabilities.shape
    if not 1 <= splits <= n:
        raise ValueError(
            f"`splits` must be between 1 and the number of samples, {n}; received {splits}."
        )
    low, high = probabilities.min(), probabilities.max()
    if low < 0 or high > 1 + 1e-4:
        raise ValueError(
            f"`probabilities` must lie in [0, 1]; received values from {low:.4g} to {high:.4g}. "
            "Apply softmax to scores."
        )
    sums = probabilities.sum(axis=1, keepdims=True)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst, 0] - 1) > 1e-4:
        raise ValueError(
            f"`probabilities` must sum to one in each row; received {sums[worst, 0]:.6g} "
            f"in row {worst}."
        )
    _checks.warn_small("Inception score", (n // splits,), minimum=10 * classes)
    probabilities /= sums
    if shuffle:
        probabilities = probabilities[np.random.default_rng(seed).permutation(n)]
    scores = []
    for part in range(splits):
        given = probabilities[part * n // splits : (part + 1) * n // splits]
        divergence = scipy.special.rel_entr(given, given.mean(axis=0)).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return float(np.mean(scores)), float(np.std(scores))
