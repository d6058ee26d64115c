"""Likelihood, its bounds and its units. Everything is in nats per image unless it says bits."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from gentut.checks import check_int


def gaussian_log_density(x: ArrayLike, mean: ArrayLike, log_var: ArrayLike) -> np.ndarray:
    """Compute log N(x; mean, diag exp(log_var)), summed over the last axis, in nats.

    Args:
        x: Values, shape ``(..., d)``.
        mean: Means; broadcasts with ``x``.
        log_var: Natural logarithm of the variances; broadcasts with ``x``.

    Returns:
        A float64 array of shape ``(...)``.
    """
    x, mean, log_var = (np.asarray(array, dtype=np.float64) for array in (x, mean, log_var))
    terms = np.log(2 * np.pi) + log_var + (x - mean) ** 2 * np.exp(-log_var)
    return -0.5 * terms.sum(axis=-1)


def kl_gaussian(
    mean: ArrayLike, log_var: ArrayLike, prior_mean: ArrayLike = 0.0, prior_log_var: ArrayLike = 0.0
) -> np.ndarray:
    """Compute KL(N(mean, exp(log_var)) ‖ prior) of diagonal Gaussians, in nats.

    Kingma & Welling 2014, appendix B, for the prior N(0, I); the general diagonal prior adds
    its mean and variance. Reversing the two distributions changes the value.

    Args:
        mean: Means, shape ``(n, d)``.
        log_var: Natural logarithm of the variances, shape ``(n, d)``.
        prior_mean: 0, or an array that broadcasts to ``(n, d)``.
        prior_log_var: 0 for unit variance, or an array that broadcasts to ``(n, d)``.

    Returns:
        A float64 array of shape ``(n,)``, ≥ 0, summed over dimensions.

    Raises:
        ValueError: shapes do not fit, or a value is not finite.
    """
    mean, log_var = _finite(mean, "mean"), _finite(log_var, "log_var")
    if mean.ndim != 2 or mean.shape != log_var.shape:
        raise ValueError(
            "`mean` and `log_var` must have one shape (n, d); "
            f"received {mean.shape} and {log_var.shape}."
        )
    prior_mean = _broadcast(_finite(prior_mean, "prior_mean"), "prior_mean", mean.shape)
    prior_log_var = _broadcast(_finite(prior_log_var, "prior_log_var"), "prior_log_var", mean.shape)
    log_ratio = log_var - prior_log_var
    distance = (mean - prior_mean) ** 2 * np.exp(-prior_log_var)
    return 0.5 * (np.expm1(log_ratio) - log_ratio + distance).sum(axis=1)


def importance_weighted_bound(log_weights: ArrayLike) -> np.ndarray:
    """Estimate the importance-weighted bound logsumexp(log weights) − log k on log p(x), in nats.

    Burda, Grosse & Salakhutdinov 2016, eq. 8. Its expectation rises with k towards log p(x); with
    k = 1 it is the ELBO, with the exact posterior it equals log p(x) for every k.

    Args:
        log_weights: log p(x, z) − log q(z|x) for k draws z ~ q(z|x), shape ``(n, k)``.

    Returns:
        A float64 array of shape ``(n,)``.

    Raises:
        ValueError: not a matrix, or NaN or +infinity in it.
    """
    log_weights = np.asarray(log_weights, dtype=np.float64)
    if log_weights.ndim != 2 or 0 in log_weights.shape:
        raise ValueError(
            f"`log_weights` must have shape (images, draws); received {log_weights.shape}."
        )
    if not (log_weights < np.inf).all():
        raise ValueError("`log_weights` must be below infinity; received NaN or +infinity.")
    return logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])


def bits_per_dim(
    log_likelihood: ArrayLike, dimensions: int, levels: int = 256
) -> np.ndarray | np.float64:
    """Convert nats per image to bits per dimension of images of ``levels`` grey values.

    log₂(levels) − log_likelihood / (dimensions · ln 2). The log-likelihood must be a *density*
    over pixels in [0, 1] that were dequantised as ``dequantise`` does; its mean is then a lower
    bound on the log-probability of the integer image (Theis et al. 2016, section 3.1), so
    the result is an upper bound. For a model of discrete pixels pass its log-probability and
    ``levels=1``.

    Args:
        log_likelihood: Nats per image, shape ``(n,)`` or a number.
        dimensions: Values per image, height × width × channels.
        levels: Number of grey values of the original images; 1 for log-probabilities.

    Returns:
        Bits per dimension, float64, in the shape of ``log_likelihood``; lower is better, and a
        uniform density scores log₂(levels).

    Raises:
        ValueError: ``dimensions`` or ``levels`` below 1, or NaN.
    """
    log_likelihood = np.asarray(log_likelihood, dtype=np.float64)
    check_int("dimensions", dimensions, 1)
    check_int("levels", levels, 1)
    if np.isnan(log_likelihood).any():
        raise ValueError("`log_likelihood` must be numbers; received NaN.")
    return np.log2(levels) - log_likelihood / (dimensions * np.log(2))


def dequantise(images: ArrayLike, levels: int = 256, seed: int = 0) -> np.ndarray:
    """Add uniform noise of one grey step: images of ``levels`` grey values become continuous.

    y = (x · (levels − 1) + u) / levels with u ~ U[0, 1), so y fills [0, 1) and each grey value
    owns an interval of width 1 / levels (Theis et al. 2016, section 3.1).

    Args:
        images: Multiples of 1 / (levels − 1) in [0, 1], any shape.
        levels: Number of grey values, at least 2.
        seed: Seed of the noise.

    Returns:
        A float64 array in [0, 1).

    Raises:
        ValueError: fewer than two levels, or values that are not on the grid.
    """
    check_int("levels", levels, 2)
    steps = np.asarray(images, dtype=np.float64) * (levels - 1)
    grid = np.rint(steps)
    on_grid = np.abs(steps - grid) <= 1e-3
    if not (on_grid.all() and grid.min() >= 0 and grid.max() <= levels - 1):
        raise ValueError(
            f"`images` must be multiples of 1/{levels - 1} in [0, 1]; received values from "
            f"{np.min(images):.4g} to {np.max(images):.4g} that are not."
        )
    return (grid + np.random.default_rng(seed).random(grid.shape)) / levels


def _finite(array, name):
    array = np.asarray(array, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be finite; received NaN or infinity.")
    return array


def _broadcast(array, name, shape):
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"`{name}` must broadcast to the shape of `mean`, {shape}; received {array.shape}."
        ) from None
