"""Kernel distance of two feature sets, and the inception score of one set of probabilities."""

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from gentut.checks import check_int
from gentut.metrics import _checks

_BLOCK_PAIRS = 2**21  # of products at a time
_STRIP_ROWS = 64  # of them in float64, in the cache


def kernel_distance(
    real: ArrayLike,
    generated: ArrayLike,
    subsets: int | None = None,
    subset_size: int = 1000,
    seed: int = 0,
) -> float | tuple[float, float]:
    """Measure the kernel distance (KID): the unbiased squared maximum mean discrepancy.

    Bińkowski et al. 2018, eq. 4, with their kernel k(x, y) = (x·y / d + 1)³. Its expected
    value is zero for equal distributions, so single values below zero are right and are
    not clipped.

    float32 features are multiplied in float32 *after* centring in float64, which is put back
    exactly; everything else is float64. The error stays far below the sampling error also
    when all features share a large offset.

    Args:
        real: Features of real images, shape ``(n, d)``.
        generated: Features of generated images, shape ``(m, d)``.
        subsets: ``None`` for one value from all samples; else the number of random subset pairs.
        subset_size: Samples per subset, drawn from each set without replacement.
        seed: Seed of the subsets.

    Returns:
        A float; or with ``subsets`` the mean and the standard deviation (``ddof=0``, as in
        torch-fidelity) over the subsets. That deviation is the spread of one subset's value.

    Raises:
        TypeError: a set does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or a subset is larger than a set.

    Warns:
        SmallSampleWarning: a set has fewer than 100 rows.
    """
    real, generated = _checks.feature_pair(real, generated)
    n, m = len(real), len(generated)
    if subsets is not None:
        check_int("subsets", subsets, 1)
        check_int("subset_size", subset_size, 2, min(n, m), ", the samples of the smaller set")
    _checks.warn_small("Kernel distance", (n, m))
    centre = real.mean(axis=0, dtype=np.float64)
    dtype = np.result_type(real, generated)
    (x, x_shift), (y, y_shift) = (_centred(z, centre, dtype) for z in (real, generated))
    if subsets is None:
        return _squared_discrepancy(x, x_shift, y, y_shift)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        i, j = (rng.choice(size, subset_size, replace=False) for size in (n, m))
        chosen = np.take(x, i, axis=0), x_shift[i], np.take(y, j, axis=0), y_shift[j]
        values.append(_squared_discrepancy(*chosen))
    return float(np.mean(values)), float(np.std(values))


def _centred(features, centre, dtype):
    """x − c in ``dtype``, and (x − c)·c + |c|²/2 in float64, from which x·y is rebuilt."""
    shifted, shift = np.empty(features.shape, dtype), np.empty(len(features))
    for i in _blocks(*features.shape):
        block = shifted[i] = features[i] - centre
        shift[i] = block @ centre + centre @ centre / 2
    return shifted, shift


def _squared_discrepancy(x, x_shift, y, y_shift):
    n, m = len(x), len(y)
    within = _sum_within(x, x_shift) / (n * (n - 1)) + _sum_within(y, y_shift) / (m * (m - 1))
    between = sum(_sum_of_kernel(x[i], x_shift[i], y, y_shift) for i in _blocks(n, m))
    return float(within - 2 * between / (n * m))


def _sum_within(x, shift):
    """Sum of the kernel over all pairs of different samples of one set."""
    total = 0.0
    for i in _blocks(len(x), len(x)):  # the pairs left of each block's own count twice
        total += 2 * _sum_of_kernel(x[i], shift[i], x[: i.start], shift[: i.start])
        total += _sum_of_kernel(x[i], shift[i], x[i], shift[i], skip_diagonal=True)
    return total


def _sum_of_kernel(x, x_shift, y, y_shift, skip_diagonal=False):
    """Sum of (x·y / d + 1)³ over all pairs, in float64."""
    d, products = x.shape[1], x @ y.T
    x_shift, y_shift, total = x_shift[:, None] / d + 1, y_shift / d, 0.0
    for i in range(0, len(x), _STRIP_ROWS):
        rows = slice(i, i + _STRIP_ROWS)
        root = np.multiply(products[rows], 1 / d, dtype=np.float64)
        root += x_shift[rows]
        root += y_shift
        if skip_diagonal:
            np.fill_diagonal(root[:, i:], 0.0)
        total += np.vdot(root * root, root)
    return total


def _blocks(n, m):
    step = max(_BLOCK_PAIRS // m, 1)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def inception_score(
    probabilities: ArrayLike, splits: int = 1, shuffle: bool = True, seed: int = 0
) -> tuple[float, float]:
    """Compute the inception score: exp of the mean KL divergence of p(y|x) from p(y).

    Salimans et al. 2016, section 4, with 0 · log 0 = 0. It never looks at real images.

    Args:
        probabilities: Class probabilities of generated images, shape ``(n, classes)``; each row
            sums to one.
        splits: Number of equal parts scored separately.
        shuffle: Whether to shuffle before splitting; generated images often come by class.
        seed: Seed of the shuffle.

    Returns:
        The mean over the parts, between 1 and the number of classes, and the standard
        deviation (``ddof=0``).

    Raises:
        TypeError: ``probabilities`` does not hold real numbers.
        ValueError: not a matrix of probabilities, or more splits than samples.

    Warns:
        SmallSampleWarning: a part has fewer than ten samples per class.
    """
    probabilities = _checks.feature_matrix(probabilities, "probabilities", minimum=1)
    probabilities = probabilities.astype(np.float64)
    n, classes = probabilities.shape
    check_int("splits", splits, 1, n, ", the number of samples")
    low, high = probabilities.min(), probabilities.max()
    if low < 0 or high > 1 + 1e-4:
        raise ValueError(
            f"`probabilities` must lie in [0, 1]; received values from {low:.8g} to {high:.8g}. "
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
