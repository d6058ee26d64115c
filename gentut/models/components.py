"""Images as rows of numbers for principal components, also where they do not fit into memory."""

import numpy as np
import sklearn

from gentut.checks import as_float
from gentut.models.mixtures import draw_rows
from gentut.training.slices import AT_ONCE, Reading, take

NUMBERS = 1 << 26  # 268 MB: 85,598 images of 28×28, 21,845 of 32×32×3, 5,461 of 64×64×3


def flat_rows(images: np.ndarray, seed: int) -> np.ndarray:
    """Return images ``(n, h, w, c)`` as float32 rows ``(n, h·w·c)``.

    Of images that hold more than ``NUMBERS`` numbers, as many as hold no more, drawn at random with
    ``seed``: what spans 64 principal components is known from some thousand of them.
    """
    most, rows = max(1, NUMBERS // images[0].size), np.arange(len(images))
    if len(images) > most:
        rows = draw_rows(len(images), most, None, np.random.default_rng(seed))
    elif images.dtype != np.uint8:
        return np.asarray(images).reshape(len(images), -1)
    flat = np.empty((len(rows), images[0].size), "float32")
    for start in range(0, len(rows), AT_ONCE):  # never all of them as bytes and as floats
        part = take(images, rows[start : start + AT_ONCE])
        flat[start : start + len(part)] = as_float(part).reshape(len(part), -1)
    return flat


def codes_of(pca: "sklearn.decomposition.PCA", images: np.ndarray) -> np.ndarray:
    """Return the components of all images, ``(n, d)``, without a copy of all of them as floats."""
    most, codes, reading = max(1, NUMBERS // 4 // images[0].size), [], Reading(images)
    for start in range(0, len(images), most):
        part = as_float(images[start : start + most])
        codes.append(pca.transform(part.reshape(len(part), -1)))
        reading(len(part))
    return np.concatenate(codes)
