"""Answers to the exercises of notebook 04, for ``test_exercises.py``."""

from math import factorial

import numpy as np
import scipy
from sklearn.neighbors import NearestNeighbors


def precision_by_trees(real, generated, k):
    radius = NearestNeighbors(n_neighbors=k).fit(real).kneighbors()[0][:, -1]
    found = [(((real - point) ** 2).sum(axis=1) < radius**2).any() for point in generated]
    return sum(found) / len(found)


def precision_of_arrays(real, generated, k, own=1, axis=0):
    between = np.linalg.norm(real[:, None] - generated[None], axis=-1)
    among = np.linalg.norm(real[:, None] - real[None], axis=-1)
    radius = np.partition(among, k - 1 + own, axis=1)[:, k - 1 + own]
    return (between < radius[:, None]).any(axis=axis).mean()


def precision_of_colleague(real, generated, k):
    between = np.linalg.norm(real[:, None] - generated[None], axis=-1)
    among = np.linalg.norm(generated[:, None] - generated[None], axis=-1)
    radius = np.sort(among, axis=1)[:, k - 1]
    return (between < radius[None]).any(axis=1).mean()


def inception(p):
    return np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())


def inception_in_a_loop(p):
    total = 0.0
    for row in p:
        total += scipy.stats.entropy(row, p.mean(axis=0))
    return float(np.exp(total / len(p)))


def mean_kl(p):
    return np.mean([scipy.stats.entropy(row, p.mean(axis=0)) for row in p])


def kernel_distance(x, y, d=4, power=3, times=2, own=0):
    def mean(a):
        k = (a @ a.T / d + 1) ** power
        pairs = ~np.eye(len(a), dtype=bool) | bool(own)
        return k[pairs].mean()

    return mean(x) + mean(y) - times * np.mean((x @ y.T / d + 1) ** power)


