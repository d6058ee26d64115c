"""Scores of images against texts, from the codes that one model gives to both."""

import numpy as np

from gentut.checks import check_int


def text_alignment(image_codes: np.ndarray, text_codes: np.ndarray) -> np.ndarray:
    """Measure how well each image fits its own text, 0 to 2.5: higher is better.

    2.5·max(cos(image, text), 0), the form of CLIPScore (Hessel et al. 2021, "CLIPScore: a
    reference-free evaluation metric for image captioning", eq. 1).  Values of different models
    cannot be compared.

    Args:
        image_codes, text_codes: ``(n, d)``, rows that belong together.

    Returns:
        float64 ``(n,)``.
    """
    images, texts = _unit_rows(image_codes, text_codes)
    return 2.5 * np.maximum(np.sum(images * texts, axis=1), 0)


def retrieval(image_codes: np.ndarray, text_codes: np.ndarray, k: int = 1) -> np.ndarray:
    """Tell of each image whether its own text is among the ``k`` texts nearest to it.

    The mean is "recall at k", R@k (Karpathy & Fei-Fei 2015, section 4.1).  It depends on how many
    texts there are: state their number.  A tie counts against the image, so that a model which
    gives every text one code finds nothing.

    Args:
        image_codes, text_codes: ``(n, d)``, rows that belong together; texts all different.
        k: how many texts are looked at, below n.

    Returns:
        bool ``(n,)``.
    """
    images, texts = _unit_rows(image_codes, text_codes)
    check_int("k", k, 1, len(texts) - 1, ", one less than there are texts")
    cosines = images @ texts.T
    return np.sum(cosines >= np.diag(cosines)[:, None], axis=1) <= k


def _unit_rows(image_codes, text_codes):
    images, texts = np.asarray(image_codes, "float64"), np.asarray(text_codes, "float64")
    if images.ndim != 2 or images.shape != texts.shape:
        raise ValueError(
            "`image_codes` and `text_codes` must both have one shape (n, d); received"
            f" {images.shape} and {texts.shape}."
        )
    return (
        x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (images, texts)
    )
