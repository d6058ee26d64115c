"""Answers to the exercises of notebook 09, for ``test_exercises.py``."""

import numpy as np
import scipy


def stable(s):
    return -np.logaddexp(0, s)


def stable_by_cases(s):
    return -np.maximum(s, 0) - np.log1p(np.exp(-np.abs(s)))


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def frechet(m, c, m2, c2, twice=2):
    root = scipy.linalg.sqrtm(c @ c2).real
    return (m - m2) @ (m - m2) + np.trace(c + c2 - twice * root)


def frechet_by_eigenvalues(m, c, m2, c2):
    values = np.linalg.eigvals(c @ c2).real
    return np.sum((m - m2) ** 2) + np.trace(c) + np.trace(c2) - 2 * np.sqrt(values).sum()


def root_of(c):
    return scipy.linalg.sqrtm(c).real


def batches(images, labels, size, rng):
    order = rng.permutation(len(images))
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    return [(images[part], labels[part]) for part in parts]


def batches_by_yield(images, labels, size, rng):
    order = np.argsort(rng.random(len(images)))
    images, labels = images[order], labels[order]
    for i in range(0, len(images), size):
        yield images[i : i + size], labels[i : i + size]


def cut(images, labels, size):
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(images), size)]


def batches_of_colleague(images, labels, size, rng):
    return cut(rng.permutation(images), rng.permutation(labels), size)


def batches_drawn(images, labels, size, rng):
    rows = rng.integers(len(images), size=len(images))
    return cut(images[rows], labels[rows], size)


def split(families, share, rng):
    names = np.unique(families)
    return np.isin(families, rng.choice(names, round(share * len(names)), replace=False))


def split_by_order(families, share, rng):
    names, place = np.unique(families, return_inverse=True)
    rank = rng.permutation(len(names))
    return [rank[i] < share * len(names) for i in place]


def first_families(families, share, rng):
    names = np.unique(families)
    return families < names[int(share * len(names))]


def by_sorted_images(families, share, rng):
    order = np.argsort(families, kind="stable")
    test = np.zeros(len(families), bool)
    test[order[: int(share * len(families))]] = True
    return test


def with_replacement(families, share, rng):
    names = np.unique(families)
    return np.isin(families, rng.choice(names, round(share * len(names))))


METRICS = {
    "are they copies?": "d",
    "is a kind of image missing?": "c",
    "is this reconstruction near its original?": "a",
    "which of two models is nearer to the data, from 300 samples?": "e",
    "asked for A, drawn A?": "f",
    "is a density right on unseen images?": "g",
}

RIGHT = {
    "09.1": [2 * np.log(2), 1.386],
    "09.2": [
        lambda side, channels: side * side * channels,
        lambda s, c: np.full((s, s, c), 1).size,
    ],
    "09.3": [stable, stable_by_cases],
    "09.5": [frechet, frechet_by_eigenvalues],
    "09.6": [
        lambda n, d: np.polyfit(1 / n, d, 1)[1],
        lambda n, d: np.linalg.lstsq(np.stack([n**0, 1 / n], axis=1), d, rcond=None)[0][0],
    ],
    "09.7": [batches, batches_by_yield],
    "09.8": [split, split_by_order],
    "09.9": ["abc", "c, b, a"],
    "09.11": [METRICS, {key: f"{letter})" for key, letter in METRICS.items()}],
}

WRONG = {
    "09.1": [
        (0.693, "one of the two terms"),
        (2.0, "bits"),
        (-1.386, "sign is wrong"),
        (0, "knows every image"),
        (0.5, "minus its logarithm"),
        (3.0, "minus the logarithm of each"),
    ],
    "09.2": [
        (lambda side, channels: side**2, "channels, too"),
        (lambda side, channels: side * channels, "side × side"),
        (lambda side, channels: 1 / side**2 / channels, "Upside down"),
        (lambda side, channels: (side**2 * channels) ** 0.5, "square root"),
        (lambda side, channels: 1, "Multiply the whole loss"),
    ],
    "09.3": [
        (lambda s: np.log(1 - sigmoid(s)), "rounds to 1"),
        (lambda s: -np.log(1 + np.exp(s)), "exponential of 800"),
        (lambda s: -np.logaddexp(0, -s), "real images"),
        (lambda s: np.logaddexp(0, s), "never positive"),
        (lambda s: np.log(1 - sigmoid(s) + 1e-7), "constant was added"),
        (lambda s: -np.logaddexp(0, sigmoid(s)), "twice"),
        (lambda s: s, "For a large score"),
    ],
    "09.5": [
        (lambda *g: frechet(*g) ** 0.5, "stays squared"),
        (
            lambda m, c, m2, c2: np.sum((m - m2) ** 2) + np.trace(c + c2 - 2 * np.sqrt(c * c2)),
            "root of its entries",
        ),
        (lambda *g: frechet(*g, twice=1), "factor 2"),
        (
            lambda m, c, m2, c2: np.sqrt((m - m2) @ (m - m2)) + frechet(m, c, m, c2),
            "comes in squared",
        ),
        (lambda m, c, m2, c2: frechet(m, c, m, c2), "means is missing"),
        (
            lambda m, c, m2, c2: (
                (m - m2) @ (m - m2) + np.trace(c + c2 - 2 * root_of(c) @ root_of(c2))
            ),
            "commute",
        ),
        (lambda m, c, m2, c2: np.trace(c), "Equal Gaussians"),
    ],
    "09.6": [
        (lambda n, d: d[-1], "last value"),
        (lambda n, d: np.mean(d), "most of the bias"),
        (lambda n, d: np.polyfit(n, d, 1)[1], "line in n"),
        (lambda n, d: np.polyfit(1 / n, d, 1)[0], "slope"),
        (lambda n, d: np.polyfit(n**-0.5, d, 1)[1], "1/√n"),
        (lambda n, d: 0.0, "meets the axis"),
    ],
    "09.7": [
        (batches_of_colleague, "Still the colleague"),
        (lambda x, y, size, rng: cut(x, rng.permutation(y), size), "Only the labels"),
        (lambda x, y, size, rng: cut(x, y, size), "Nothing is shuffled"),
        (lambda x, y, size, rng: batches(x, y, size, rng)[:-1], "last batch"),
        (batches_drawn, "replacement"),
        (lambda x, y, size, rng: batches(x, y, 4, rng), "batches of 5"),
        (lambda x, y, size, rng: (x, y), "that are none"),
    ],
    "09.8": [
        (lambda f, share, rng: rng.random(len(f)) < share, "Draw families, not images"),
        (by_sorted_images, "cut in two"),
        (lambda f, share, rng: ~split(f, share, rng), "exchanged"),
        (first_families, "no random draw"),
        (with_replacement, "without replacement"),
        (lambda f, share, rng: f < 0, "on one side"),
        (lambda f, share, rng: f, "other values"),
    ],
    "09.9": [
        ("a", "Two more"),
        ("ab", "how long a step"),
        ("ac", "which network draws"),
        ("abcd", "read again"),
        ("abce", "Nobody would keep"),
        ("d", "were saved"),
        ("e", "one by one"),
    ],
    "09.11": [
        (METRICS | {"are they copies?": "b"}, "5 of 6 are right. “are they"),
        (METRICS | {"is a kind of image missing?": "b"}, "each *real* image"),
        (METRICS | {"asked for A, drawn A?": "e"}, "who names images"),
        (dict.fromkeys(METRICS, "e"), "1 of 6"),
    ],
}
