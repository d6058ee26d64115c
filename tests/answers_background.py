"""Answers to the exercises of notebook 01, for ``test_exercises.py``."""

import numpy as np
from scipy.special import logsumexp


def fit_in_a_loop(x):
    mean, variance = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            pixel = x[:, row, column]
            mean[row, column] = sum(pixel) / len(pixel)
            variance[row, column] = np.mean(pixel**2) - mean[row, column] ** 2
    return mean, variance


def density(z, m, s):
    return np.exp(-((z[:, None] - m) ** 2) / (2 * s**2)) / np.sqrt(2 * np.pi * s**2)


def shares(z, w, m, s):
    parts = w * density(z, m, s)
    return parts / parts.sum(axis=1, keepdims=True)


def shares_by_softmax(z, w, m, s):
    logs = np.log(w / s) - (z[:, None] - m) ** 2 / (2 * s**2)
    return np.exp(logs - logsumexp(logs, axis=1, keepdims=True))


def kernels(x, c, h):
    square = ((x[:, None] - c[None]) ** 2).sum(axis=2)
    return -square / (2 * h**2)


def kde(x, c, h, factor=None):
    factor = x.shape[1] / 2 if factor is None else factor
    return logsumexp(kernels(x, c, h), axis=1) - np.log(len(c)) - factor * np.log(2 * np.pi * h**2)


def kde_in_a_loop(x, c, h):
    result = []
    for point in x:
        logs = [-((point - one) ** 2).sum() / (2 * h**2) for one in c]
        top = max(logs)
        total = sum(np.exp(each - top) for each in logs) / len(c)
        result.append(top + np.log(total) - len(point) * np.log(np.sqrt(2 * np.pi) * h))
    return result


def naive_kde(x, c, h):
    return np.log(np.exp(kernels(x, c, h)).mean(axis=1)) - 20 * np.log(2 * np.pi * h**2)


def mean_of_logs(x, c, h):
    return kernels(x, c, h).mean(axis=1) - 20 * np.log(2 * np.pi * h**2)


def by_family(values, families, rng):
    groups = [values[families == name] for name in np.unique(families)]
    means = []
    for _ in range(1000):
        drawn = rng.choice(len(groups), len(groups))
        means.append(np.concatenate([groups[i] for i in drawn]).mean())
    return np.std(means)


def by_family_means(values, families, rng):
    sums = np.array([values[families == name].sum() for name in np.unique(families)])
    counts = np.bincount(np.unique(families, return_inverse=True)[1])
    drawn = rng.integers(len(sums), size=(1000, len(sums)))
    return (sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)).std()


def by_image(values, families, rng):
    means = []
    for _ in range(1000):
        drawn = rng.integers(len(values), size=len(values))
        means.append(values[drawn].mean())
    return np.std(means)


def within_families(values, families, rng):
    groups = [values[families == name] for name in np.unique(families)]
    drawn = [g[rng.integers(len(g), size=(1000, len(g)))] for g in groups]
    return np.concatenate(drawn, axis=1).mean(axis=1).std()


def families_once(values, families, rng):
    groups = [values[families == name] for name in np.unique(families)]
    return np.std([np.mean([groups[i] for i in rng.permutation(40)]) for _ in range(1000)])


DIRECTIONS = {
    "maximum likelihood": "a",
    "covers every cluster, draws ghosts between": "a",
    "picks one cluster": "b",
    "needs draws of the data, not their density": "a",
    "punishes samples where no data are": "b",
}

