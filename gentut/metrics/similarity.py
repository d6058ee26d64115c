"""How alike two images are: one number per pair, for arrays of shape ``(n, h, w, c)``."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from gentut.metrics import _checks

_BLOCK_ELEMENTS = 2**22  # pixels handled at a time
_TAPS = 11


def psnr(a: ArrayLike, b: ArrayLike, data_range: float = 1.0) -> np.ndarray:
    """Compute the peak signal-to-noise ratio of each pair, 10 log₁₀(range² / mean squared error).

    Args:
        a: Images, shape ``(n, h, w, c)``.
        b: Images of the same shape.
        data_range: Largest minus smallest possible value: 1 for [0, 1], 2 for [−1, 1], 255
            for 8-bit integers.

    Returns:
        A float64 array of shape ``(n,)``, in decibels; infinite for identical images.

    Raises:
        TypeError: an array does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or values span far more than
            ``data_range``.
    """
    a, b = _image_pair(a, b, data_range)
    errors = [np.mean((x - y) ** 2, axis=(1, 2, 3)) for x, y in _blocks(a, b)]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / np.concatenate(errors))


def ssim(a: ArrayLike, b: ArrayLike, data_range: float = 1.0) -> np.ndarray:
    """Compute the structural similarity of each pair.

    Wang et al. 2004, eq. 13, with their constants: an 11-tap Gaussian window, σ = 1.5, only
    positions where the whole window fits, K₁ = 0.01, K₂ = 0.03, weighted (biased) variances.
    Channels are scored separately and averaged. The same as ``tf.image.ssim``, and as
    scikit-image with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False``.

    Args:
        a: Images, shape ``(n, h, w, c)``, at least 11 pixels high and wide.
        b: Images of the same shape.
        data_range: Largest minus smallest possible value.

    Returns:
        A float64 array of shape ``(n,)``, between −1 and 1; 1 for identical images.

    Raises:
        TypeError: an array does not hold real numbers.
        ValueError: as ``psnr``, or images smaller than 11 pixels.
    """
    a, b = _image_pair(a, b, data_range)
    _, height, width, _ = a.shape
    if min(height, width) < _TAPS:
        raise ValueError(
            f"`a` must be at least {_TAPS} pixels high and wide; received {height} x {width}."
        )
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    scores = []
    for x, y in _blocks(a, b):
        mean_x, mean_y = _window_mean(x), _window_mean(y)
        covariance = _window_mean(x * y) - mean_x * mean_y
        variances = _window_mean(x * x + y * y) - mean_x**2 - mean_y**2
        structure = (2 * covariance + c2) / (variances + c2)
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        scores.append((luminance * structure).mean(axis=(1, 2, 3)))
    return np.concatenate(scores)


def perceptual_distance(
    features_a: Sequence[ArrayLike],
    features_b: Sequence[ArrayLike],
    weights: Sequence[ArrayLike] | None = None,
) -> np.ndarray:
    """Measure each pair of images in the layers of a network, in the form of LPIPS.

    Zhang et al. 2018, eq. 1: at each position the feature vectors are scaled to unit length;
    their squared differences, times a weight per channel, are averaged over positions
    and summed over layers. With unit weights and a network of your own this is LPIPS in form,
    not in calibration; do not call the number LPIPS.

    Args:
        features_a: One array per layer, each of shape ``(n, h, w, c)``.
        features_b: The same for the other images.
        weights: ``None`` for ones, or one non-negative array of shape ``(c,)`` per layer.

    Returns:
        A float64 array of shape ``(n,)``; 0 for equal directions everywhere.

    Raises:
        ValueError: the numbers of layers or the shapes do not fit.
    """
    layers = _layer_pairs(features_a, features_b)
    weights = [1.0] * len(layers) if weights is None else weights
    if len(weights) != len(layers):
        raise ValueError(
            f"`weights` must have one entry per layer, {len(layers)}; received {len(weights)}."
        )
    total = 0.0
    for i, ((a, b), weight) in enumerate(zip(layers, weights, strict=True)):
        weight = np.asarray(weight, dtype=np.float64)
        if weight.shape not in ((), a.shape[-1:]) or not np.all(weight >= 0):
            raise ValueError(
                f"`weights[{i}]` must be {a.shape[-1]} numbers ≥ 0, one per channel; "
                f"received shape {weight.shape}, smallest {weight.min(initial=np.inf):.4g}."
            )
        difference = (_unit_vectors(a) - _unit_vectors(b)) ** 2 * weight
        total = total + difference.sum(axis=3).mean(axis=(1, 2))
    return total


def content_loss(features_a: Sequence[ArrayLike], features_b: Sequence[ArrayLike]) -> np.ndarray:
    """Sum half the squared differences of two images' features, as Gatys et al. 2016, eq. 1.

    Args:
        features_a: One array per layer, each of shape ``(n, h, w, c)``.
        features_b: The same for the other images.

    Returns:
        A float64 array of shape ``(n,)``, summed over layers, positions and channels.

    Raises:
        ValueError: the numbers of layers or the shapes do not fit.
    """
    layers = _layer_pairs(features_a, features_b)
    return sum(((a - b) ** 2).sum(axis=(1, 2, 3)) / 2 for a, b in layers)


def _image_pair(a, b, data_range):
    a, b = np.asarray(a), np.asarray(b)
    if not data_range > 0:
        raise ValueError(f"`data_range` must be positive; received {data_range}.")
    for name, images in (("a", a), ("b", b)):
        if images.dtype.kind not in "fiub":
            raise TypeError(f"`{name}` must hold real numbers; received dtype {images.dtype}.")
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(
                f"`{name}` must have shape (n, height, width, channels); received {images.shape}."
            )
        _checks.require_finite(images, name)
    if a.shape != b.shape:
        raise ValueError(f"`b` must have the shape of `a`, {a.shape}; received {b.shape}.")
    # Noise on one image of a pair passes; [-1, 1] or 0…255 taken for [0, 1] does not.
    spans = sorted(float(images.max()) - float(images.min()) for images in (a, b))
    if spans[0] > 1.5 * data_range or spans[1] > 10 * data_range:
        raise ValueError(
            f"`data_range` must be the span of possible pixel values; received {data_range} with "
            f"values that span {spans[1]:.4g}. Pass 2 for [-1, 1] or 255 for 8-bit images."
        )
    return a, b


def _blocks(a, b):
    """Pairs of parts of both arrays, in float64."""
    step = max(_BLOCK_ELEMENTS // a[0].size, 1)
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        yield a[part].astype(np.float64), b[part].astype(np.float64)


def _window_mean(x):
    taps = np.exp(-0.5 * (np.arange(_TAPS) - _TAPS // 2) ** 2 / 1.5**2)
    taps /= taps.sum()
    edge = _TAPS // 2
    x = ndimage.correlate1d(x, taps, axis=1)[:, edge:-edge]
    return ndimage.correlate1d(x, taps, axis=2)[:, :, edge:-edge]


def _unit_vectors(features):
    length = np.sqrt((features**2).sum(axis=3, keepdims=True))
    return features / (length + 1e-10)  # as LPIPS; a zero vector stays zero


def _layers(features, name):
    if not isinstance(features, (list, tuple)) or not features:
        raise ValueError(
            f"`{name}` must be a list with one array per layer; received {type(features).__name__}."
        )
    arrays = [np.asarray(array, dtype=np.float64) for array in features]
    for i, array in enumerate(arrays):
        if array.ndim != 4 or 0 in array.shape:
            raise ValueError(
                f"`{name}[{i}]` must have shape (n, height, width, channels); "
                f"received {array.shape}."
            )
        _checks.require_finite(array, f"{name}[{i}]")
    return arrays


def _layer_pairs(features_a, features_b):
    a, b = _layers(features_a, "features_a"), _layers(features_b, "features_b")
    shapes_a, shapes_b = [x.shape for x in a], [x.shape for x in b]
    if shapes_a != shapes_b:
        raise ValueError(
            f"`features_b` must have the shapes of `features_a`, {shapes_a}; received {shapes_b}."
        )
    return list(zip(a, b, strict=True))
