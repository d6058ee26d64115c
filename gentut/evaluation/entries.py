"""Scores as entries of one flat dict."""

import numpy as np

from gentut import metrics

# Values that a score can have, which its interval must not leave.  The kernel distance is unbiased
# and so can be below zero.
RANGES = {
    "frechet_distance": (0, np.inf),
    "kernel_distance": (-np.inf, np.inf),
    "inception_score": (1, np.inf),
    "precision": (0, 1),
    "recall": (0, 1),
    "density": (0, np.inf),
    "coverage": (0, 1),
}


def ends(name: str, interval: metrics.Interval) -> dict[str, float]:
    """Return the ends of an interval as entries of ``evaluate``, within what the score can be."""
    low, high = RANGES.get(name, (-np.inf, np.inf))
    return {
        f"{name}_low": float(max(low, interval.low)),
        f"{name}_high": float(min(high, interval.high)),
    }


def merged(*scores: dict) -> dict:
    """Return several dicts of scores as one, their ``halves`` too."""
    halves = {name: values for one in scores for name, values in one.get("halves", {}).items()}
    return {name: value for one in scores for name, value in one.items()} | {"halves": halves}