def kernel_in_a_loop(x, y):
    def k(a, b):
        return (sum(a * b) / len(a) + 1) ** 3

    same = [
        np.mean([k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (x, y)
    ]
    return sum(same) - 2 * np.mean([k(a, b) for a in x for b in y])


def family_error(values, families, factor=True):
    groups = np.unique(families)
    sums = np.array([np.sum((values - values.mean())[families == g]) for g in groups])
    lift = len(groups) / (len(groups) - 1) if factor else 1
    return np.sqrt(lift * np.sum(sums**2)) / len(values)


def family_error_by_matrix(values, families):
    same = families[:, None] == families[None]
    e = values - np.mean(values)
    g = len(set(families.tolist()))
    return float(np.sqrt(g / (g - 1) * (e @ same @ e)) / len(e))


MATCHED = {"copies": "b", "wrong labels": "c", "few typefaces": "a", "one copy in ten": "d"}

RIGHT = {
    "04.1": ["c", "C)"],
    "04.2": [
        lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1 - s2) ** 2,
        lambda m1, s1, m2, s2: abs(complex(m1 - m2, s1 - s2)) ** 2,
    ],
    "04.3": [precision_by_trees, precision_of_arrays],
    "04.4": [inception, inception_in_a_loop],
    "04.5": [kernel_distance, kernel_in_a_loop],
    "04.6": [MATCHED, {key: letter.upper() for key, letter in MATCHED.items()}],
    "04.7": [family_error, family_error_by_matrix],
    "04.8": [
        lambda p: np.sqrt(2) * scipy.stats.norm.ppf(p),
        lambda p: 2 * scipy.special.erfinv(2 * p - 1),
    ],
    "04.9": [2 / factorial(6), 1 / 360],
    "04.10": [
        lambda n, d: np.polyfit(1 / n, d, 1)[1],
        lambda n, d: np.linalg.lstsq(np.column_stack([np.ones(len(n)), 1 / n]), d)[0][0],
    ],
}

WRONG = {
    "04.1": [
        ("a", "in one way"),
        ("b", "flatter"),
        ("d", "Too strict"),
        ("ab", "one of the four"),
    ],
    "04.2": [
        (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1**2 - s2**2) ** 2, "compared the variances"),
        (lambda m1, s1, m2, s2: ((m1 - m2) ** 2 + (s1 - s2) ** 2) ** 0.5, "the root"),
        (lambda m1, s1, m2, s2: (m1 - m2) ** 2, "do not come in"),
        (lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 + s2**2, "nothing is taken off"),
        (lambda m1, s1, m2, s2: abs(m1 - m2) + abs(s1 - s2), "For m1 = m2"),
    ],
    "04.3": [
        (precision_of_colleague, "Still the colleague"),
        (lambda r, g, k: precision_of_arrays(r, g, k, own=0), "the radius"),
        (lambda r, g, k: precision_of_arrays(g, r, k), "This is recall"),
        (lambda r, g, k: precision_of_arrays(r, g, k, axis=1), "This is coverage"),
        (lambda r, g, k: 1.0, "Draw it"),
    ],
    "04.4": [
        (mean_kl, "exponential is missing"),
        (
            lambda p: np.mean([np.exp(scipy.stats.entropy(r, p.mean(axis=0))) for r in p]),
            "inside the mean",
        ),
        (lambda p: np.exp(mean_kl(p) * len(p)), "added up"),
        (lambda p: np.exp(mean_kl(p) / np.log(2)), "base 2"),
        (lambda p: np.exp(scipy.stats.entropy(p.mean(axis=0))), "variety of the classes"),
        (lambda p: p.max(axis=1).mean(), "Equal rows"),
    ],
    "04.5": [
        (lambda x, y: kernel_distance(x, y, own=1), "with itself"),
        (lambda x, y: kernel_distance(x, y, times=1), "*twice*"),
        (lambda x, y: kernel_distance(x, y, d=1), "number of features"),
        (lambda x, y: kernel_distance(x, y, power=2), "third power"),
        (lambda x, y: np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2), "Three means"),
    ],
    "04.6": [
        (MATCHED | {"copies": "a"}, "*training*"),
        (MATCHED | {"wrong labels": "d"}, "reads a label"),
        (MATCHED | {"few typefaces": "b"}, "*all* there"),
        (MATCHED | {"one copy in ten": "b"}, "large table"),
    ],
    "04.7": [
        (lambda v, f: scipy.stats.sem(v), "independent"),
        (lambda v, f: np.std(v) / len(v) ** 0.5, "biased"),
        (
            lambda v, f: scipy.stats.sem([v[f == g].mean() for g in np.unique(f)]),
            "family *means*",
        ),
        (lambda v, f: family_error(v, f, factor=False), "G / (G − 1)"),
        (lambda v, f: family_error(v, f) ** 2, "variance of the mean"),
        (
            lambda v, f: np.sqrt(9 / 8 * ((v - v.mean()) ** 2).sum()) / len(v),
            "*before* you square",
        ),
        (lambda v, f: v.std(), "family of its own"),
    ],
    "04.8": [
        (scipy.stats.norm.ppf, "√2 is missing"),
        (lambda p: 2 * scipy.stats.norm.ppf(p), "its root"),
        (lambda p: np.sqrt(2) * scipy.stats.norm.cdf(p), "not its inverse"),
        (lambda p: np.sqrt(2) * scipy.stats.norm.isf(p), "sign"),
        (lambda p: p - 0.5, "Guessing"),
    ],
    "04.9": [
        (1 / 720, "*dis*agreement"),
        (2 / 120, "five models"),
        (2 / 2**15, "Pairs are not independent"),
        (2 / 2**6, "by a coin"),
        (0.05, "all orders of six"),
    ],
    "04.10": [
        (lambda n, d: np.polyfit(1 / n, d, 1)[0], "the slope"),
        (lambda n, d: np.polyfit(n, d, 1)[1], "against n"),
        (lambda n, d: np.polyfit(n**-0.5, d, 1)[1], "1/√n"),
        (lambda n, d: d[-1], "still biased"),
        (lambda n, d: d.mean(), "return a"),
    ],
}
