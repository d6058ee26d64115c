"""Input checks shared by the metrics: what is wrong, in one line, before any arithmetic."""

import warnings

import numpy as np


class SmallSampleWarning(UserWarning):
    """Too few samples for the number to mean what its name says."""


def feature_matrix(array, name, minimum=2):
    """Returns `array` as a finite floating-point matrix of shape (n, d).

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


def feature_pair(real, generated, minimum=2):
    """Checks two feature matrices, and that they have equally many dimensions."""
    real = feature_matrix(real, "real", minimum)
    generated = feature_matrix(generated, "generated", minimum)
    same_dimensions(real, "real", generated, "generated")
    return real, generated


def same_dimensions(first, first_name, second, second_name):
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"`{second_name}` must have as many dimensions as `{first_name}`, {first.shape[1]}; "
            f"received {second.shape[1]}."
        )


def require_finite(array, name):
    # A sum is finite only if its terms are: one pass without a mask as large as the array.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(array.sum(dtype=np.float64))
    if suspicious and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise ValueError(f"`{name}` must be finite; received NaN or infinity in row {row}.")


def at_least(name, value, minimum):
    if value < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}; received {value}.")


def warn_small(metric, sizes, dimensions=None, minimum=100):
    """Warns if the smallest set is too small; a covariance needs more rows than dimensions."""
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
