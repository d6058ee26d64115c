"""Numbers from arrays: how far, how alike, how likely, and how sure.

NumPy, SciPy and scikit-learn only. No model is run, nothing is printed, nothing is remembered.
Random choices come from the ``seed`` argument. Real comes before generated.
"""

from gentut.metrics._checks import SmallSampleWarning
from gentut.metrics.distances import inception_score, kernel_distance
from gentut.metrics.frechet import (
    Extrapolation,
    frechet_distance,
    frechet_distance_extrapolated,
)
from gentut.metrics.image_text import retrieval, text_alignment
from gentut.metrics.likelihood import (
    bits_per_dim,
    dequantise,
    gaussian_log_density,
    importance_weighted_bound,
    kl_gaussian,
)
from gentut.metrics.neighbours import (
    memorisation,
    nearest_distances,
    precision_recall_density_coverage,
)
from gentut.metrics.similarity import (
    content_loss,
    perceptual_distance,
    psnr,
    ssim,
)
from gentut.metrics.uncertainty import (
    Interval,
    bootstrap,
    halves,
    interval_of,
    mean_interval,
    paired_difference,
    subset_interval,
)

__all__ = [
    "Extrapolation",
    "Interval",
    "SmallSampleWarning",
    "bits_per_dim",
    "bootstrap",
    "content_loss",
    "dequantise",
    "frechet_distance",
    "frechet_distance_extrapolated",
    "gaussian_log_density",
    "halves",
    "importance_weighted_bound",
    "inception_score",
    "interval_of",
    "kernel_distance",
    "kl_gaussian",
    "mean_interval",
    "memorisation",
    "nearest_distances",
    "paired_difference",
    "perceptual_distance",
    "precision_recall_density_coverage",
    "psnr",
    "retrieval",
    "ssim",
    "subset_interval",
    "text_alignment",
]
