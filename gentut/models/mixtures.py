"""Mixtures of Gaussians: fitting them, and draws in shares from components and classes."""

from collections.abc import Callable

import numpy as np
import sklearn


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
    # Where the class of each row begins among the rows in the order of classes.
    first = np.searchsorted(labels[by_class], labels[by_class])
    place = np.empty(n, int)
    place[by_class] = np.arange(n) - first
    turn = np.where(place < 2, 0, (place + 0.5) / np.bincount(labels)[labels])
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def fit_mixtures(
    codes: np.ndarray,
    labels: np.ndarray | None,
    num_classes: int | None,
    components: int,
    *,
    codes_per_dimension: int,
    ridge: Callable[[np.ndarray], float],
    max_iter: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fit one mixture of Gaussians per class, or one in all, by expectation–maximisation.

    Args:
        codes: ``(n, d)``.
        labels, num_classes: int ``(n,)`` and how many classes there are; None: one mixture.
        components: Gaussians in all, shared out evenly among the classes, at least one each.
        codes_per_dimension: codes that a Gaussian needs for each of its dimensions, as a full
            covariance of fewer means nothing; a class of few codes gets fewer Gaussians.
        ridge: function of the codes of a class -> what is added to the variances.
        max_iter: rounds of expectation–maximisation, at most.
        seed: of the starting point, which k-means finds.

    Returns:
        Of every component, class by class: "weights" in its class ``(k,)``, "means" ``(k, d)``,
        "scales", the Cholesky factors of the covariances, ``(k, d, d)``, and "groups", its class
        ``(k,)``.

    Raises:
        ValueError: a class has fewer than 2 codes.
    """
    classes = num_classes or 1
    labels = np.zeros(len(codes), int) if labels is None else labels
    parts = []
    for group in range(classes):
        own = codes[labels == group]
        if len(own) < 2:
            raise ValueError(f"`images` must hold at least 2 of class {group}; got {len(own)}.")
        most = len(own) // (codes_per_dimension * codes.shape[1])
        count = max(1, min(components // classes, most))
        mixture = sklearn.mixture.GaussianMixture(
            count, reg_covar=ridge(own), max_iter=max_iter, random_state=seed
        ).fit(own)
        scales = np.linalg.cholesky(mixture.covariances_)
        parts.append((mixture.weights_, mixture.means_, scales, np.full(count, group)))
    names = ("weights", "means", "scales", "groups")
    columns = (np.concatenate(values) for values in zip(*parts, strict=True))
    return dict(zip(names, columns, strict=True))


def draw_components(
    weights: np.ndarray,
    groups: np.ndarray,
    labels: np.ndarray | None,
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw for each of ``n`` images a component of the group that is its label.

    Args:
        weights, groups: weight and group of every component, ``(k,)``.
        labels: ``(n,)``; None takes group 0.
        n: number of images.
        rng: what to draw with.

    Returns:
        Indices of components, ``(n,)``.
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
    """Turn standard normal noise into draws from components of a mixture.

    Args:
        noise: ``(n, d)``.
        chosen: index of the component of each row, ``(n,)``.
        means, scales: of every component, see ``fit_mixtures``.

    Returns:
        Draws, ``(n, d)``.
    """
    draws = np.empty_like(noise)
    for component in np.unique(chosen):  # not a matrix for each row: that is n·d² numbers
        rows = chosen == component
        draws[rows] = means[component] + noise[rows] @ scales[component].T
    return draws
