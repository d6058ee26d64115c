"""Input checks shared by the metrics: what is wrong, in one line, before any arithmetic."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


class SmallSampleWarning(UserWarning):
    """Too few samples for the number to mean what its name says."""


def feature_matrix(array: ArrayLike, name: str, minimum: int = 2) -> np.ndarray:
    """Return ``array`` as a finite floating-point matrix of shape ``(n, d)``.

    float32 and float64 are returned without a copy; everything else becomes float64.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must hold real numbers; received dtype {array.dtype}.")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            f"`{name}` must be a matrix of shape (samples, dimensions); "
            f"received shape {array.shape}."
        )
    if len(array) < minimum:
        raise ValueError(f"`{name}` must hold at least {minimum} samples; received {len(array)}.")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    require_finite(array, name)
    return array


def feature_pair(real: ArrayLike, generated: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Check two feature matrices, and that they have equally many dimensions."""
    real, generated = feature_matrix(real, "real"), feature_matrix(generated, "generated")
    same_dimensions(real, "real", generated, "generated")
    return real, generated


def same_dimensions(
    first: np.ndarray, first_name: str, second: np.ndarray, second_name: str
) -> None:
    """Raise unless two feature matrices have equally many dimensions."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"`{second_name}` must have as many dimensions as `{first_name}`, {first.shape[1]}; "
            f"received {second.shape[1]}."
        )


def require_finite(array: np.ndarray, name: str) -> None:
    """Raise if a value is NaN or infinite; the message names its row."""
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise ValueError(f"`{name}` must be finite; received NaN or infinity in row {row}.")


def warn_small(
    metric: str, sizes: Sequence[int], dimensions: int | None = None, minimum: int = 100
) -> None:
    """Warn if the smallest set is too small; a covariance needs more rows than dimensions."""
    n = min(sizes)
    if dimensions is not None and n <= dimensions:
        message = (
            f"{metric}: {n} samples in {dimensions} dimensions give a singular covariance; the "
            "value is exact for these samples but far above that of the two distributions."
        )
    elif n < minimum:
        message = f"{metric}: only {n} samples (below {minimum}); read it with its interval."
    else:
        return
    warnings.warn(message, SmallSampleWarning, stacklevel=3)


def rows_by_source(sources: ArrayLike, n: int) -> list[np.ndarray]:
    """Return the rows of each source, which must be at least 4."""
    sources = np.asarray(sources)
    if sources.shape != (n,) or sources.dtype.kind not in "iu":
        raise ValueError(
            f"`sources` must hold integers of shape ({n},), one for each row;"
            f" received {sources.dtype} of shape {sources.shape}."
        )
    order = np.argsort(sources, kind="stable")
    _, starts = np.unique(sources[order], return_index=True)
    if len(starts) < 4:
        raise ValueError(f"`sources` must be at least 4 different ones; received {len(starts)}.")
    return np.split(order, starts[1:])


def variance_of_sum(parts: np.ndarray, groups: list[np.ndarray] | None = None) -> float:
    """Estimate the variance of a sum of parts with mean 0, as between samples of the same size.

    Args:
        parts: shape ``(n,)``.
        groups: rows that belong together, see ``rows_by_source``; None if all are independent.
    """
    sums = parts if groups is None else np.array([parts[rows].sum() for rows in groups])
    # One value alone has no spread to learn from.
    return len(sums) / (len(sums) - 1) * float(sums @ sums) if len(sums) > 1 else np.inf
