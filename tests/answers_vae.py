"""Answers to the exercises of notebook 03, for ``test_exercises.py``."""

import numpy as np
import scipy
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

LOG_2PI = np.log(2 * np.pi)


def kl_by_torch_formula(m, a, m2, b):
    ratio, apart = np.exp(a - b), (m - m2) ** 2 / np.exp(b)
    return 0.5 * (ratio + apart - 1 - (a - b)).sum(axis=-1)


def kl_in_a_loop(m, a, m2, b):
    result = []
    for row in zip(m, a, m2, b, strict=True):
        total = 0.0
        for mu, la, mu2, lb in zip(*row, strict=True):
            s, s2 = np.exp(la / 2), np.exp(lb / 2)
            total += np.log(s2 / s) + (s**2 + (mu - mu2) ** 2) / (2 * s2**2) - 0.5
        result.append(total)
    return result


def log_normal(z, m, a):
    return -0.5 * (LOG_2PI + a + (z - m) ** 2 / np.exp(a)).sum(axis=1)


def elbo_from_densities(log_px, z, m, a):
    return [
        p + multivariate_normal.logpdf(u, np.zeros(3)) - multivariate_normal.logpdf(u, v, np.exp(w))
        for p, u, v, w in zip(log_px, z, m, a, strict=True)
    ]


def loss_from_logits(x, l, m, a):  # noqa: E741
    misfit = (np.logaddexp(0, l) - x * l).sum(axis=1)
    return np.mean(misfit + 0.5 * (np.exp(a) + m**2 - 1 - a).sum(axis=1))


def loss_from_probabilities(x, l, m, a):  # noqa: E741
    p = 1 / (1 + np.exp(-l))
    total = -np.where(x == 1, np.log(p), np.log(1 - p)).sum()
    return (total - 0.5 * np.sum(1 + a - m**2 - np.exp(a))) / len(x)


def loss_of_colleague(x, l, m, a):  # noqa: E741
    misfit = (np.logaddexp(0, l) - x * l).sum(axis=1)
    return np.mean(misfit + 0.5 * (np.exp(a) + m**2 - 1 - a).mean(axis=1))


def loss_of_means(x, l, m, a):  # noqa: E741
    misfit = (np.logaddexp(0, l) - x * l).mean(axis=1)
    return np.mean(misfit + 0.5 * (np.exp(a) + m**2 - 1 - a).mean(axis=1))


def loss_of_mean_pixels(x, l, m, a):  # noqa: E741
    misfit = (np.logaddexp(0, l) - x * l).mean(axis=1)
    return np.mean(misfit + 0.5 * (np.exp(a) + m**2 - 1 - a).sum(axis=1))


def loss_of_two_sigmoids(x, l, m, a):  # noqa: E741
    p = 1 / (1 + np.exp(-l))
    return loss_from_logits(x, p, m, a)


def kl_of_diagonal(precision):
    best = np.diag(1 / np.diag(precision))
    product = precision @ best
    return 0.5 * (np.trace(product) - len(product) - np.log(np.linalg.det(product)))


def area(p):
    bend = np.log(p) - np.log(1 - p)
    near = np.abs(bend) < 1e-9
    return np.where(near, 0.5, (2 * p - 1) / np.where(near, 1, bend))


def area_by_sum(p):
    x = np.linspace(0, 1, 2001)
    return np.trapezoid(p[:, None] ** x * (1 - p[:, None]) ** (1 - x), x, axis=1)


def bound(w):
    top = w.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(w - top).mean(axis=1))


RIGHT = {
    "03.1": ["bc", "C, B"],
    "03.2": [0.5 * (1 + 0.25 - 1 - np.log(0.25)), np.float32(0.818)],
    "03.3": [kl_by_torch_formula, kl_in_a_loop],
    "03.4": [
        lambda p, z, m, a: p + log_normal(z, 0 * z, 0 * z) - log_normal(z, m, a),
        elbo_from_densities,
    ],
    "03.5": [
        lambda m, a, e: m + np.exp(a / 2) * e,
        lambda m, a, e: np.sqrt(np.exp(a)) * e + m,
    ],
    "03.6": [loss_from_logits, loss_from_probabilities],
    "03.7": [
        lambda a: (np.log(np.diag(a)).sum() - np.linalg.slogdet(a)[1]) / 2,
        kl_of_diagonal,
    ],
    "03.9": [lambda pixels: (pixels / 2) ** 0.5, lambda pixels: pixels / np.sqrt(2 * pixels)],
    "03.10": [area, area_by_sum],
    "03.11": [bound, lambda w: scipy.special.logsumexp(w, axis=1, b=1 / w.shape[1])],
}

