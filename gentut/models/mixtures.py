"""Draws in shares: from the components of a mixture, and from the classes of a data set."""

import numpy as np


def draw_in_shares(shares: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``n`` indices of ``shares``, int32 in random order, each as often as its share says.

    Systematic sampling, as in particle filters (Douc & Cappé 2005, "Comparison of resampling
    schemes for particle filtering"): every single draw has the probabilities ``shares``, but ``n``
    of them together differ from ``n·shares`` by less than one each.  Independent draws would add an
    error of chance to the shares of a large sample.
    """
    ends = np.cumsum(shares) / np.sum(shares)
    places = (np.arange(n) + rng.random()) / n
    drawn = np.minimum(np.searchsorted(ends, places, side="right"), len(ends) - 1)
    return rng.permutation(drawn).astype("int32")


def draw_rows(n: int, most: int, labels: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Draw at most ``most`` of ``n`` rows, without replacement; return them in ascending order.

    Images can come sorted by class, so that the first ones do not stand for all.  Each class of
    ``labels`` (None: there is one) keeps its share, and at least two rows if it has them.
    """
    order = rng.permutation(n)
    labels = np.zeros(n, int) if labels is None else np.asarray(labels)[order]
    by_class = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[by_class], labels[by_class])  # of the same class
    place = np.empty(n, int)
    place[by_class] = np.arange(n) - first
    turn = np.where(place < 2, 0, (place + 0.5) / np.bincount(labels)[labels])
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def draw_components(
    weights: np.ndarray,
    groups: np.ndarray,
    labels: np.ndarray | None,
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Indices of ``n`` components, ``(n,)``: for each image one of the group that is its label.

    ``weights`` and ``groups``: weight and group of every component; ``labels`` None takes group 0.
    """
    labels = np.zeros(n, int) if labels is None else labels
    chosen = np.empty(n, int)
    for label in np.unique(labels):
        own, rows = np.flatnonzero(groups == label), labels == label
        chosen[rows] = own[draw_in_shares(weights[own], rows.sum(), rng)]
    return chosen


def move_to_components(
    noise: np.ndarray, chosen: np.ndarray, means: np.ndarray, scales: np.ndarray
) -> np.ndarray:
    """Standard normal ``noise``, ``(n, d)``, as draws from the components ``chosen``, ``(n,)``.

    ``means`` and ``scales``: mean and Cholesky factor of the covariance of every component.
    """
    draws = np.empty_like(noise)
    for component in np.unique(chosen):  # not a matrix for each row: that is n·d² numbers
        rows = chosen == component
        draws[rows] = means[component] + noise[rows] @ scales[component].T
    return draws
