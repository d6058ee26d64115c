"""Kernel distance of two feature sets, and the inception score of one set of probabilities."""

import numpy as np
import scipy.special

from gentut.metrics import _blocks, _checks

_KERNEL_ROWS = 1024
_STRIP_ROWS = 32


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
        return _squared_discrepancy(x, y, _room(max(n, m), dtype))
    rng = np.random.default_rng(seed)
    values = np.empty(subsets)
    # New arrays for each subset would cost more in page faults than the copy itself.
    chosen_x, chosen_y = (np.empty((subset_size, x[0].shape[1]), dtype) for _ in range(2))
    room = _room(subset_size, dtype)
    for i in range(subsets):
        rows = rng.choice(n, subset_size, replace=False)
        columns = rng.choice(m, subset_size, replace=False)
        np.take(x[0], rows, axis=0, out=chosen_x, mode="clip")  # "raise" would copy twice
        np.take(y[0], columns, axis=0, out=chosen_y, mode="clip")
        values[i] = _squared_discrepancy((chosen_x, x[1][rows]), (chosen_y, y[1][columns]), room)
    return float(values.mean()), float(values.std())


def _room(samples, dtype):
    """Where the products of a block of pairs go."""
    return np.empty(min(samples, _KERNEL_ROWS) ** 2, dtype)


def _centred(features, centre, dtype):
    """x − c in `dtype`, and (x − c)·c + |c|²/2 in float64, from which x·y is rebuilt."""
    shifted, shift = np.empty(features.shape, dtype), np.empty(len(features))
    for rows, block in _blocks.less(centre, features):
        shifted[rows] = block
        shift[rows] = block @ centre + centre @ centre / 2
    return shifted, shift


def _squared_discrepancy(x, y, room):
    n, m = len(x[1]), len(y[1])
    within = _sum_within(*x, room) / (n * (n - 1)) + _sum_within(*y, room) / (m * (m - 1))
    between = 0.0
    for rows in _blocks.of_rows(n, _KERNEL_ROWS):
        for columns in _blocks.of_rows(m, _KERNEL_ROWS):
            between += _sum_between(*x, *y, rows, columns, room)
    return float(within - 2 * between / (n * m))


def _sum_within(x, shift, room):
    """Sum of the kernel over all pairs of different samples of one set."""
    total = 0.0
    for rows in _blocks.of_rows(len(x), _KERNEL_ROWS):
        total += _sum_between(x, shift, x, shift, rows, rows, room, skip_diagonal=True)
        for columns in _blocks.of_rows(rows.start, _KERNEL_ROWS):
            total += 2 * _sum_between(x, shift, x, shift, rows, columns, room)
    return total


def _sum_between(x, x_shift, y, y_shift, rows, columns, room, skip_diagonal=False):
    """Sum of (x·y / d + 1)³ over a block of pairs."""
    d = x.shape[1]
    x, y = x[rows], y[columns]
    products = room[: len(x) * len(y)].reshape(len(x), len(y))
    np.matmul(x, y.T, out=products)
    x_shift, y_shift = x_shift[rows, None] / d + 1, y_shift[columns] / d
    total = 0.0
    for strip in _blocks.of_rows(len(products), _STRIP_ROWS):  # small enough for the cache
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
