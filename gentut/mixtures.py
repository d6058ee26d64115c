"""Which component of a mixture each draw comes from."""

import numpy as np


def draw_in_shares(shares, n, rng):
    """`n` indices of `shares`, int32 in random order, each index as often as its share says.

    Systematic sampling, as in particle filters (Douc & Cappé 2005, "Comparison of resampling
    schemes for particle filtering"): every single draw has the probabilities `shares`, but `n` of
    them together differ from ``n·shares`` by less than one each.  Independent draws would add an
    error of chance to the shares of a large sample.
    """
    ends = np.cumsum(shares) / np.sum(shares)
    places = (np.arange(n) + rng.random()) / n
    drawn = np.minimum(np.searchsorted(ends, places, side="right"), len(ends) - 1)
    return rng.permutation(drawn).astype("int32")


def draw_components(weights, groups, labels, n, rng):
    """Indices of `n` components, ``(n,)``: for each image one of the group that is its label.

    `weights` and `groups`: weight and group of every component; `labels` None takes group 0.
    """
    labels = np.zeros(n, int) if labels is None else labels
    chosen = np.empty(n, int)
    for label in np.unique(labels):
        own, rows = np.flatnonzero(groups == label), labels == label
        chosen[rows] = own[draw_in_shares(weights[own], rows.sum(), rng)]
    return chosen