RIGHT = {
    "01.1": ["acd", ["c", "d", "a"]],
    "01.2": [lambda d: d + d * (d + 1) // 2, lambda d: d * (d + 3) / 2],
    "01.3": [lambda x: (x.mean(axis=0), x.var(axis=0)), fit_in_a_loop],
    "01.6": [shares, shares_by_softmax],
    "01.8": [DIRECTIONS, {key: value.upper() for key, value in DIRECTIONS.items()}],
    "01.9": [lambda p, q, z: np.mean(p(z) - q(z)), lambda p, q, z: -sum(q(z) - p(z)) / len(z)],
    "01.10": [kde, kde_in_a_loop],
    "01.12": [
        lambda nats, d: 8 - nats / (d * np.log(2)),
        lambda nats, d: -(nats - d * np.log(256)) / d * np.log2(np.e),
    ],
    "01.13": [by_family, by_family_means],
}

WRONG = {
    "01.1": [
        ("b", "does not warn"),
        ("d", "so far. Other columns"),
        ("c", "so far, but other"),
        ("cd", "What of the distance"),
        ("abcd", "One of the four"),
        ("ab", "column by column"),
    ],
    "01.2": [
        (lambda d: d * (d + 1) // 2, "d numbers are missing"),
        (lambda d: d + d * d, "symmetric"),
        (lambda d: 2 * d, "rung 1"),
        (lambda d: 784, "For d = 1"),
    ],
    "01.3": [
        (lambda x: (x.mean(0), x.std(0)), "standard deviation"),
        (lambda x: (x.mean(0), x.var(0, ddof=1)), "n − 1"),
        (lambda x: (x.mean((1, 2)), x.var((1, 2))), "One number for each image"),
        (lambda x: (x.mean(), x.var()), "One number for all pixels"),
        (lambda x: (x.mean(0), (x**2).mean(0)), "square of the mean"),
        (lambda x: x.mean(0), "2 values"),
        (lambda x: (x.mean(0), x.mean(0)), "derivative"),
    ],
    "01.6": [
        (lambda z, w, m, s: shares(z, 1 / 3, m, s), "weights are missing"),
        (lambda z, w, m, s: (w * density(z, m, s)) / (w * density(z, m, s)).sum(0), "*Gaussian*"),
        (lambda z, w, m, s: shares(z, w, m, s**0.5), "square them"),
        (lambda z, w, m, s: shares(z, w * s, m, s), "factor 1/σ"),
        (lambda z, w, m, s: np.eye(3)[shares(z, w, m, s).argmax(1)], "k-means"),
        (lambda z, w, m, s: w * density(z, m, s), "divide by their sum"),
        (lambda z, w, m, s: shares(z, w, -m, s), "Each row"),
    ],
    "01.8": [
        (DIRECTIONS | {"maximum likelihood": "b"}, "4 of 5 are right. “maximum"),
        (DIRECTIONS | {"picks one cluster": "a"}, "forgives"),
        (DIRECTIONS | {"punishes samples where no data are": "a"}, "*model* draws"),
        (dict.fromkeys(DIRECTIONS, "b"), "2 of 5"),
    ],
    "01.9": [
        (lambda p, q, z: np.mean(np.exp(p(z)) * (p(z) - q(z))), "counts twice"),
        (lambda p, q, z: np.mean(q(z) - p(z)), "wrong way round"),
        (lambda p, q, z: np.log(np.mean(np.exp(p(z)) / np.exp(q(z)))), "each ratio"),
        (lambda p, q, z: np.abs(p(z) - q(z)).mean(), "their sign"),
        (lambda p, q, z: np.sum(p(z) - q(z)), "grows with"),
        (lambda p, q, z: p(z).mean(), "every term is 0"),
    ],
    "01.10": [
        (mean_of_logs, "mean of the logarithms"),
        (lambda x, c, h: kde(x, c, h) + np.log(len(c)), "*mean*"),
        (naive_kde, "logsumexp"),
        (lambda x, c, h: kde(x, c, h, 0), "(2πh²)^(−D/2)"),
        (lambda x, c, h: kde(x, c, h, 0.5), "*one* pixel"),
        (lambda x, c, h: kde(x, c, h**0.5), "as a variance"),
        (lambda x, c, h: kde(x, c, h / 2), "With one centre"),
    ],
    "01.12": [
        (lambda nats, d: -nats / (d * np.log(2)), "step from the density"),
        (lambda nats, d: -nats / (d * np.log(2)) - 8, "on top"),
        (lambda nats, d: 8 - nats / d, "base 2"),
        (lambda nats, d: 8 + nats / (d * np.log(2)), "The sign"),
        (lambda nats, d: np.log(256) - nats / (d * np.log(2)), "log₂ 256"),
        (lambda nats, d: 8 * d - nats / np.log(2), "whole image"),
        (lambda nats, d: nats, "uniform density"),
    ],
    "01.13": [
        (by_image, "Single images are still"),
        (within_families, "*within*"),
        (families_once, "*without* replacement"),
        (lambda v, f, rng: by_family_means(v, f, rng) * 40**0.5, "how much families differ"),
        (lambda v, f, rng: by_family_means(v, f, rng) ** 2, "root"),
        (lambda v, f, rng: 10.0, "as often as it was drawn"),
    ],
}
