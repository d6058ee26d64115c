"""Answers to the exercises of notebook 05, for ``test_exercises.py``."""

import numpy as np
import scipy


def iou_together(true, predicted, num_classes, first=1):
    scores = []
    for k in range(first, num_classes + 1):
        t, p = true == k, predicted == k
        scores.append((t & p).sum() / (t | p).sum())
    return np.mean(scores)


def iou_by_counts(true, predicted, num_classes):
    total = 0.0
    for k in range(1, num_classes + 1):
        hits = np.count_nonzero((true == k) & (predicted == k))
        extra = np.count_nonzero((true != k) & (predicted == k))
        lost = np.count_nonzero((true == k) & (predicted != k))
        total += hits / (hits + extra + lost)
    return total / num_classes


def iou_of_colleague(true, predicted, num_classes, first=0):
    scores = []
    for image, guess in zip(true, predicted, strict=True):
        for k in range(first, num_classes + 1):
            t, p = image == k, guess == k
            if (t | p).any():
                scores.append((t & p).sum() / (t | p).sum())
    return np.mean(scores)


MATCHED = {
    "good GAN-test, bad CAS": "c",
    "a gain that is gone once both are augmented": "a",
    "a gain of a generator that has seen all letters": "d",
    "a high mean IoU of a network that sees no letter": "b",
}

RIGHT = {
    "05.1": ["b", ["B"]],
    "05.2": [
        lambda n, sigma, b: (sigma**2 / n) / (sigma**2 / n + b**2),
        lambda n, sigma, b: sigma**2 / (sigma**2 + n * b * b),
    ],
    "05.3": [(51 + 25 * 0.75) / 101, 0.6906],
    "05.4": [iou_together, iou_by_counts],
    "05.5": [
        lambda a, b: np.std(a - b, ddof=1) / np.sqrt(len(a)),
        lambda a, b: scipy.stats.sem(a - b),
    ],
    "05.6": [MATCHED, {key: [letter] for key, letter in MATCHED.items()}],
    "05.7": [0.27, 0.3 * (1 - 1 / 10)],
    "05.8": ["b", "B."],
}

WRONG = {
    "05.1": [
        ("a", "third row"),
        ("c", "can read"),
        ("d", "The gap"),
        ("ac", "one of the four"),
    ],
    "05.2": [
        (lambda n, sigma, b: b**2 / (sigma**2 / n + b**2), "*own*"),
        (lambda n, sigma, b: (sigma**2 / n) / (sigma**2 / n + b), "enters squared"),
        (lambda n, sigma, b: sigma**2 / (sigma**2 + b**2), "does not come in"),
        (lambda n, sigma, b: sigma**2 / (sigma**2 + (n * b) ** 2), "divided by n"),
        (lambda n, sigma, b: 0.5, "With no bias"),
    ],
    "05.3": [
        ((67 + 34 * 0.75) / 101, "never found"),
        (0.75, "share of right detections"),
        (2.75 / 4, "area under the steps"),
        (7.5 / 11, "11 levels"),
        (0.5, "Precision is 1"),
    ],
    "05.4": [
        (iou_of_colleague, "Still the colleague"),
        (lambda t, p, k: iou_of_colleague(t, p, k, first=1), "small letter"),
        (lambda t, p, k: iou_together(t, p, k, first=0), "Which class is easy"),
        (lambda t, p, k: iou_together(t > 0, p > 0, 1), "IoU of ink"),
        (
            lambda t, p, k: np.mean([np.mean(p[t == c] == c) for c in range(1, k + 1)]),
            "were found",
        ),
        (lambda t, p, k: np.mean(t == p), "pixels of all scenes"),
    ],
    "05.5": [
        (lambda a, b: np.hypot(scipy.stats.sem(a), scipy.stats.sem(b)), "independent"),
        (lambda a, b: np.std(a - b, ddof=1), "scatters less"),
        (lambda a, b: np.std(a - b) / np.sqrt(len(a)), "n − 1"),
        (lambda a, b: np.std(a - b, ddof=1) / len(a), "root of n"),
        (lambda a, b: a.mean() - b.mean(), "itself"),
        (lambda a, b: 0.01, "all differences are equal"),
    ],
    "05.6": [
        (MATCHED | {"good GAN-test, bad CAS": "a"}, "can be missing"),
        (MATCHED | {"a gain that is gone once both are augmented": "d"}, "first gain compared"),
        (MATCHED | {"a gain of a generator that has seen all letters": "c"}, "come from"),
        (MATCHED | {"a high mean IoU of a network that sees no letter": "a"}, "fills most"),
    ],
    "05.7": [
        (0.3, "right by luck once in ten"),
        (0.03, "share that is right by luck"),
        (0.2, "not one in ten of all"),
        (0.73, "labels that are right"),
        (0.9, "drawn anew"),
    ],
    "05.8": [
        ("a", "Look for data"),
        ("c", "own letters"),
        ("d", "unequal work"),
        ("bd", "one of the four"),
    ],
}
