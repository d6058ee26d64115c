"""What nearest neighbours tell: precision, recall, density, coverage, memorisation."""

import warnings

import numpy as np
import scipy.cluster.vq
import scipy.special
import scipy.stats
import sklearn
from numpy.typing import ArrayLike

from gentut.checks import check_int
from gentut.metrics import _checks

_BLOCK_PAIRS = 2**19  # of distances at a time, in the cache
_SPARE = 4


def precision_recall_density_coverage(
    real: ArrayLike, generated: ArrayLike, nearest_k: int = 5
) -> dict[str, float]:
    """Measure how far two sets of features lie in each other's neighbourhoods.

    A ball around each sample reaches to its ``nearest_k``-th neighbour in its own set, itself
    not counted. Precision: share of generated samples in some real ball. Recall: share of
    real samples in some generated ball (Kynkäänniemi et al. 2019, eq. 1–3). Density: real
    balls per generated sample, divided by ``nearest_k``, about 1 for equal distributions.
    Coverage: share of real balls that hold a generated sample (Naeem et al. 2020, eq. 3–5).
    Read precision with the others: uniform noise can score as high as good samples.

    A sample exactly on the boundary is outside (``<``, as in prdc and Naeem et al.;
    Kynkäänniemi et al. and torch-fidelity use ``<=``). It matters only for ties, such as
    duplicates. Results equal those of prdc wherever its rounding does not decide.

    Args:
        real: Features of real images, shape ``(n, d)``.
        generated: Features of generated images, shape ``(m, d)``.
        nearest_k: The neighbour that sets the radius, at least 1.

    Returns:
        A dict of floats: ``"precision"``, ``"recall"``, ``"density"``, ``"coverage"``.

    Raises:
        TypeError: a set does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or ``nearest_k`` is not below the
            number of samples.

    Warns:
        SmallSampleWarning: a set has fewer than 100 rows.
    """
    real, generated = _checks.feature_pair(real, generated)
    n, m = len(real), len(generated)
    check_int("nearest_k", nearest_k, 1, min(n, m) - 1, ", less than the samples of each set")
    _checks.warn_small("Precision and recall", (n, m))
    real_radius = _neighbour_distances(real, None, nearest_k) ** 2
    generated_radius = _neighbour_distances(generated, None, nearest_k) ** 2
    # |x|² + |y|² − 2x·y, one product of matrices, is much faster than Σ(x − y)² but rounds, least
    # around the origin. The norms make up for that: a sample on a boundary must not slip inside.
    centre = real.mean(axis=0, dtype=np.float64)
    d = real.shape[1]
    rounding = 4 * (d + 4) * np.finfo(np.float64).eps
    # Rows (−2x, |x|², 1) and (y, 1, |y|²), made in place: a copy is as large as the features.
    left, right = np.ones((n, d + 2)), np.ones((m, d + 2))
    for rows, points, norm in ((left, real, d), (right, generated, d + 1)):
        z = np.subtract(points, centre, out=rows[:, :d])
        rows[:, norm] = (1 + rounding) * np.einsum("ij,ij->i", z, z)
    left[:, :d] *= -2
    in_real_ball, in_generated_ball, pairs = np.zeros(m, bool), np.zeros(n, bool), 0
    holds_generated = np.zeros(n, bool)
    step = max(_BLOCK_PAIRS // m, 1)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        squared = left[rows] @ right.T
        inside = squared < real_radius[rows, None]
        pairs += np.count_nonzero(inside)
        in_real_ball |= inside.any(axis=0)
        holds_generated[rows] = inside.any(axis=1)
        in_generated_ball[rows] = (squared < generated_radius).any(axis=1)
    return {
        "precision": float(in_real_ball.mean()),
        "recall": float(in_generated_ball.mean()),
        "density": float(pairs / (nearest_k * m)),
        "coverage": float(holds_generated.mean()),
    }


def nearest_distances(queries: ArrayLike, references: ArrayLike, k: int = 1) -> np.ndarray:
    """Measure the Euclidean distance from each query to its ``k``-th nearest reference.

    Args:
        queries: Features, shape ``(n, d)``.
        references: Features, shape ``(m, d)``, with m ≥ k.
        k: 1 for the nearest.

    Returns:
        A float64 array of shape ``(n,)``, in units of the features.

    Raises:
        TypeError: a set does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or fewer than ``k`` references.
    """
    queries = _checks.feature_matrix(queries, "queries", minimum=1)
    references = _checks.feature_matrix(references, "references", minimum=1)
    _checks.same_dimensions(queries, "queries", references, "references")
    check_int("k", k, 1, len(references), ", the number of references")
    return _neighbour_distances(references, queries, k)


def _neighbour_distances(references, queries, k):
    """Distance of each query to its ``k``-th nearest reference, measured directly, shape (n,).

    Without ``queries``, that of each reference to its ``k``-th nearest other one.

    The search multiplies matrices and so rounds: it proposes a few neighbours more than asked.
    """
    centre = references.mean(axis=0, dtype=np.float64)
    others = len(references) - (queries is None)
    search = sklearn.neighbors.NearestNeighbors(n_neighbors=min(k + _SPARE, others)).fit(
        references - centre
    )
    found = search.kneighbors(None if queries is None else queries - centre, return_distance=False)
    del search  # it keeps a copy of the references
    queries = references if queries is None else queries
    distances = [
        np.linalg.norm(np.subtract(queries, references[near], dtype=np.float64), axis=1)
        for near in found.T
    ]
    return np.sort(distances, axis=0)[k - 1]


def memorisation(
    train: ArrayLike,
    heldout: ArrayLike,
    generated: ArrayLike,
    cells: int = 1,
    seed: int = 0,
    sources: ArrayLike | None = None,
) -> dict[str, float]:
    """Test whether generated samples lie closer to the training set than held-out data do.

    The data-copying statistic C_T of Meehan, Chaudhuri & Dasgupta 2020, section 4. For each
    held-out and generated sample take the distance to its nearest training sample; C_T is
    the Mann–Whitney statistic of the two lists, standardised, corrected for ties. Far below
    zero (say −3): generated samples are closer, by copying, or because they are bland averages,
    which lie near everything. Around zero: neither. Far above: they are farther from the training
    set than real ones, that is, unlike the data.

    With ``cells > 1`` the test runs inside each k-means cell of the training set, against
    the training samples of that cell, and C_T is the mean weighted by the cell's share of
    held-out samples (their eq. 5). This finds copying in one region that distance in another
    would hide. Cells with fewer than 10 held-out or generated samples are left out.

    The paper standardises as if held-out samples were independent. With ``sources`` their
    contributions to the variance are added up by source first (Obuchowski 1997, for clustered
    data): C_T is divided by what that adds to the standard deviation, and the interval grows by it.

    Args:
        train: Features the model was trained on, shape ``(n, d)``.
        heldout: Features of real images it has not seen, shape ``(m, d)``.
        generated: Features of generated images, shape ``(l, d)``.
        cells: 1 for the global test, or the number of k-means cells.
        seed: Seed of the k-means start: distinct training samples drawn at random.
        sources: The source of each held-out sample, integers ``(m,)``, at least 4 different ones;
            None if they are independent.

    Returns:
        A dict of floats: ``"c_t"``; ``"p_value"``, the chance of a C_T as low as this without
        copying (normal approximation); ``"closer"``, the chance that a
        generated sample is closer to its training neighbour than a held-out one (ties count
        half; 0.5 is neutral), with its 95 % interval ``"closer_low"`` to ``"closer_high"``
        (DeLong et al. 1988; the training set is taken as given); ``"heldout_distance"`` and
        ``"generated_distance"``, the median distances; ``"cells"``, how many cells were used.

    Raises:
        TypeError: a set does not hold real numbers.
        ValueError: shapes do not fit, a value is not finite, or no cell holds 10 samples of each.

    Warns:
        SmallSampleWarning: fewer than 100 held-out or generated samples.
    """
    train = _checks.feature_matrix(train, "train")
    heldout = _checks.feature_matrix(heldout, "heldout")
    generated = _checks.feature_matrix(generated, "generated")
    _checks.same_dimensions(train, "train", heldout, "heldout")
    _checks.same_dimensions(train, "train", generated, "generated")
    check_int("cells", cells, 1)
    _checks.warn_small("Memorisation test", (len(heldout), len(generated)))
    groups = None if sources is None else _checks.rows_by_source(sources, len(heldout))
    heldout_distance = nearest_distances(heldout, train)
    generated_distance = nearest_distances(generated, train)
    closer, *parts = _closer(heldout_distance, generated_distance)
    margin = 1.96 * _deviation(*parts, groups)
    if cells > 1:
        found = _by_cell(train, heldout, generated, cells, seed)
    else:
        all_rows = slice(None), slice(None)
        found = [(*all_rows, heldout_distance, generated_distance)]
    c_t, deviation = _c_t(found, len(heldout), len(generated), groups)
    return {
        "c_t": c_t,
        "p_value": float(scipy.special.ndtr(c_t / deviation)),
        "closer": closer,
        "closer_low": max(0.0, closer - margin),
        "closer_high": min(1.0, closer + margin),
        "heldout_distance": float(np.median(heldout_distance)),
        "generated_distance": float(np.median(generated_distance)),
        "cells": len(found),
    }


def _by_cell(train, heldout, generated, cells, seed):
    """For each k-means cell the rows of held-out and generated samples, and their distances."""
    distinct = np.unique(train, axis=0)
    if cells > len(distinct):
        raise ValueError(
            f"`cells` must be at most the number of distinct training samples, {len(distinct)}; "
            f"received {cells}."
        )
    start = distinct[np.random.default_rng(seed).choice(len(distinct), cells, replace=False)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")  # it is left out below
        # Started from given centres, k-means draws nothing at random.
        centres, train_cell = scipy.cluster.vq.kmeans2(
            train.astype(np.float64), start.astype(np.float64), minit="matrix", missing="warn"
        )
    heldout_cell = scipy.cluster.vq.vq(heldout.astype(np.float64), centres)[0]
    generated_cell = scipy.cluster.vq.vq(generated.astype(np.float64), centres)[0]
    found = []
    for cell in range(cells):
        local = train[train_cell == cell]
        real, made = np.flatnonzero(heldout_cell == cell), np.flatnonzero(generated_cell == cell)
        if len(local) and min(len(real), len(made)) >= 10:
            distances = (nearest_distances(x, local) for x in (heldout[real], generated[made]))
            found.append((real, made, *distances))
    if not found:
        raise ValueError(
            "`cells` must leave at least 10 held-out and 10 generated samples in some cell; "
            f"received cells={cells}."
        )
    return found


def _c_t(found, m, n, groups):
    """C_T, the mean over cells weighted by their held-out samples; and its standard deviation."""
    weights = np.array([len(heldout) for _, _, heldout, _ in found], np.float64)
    weights /= weights.sum()
    statistics, parts = [], (np.zeros(m), np.zeros(n))
    for weight, (real, made, heldout, generated) in zip(weights, found, strict=True):
        statistics.append(_mann_whitney(heldout, generated))
        if groups is None:
            continue
        _, *own = _closer(heldout, generated)
        of_all = np.zeros(m)
        of_all[real] = own[0]
        deviation = _deviation(of_all, own[1], groups)
        if deviation == 0:  # every generated sample is closer, or none
            continue
        statistics[-1] *= _deviation(*own) / deviation
        # A source can have samples in several cells, which then are not independent.
        for total, rows, one in zip(parts, (real, made), own, strict=True):
            total[rows] += weight * one / deviation
    deviation = _deviation(*parts, groups) if any(part.any() for part in parts) else 0.0
    # Independent cells, each of variance 1, unless sources say otherwise.
    return float(weights @ statistics), deviation or float(np.sqrt(weights @ weights))


def _mann_whitney(heldout, generated):
    """The standardised count of generated > heldout."""
    m, n = len(heldout), len(generated)
    ranks = scipy.stats.rankdata(np.concatenate([heldout, generated]))
    farther = ranks[m:].sum() - n * (n + 1) / 2
    _, ties = np.unique(ranks, return_counts=True)
    ties = ties.astype(np.float64)
    total = m + n
    variance = m * n / 12 * (total + 1 - np.sum(ties**3 - ties) / (total * (total - 1)))
    return float((farther - m * n / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def _closer(heldout, generated):
    """Chance that generated < heldout, and what each sample of both adds to its deviation.

    The two lists of parts have mean 0 (DeLong et al. 1988, eq. 3–5).
    """

    def share_below(values, others):  # ties count half
        ordered = np.sort(others)
        places = [np.searchsorted(ordered, values, side) for side in ("left", "right")]
        return np.mean(places, axis=0) / len(others)

    below, above = share_below(heldout, generated), share_below(generated, heldout)
    parts = [(share - share.mean()) / len(share) for share in (below, above)]
    return float(below.mean()), *parts


def _deviation(heldout_parts, generated_parts, groups=None):
    """Standard deviation of the sum of the parts that ``_closer`` gives."""
    variances = (
        _checks.variance_of_sum(heldout_parts, groups),
        _checks.variance_of_sum(generated_parts),
    )
    return float(np.sqrt(sum(variances)))