WRONG = {
    "03.1": [
        ("b", "One more of the others"),
        ("ab", "not a random number"),
        ("abc", "Jensen"),
        ("bcd", "bound holds for means"),
        ("ad", "Sort them first"),
    ],
    "03.2": [
        (1.4176, "standard deviation"),
        (1.6363, "one half"),
        (0.318, "that of the mean is missing"),
        (-0.568, "wrong sign"),
        (1.1803, "bits"),
        (2.807, "KL(p‖q)"),
        (7, "closed form"),
    ],
    "03.3": [
        (lambda *g: kl_by_torch_formula(*g) / 3, "The mean over the latents"),
        (lambda m, a, m2, b: kl_by_torch_formula(m2, b, m, a), "This is KL(p‖q)"),
        (lambda m, a, m2, b: kl_by_torch_formula(m, 2 * a, m2, 2 * b), "*variance*"),
        (
            lambda m, a, m2, b: 0.5 * (np.exp(a - b) + (m - m2) ** 2 - 1 - a + b).sum(axis=1),
            "held against the spread",
        ),
        (lambda *g: kl_by_torch_formula(*g).sum(), "whole batch"),
        (lambda m, a, m2, b: np.abs(m - m2).sum(axis=1), "equal normals"),
        (lambda m, a, m2, b: a, "here an array of shape (5,)"),
    ],
    "03.4": [
        (lambda p, z, m, a: p - log_normal(z, m, a), "log p(z) is missing"),
        (lambda p, z, m, a: p + log_normal(z, 0 * m, 0 * a), "log q(z | x) is missing"),
        (
            lambda p, z, m, a: p + log_normal(z, 0 * m, 0 * a) + log_normal(z, m, a),
            "comes in with a minus",
        ),
        (
            lambda p, z, m, a: p + log_normal(z, 0 * m, 0 * a) - log_normal(z, m, 2 * a),
            "σ = exp(log_variance / 2)",
        ),
        (
            lambda p, z, m, a: p - 0.5 * (np.exp(a) + m**2 - 1 - a).sum(axis=1),
            "another estimate",
        ),
        (lambda p, z, m, a: p, "one by one"),
    ],
    "03.5": [
        (lambda m, a, e: m + np.exp(a) * e, "scaled by the variance"),
        (lambda m, a, e: m + a * e, "*logarithm*"),
        (lambda m, a, e: m + e, "not scaled"),
        (lambda m, a, e: e * np.exp(a / 2), "mean is missing"),
        (lambda m, a, e: m * e, "Where log_variance = 0"),
    ],
    "03.6": [
        (loss_of_colleague, "still the colleague's"),
        (loss_of_means, "both terms are means"),
        (loss_of_mean_pixels, "the term that was right"),
        (loss_of_two_sigmoids, "twice"),
        (lambda *g: -loss_from_logits(*g), "its negative"),
        (lambda *g: 6 * loss_from_logits(*g), "mean over images"),
    ],
    "03.7": [
        (lambda a: np.log(np.diag(a)).sum() - np.linalg.slogdet(a)[1], "one half"),
        (lambda a: (np.linalg.slogdet(a)[1] - np.log(np.diag(a)).sum()) / 2, "never negative"),
        (lambda a: np.log(np.diag(a)).sum() / 2, "log det Λ is missing"),
        (np.trace, "For a diagonal Λ"),
    ],
    "03.9": [
        (lambda pixels: pixels / 2, "the variance"),
        (np.sqrt, "The 2 of"),
        (lambda pixels: (2 / pixels) ** 0.5, "Upside down"),
        (lambda pixels: 1.0, "Hold 1/P"),
    ],
    "03.10": [
        (lambda p: (2 * p - 1) / np.log(p / (1 - p)), "NaN came out"),
        (
            lambda p: np.where(p == 0.5, 1, (2 * p - 1) / np.log(p / (1 - p))),
            "Right but for p = 1/2",
        ),
        (lambda p: p + (1 - p), "A density would give 1"),
        (lambda p: 0.5 + 0 * p, "One half is its value"),
        (lambda p: p, "Write the integrand"),
    ],
    "03.11": [
        (lambda w: w.mean(axis=1), "the ELBO"),
        (lambda w: logsumexp(w, axis=1), "subtract log k"),
        (lambda w: np.log(np.mean(np.exp(w), axis=1)), "−∞"),
        (lambda w: w.max(axis=1), "largest weight alone"),
        (lambda w: w[:, 0] + 0.5, "With one draw"),
    ],
}
