"""Answers to the exercises of notebook 06, for ``test_exercises.py``."""

import numpy as np


def clean_guess(x, a, b, m, s):
    return m + a * s**2 / (a**2 * s**2 + b**2) * (x - a * m)


def guess_from_both(x, a, b, m, s):
    """The two sources of knowledge, each weighted by the variance of the other."""
    return (b**2 * m + s**2 * a * x) / (b**2 + s**2 * a**2)


def score(x, a, b, m, s):
    return -(x - a * m) / (a**2 * s**2 + b**2)


def score_by_differences(x, a, b, m, s, h=1e-4):
    def log_density(y):
        return -((y - a * m) ** 2) / (2 * (a**2 * s**2 + b**2))

    return (log_density(x + h) - log_density(x - h)) / (2 * h)


def levels(beta):
    kept = np.cumprod(1 - beta)
    return np.sqrt(kept), np.sqrt(1 - kept)


def levels_by_logs(beta):
    log_kept = np.cumsum(np.log1p(-beta))
    return np.exp(log_kept / 2), np.sqrt(-np.expm1(log_kept))


def euler(velocity, x, steps):
    for i in range(steps):
        x = x + velocity(x, i / steps) / steps
    return x


def euler_over_times(velocity, x, steps):
    times = np.linspace(0, 1, steps + 1)
    for now, later in zip(times[:-1], times[1:], strict=True):
        x += (later - now) * velocity(x, now)
    return x


def walk(clock, length):
    def answer(velocity, x, steps):
        for i in range(steps):
            x = x + velocity(x, clock(i, steps)) * length(steps)
        return x

    return answer


def ddim(x, x_hat, a, b, a2, b2):
    noise = (x - a * x_hat) / b
    return a2 * x_hat + b2 * noise


def trace(product, probes):
    return np.mean([v @ product(v[None])[0] for v in probes])


def time_by_table(alpha_bar):
    t = np.linspace(0, 1, 200_001)
    return np.interp(alpha_bar, t**2 / (t**2 + (1 - t) ** 2), t)


RIGHT = {
    "06.1": ["c", "C)"],
    "06.2": [clean_guess, guess_from_both],
    "06.3": [score, score_by_differences],
    "06.4": [levels, levels_by_logs],
    "06.5": [lambda x, e, t: (x - e) / t, lambda x, e, t: (x - (1 - t) * e) / t - e],
    "06.7": [euler, euler_over_times],
    "06.8": [
        lambda n, e: -np.polyfit(np.log(n), np.log(e), 1)[0],
        lambda n, e: np.log2(e[0] / e[1]),
    ],
    "06.9": [ddim, lambda x, x_hat, a, b, a2, b2: x_hat * a2 + (x - x_hat * a) * b2 / b],
    "06.12": [lambda a: np.sqrt(a) / (np.sqrt(a) + np.sqrt(1 - a)), time_by_table],
    "06.13": [trace, lambda product, v: np.einsum("ij,ij", v, product(v)) / len(v)],
    "06.14": [
        lambda x, a: -((x * np.exp(-a)) ** 2) / 2 - np.log(2 * np.pi) / 2 - a,
        lambda x, a: np.log(np.exp(-((x / np.exp(a)) ** 2) / 2) / np.sqrt(2 * np.pi)) - a,
    ],
}

WRONG = {
    "06.1": [("a", "near to none"), ("b", "squared error"), ("d", "It moves"), ("ac", "Only one")],
    "06.2": [
        (lambda x, a, b, m, s: x / a, "infinite"),
        (lambda x, a, b, m, s: m + s**2 / ((a * s) ** 2 + b**2) * (x - a * m), "covariance of x"),
        (lambda x, a, b, m, s: m + a * s / (a**2 * s + b) * (x - a * m), "squares add up"),
        (
            lambda x, a, b, m, s: m + a * s**2 / (a**2 * s**2 + b**2) * (x - m),
            "is α m, not m",
        ),
        (lambda x, a, b, m, s: a * s**2 / (a**2 * s**2 + b**2) * x, "best guess is m"),
        (lambda x, a, b, m, s: x, "Try the ends"),
    ],
    "06.3": [
        (lambda *g: -score(*g), "*higher*"),
        (lambda x, a, b, m, s: -(x - a * m) / np.sqrt(a**2 * s**2 + b**2), "by its root"),
        (lambda x, a, b, m, s: -(x - a * m) / (a * s + b) ** 2, "variances do"),
        (lambda x, a, b, m, s: -(x - m) / (a**2 * s**2 + b**2), "so was their mean"),
        (lambda x, a, b, m, s: -(x - m) / s**2, "clean data"),
        (lambda x, a, b, m, s: -(x - a * m) / b**2, "all images were m"),
        (lambda x, a, b, m, s: x, "Write down"),
    ],
    "06.4": [
        (lambda b: (np.cumprod(1 - b), 1 - np.cumprod(1 - b)), "the squares"),
        (lambda b: (np.sqrt(1 - np.cumsum(b)), np.sqrt(np.cumsum(b))), "added up"),
        (lambda b: (np.sqrt(1 - b), np.sqrt(b)), "one step alone"),
        (lambda b: (levels(b)[0], 1 - levels(b)[0]), "*squares*"),
        (lambda b: levels(np.append(0, b[:-1])), "One step late"),
        (lambda b: levels(b)[::-1], "For one step"),
        (lambda b: levels(b)[0], "2 values"),
    ],
    "06.5": [
        (lambda x, e, t: (e - x) / t, "image minus noise."),
        (lambda x, e, t: (x - (1 - t) * e) / t, "That is the image"),
        (lambda x, e, t: (x - e) / (1 - t), "clock"),
        (lambda x, e, t: x - e, "a share t of it"),
        (lambda x, e, t: x, "Solve"),
    ],
    "06.7": [
        (walk(lambda i, n: i / n, lambda n: 1), "whole way"),
        (walk(lambda i, n: 1 - i / n, lambda n: 1 / n), "backwards"),
        (walk(lambda i, n: (i + 1) / n, lambda n: 1 / n), "*end*"),
        (walk(lambda i, n: np.linspace(0, 1, n)[i], lambda n: 1 / n), "do not fit"),
        (walk(lambda i, n: 0, lambda n: 1 / n), "stands still"),
        (lambda v, x, n: x + v(x, 0), "Only one step"),
        (lambda v, x, n: x, "constant velocity"),
    ],
    "06.8": [
        (lambda n, e: np.polyfit(np.log(n), np.log(e), 1)[0], "The sign"),
        (lambda n, e: -np.polyfit(n, np.log(e), 1)[0], "*both*"),
        (lambda n, e: e[0] / e[1], "by how much"),
        (lambda n, e: -np.polyfit(n, e, 1)[0], "Logarithms are missing"),
        (lambda n, e: 1.0, "twice the steps"),
    ],
    "06.9": [
        (
            lambda x, x_hat, a, b, a2, b2: a2 * x_hat + b * ((x - a * x_hat) / b),
            "still the colleague's",
        ),
        (lambda x, x_hat, a, b, a2, b2: a * x_hat + b2 * (x - a * x_hat) / b, "the image the last"),
        (
            lambda x, x_hat, a, b, a2, b2: a2 * x_hat + b2 * ((x - a2 * x_hat) / b2),
            "*now* count",
        ),
        (lambda x, x_hat, a, b, a2, b2: a2 * x_hat + b2 * (x - x_hat) / b, "was right"),
        (lambda x, x_hat, a, b, a2, b2: a2 * x_hat, "jump"),
        (lambda x, x_hat, a, b, a2, b2: x_hat, "leave x_t alone"),
    ],
    "06.12": [
        (lambda a: np.sqrt(1 - a) / (np.sqrt(a) + np.sqrt(1 - a)), "colleague's clock"),
        (lambda a: a / (a + (1 - a)), "share of the *variance*"),
        (lambda a: 1 - a, "two slips"),
        (lambda a: a**0.5, "compare their ratio"),
        (lambda a: np.sqrt(1 - a), "noise's factor"),
        (lambda a: np.sqrt(a) / np.sqrt(1 - a), "as large?"),
        (lambda a: np.arccos(np.sqrt(1 - a)) * 2 / np.pi, "*cosine* path"),
        (lambda a: a**2, "half and half"),
    ],
    "06.13": [
        (lambda product, v: product(v).sum(axis=1).mean(), "missing on the left"),
        (lambda product, v: (v * product(v)).mean(), "coordinates, too"),
        (lambda product, v: (v * product(v)).sum(), "A sum over the probes"),
        (
            lambda product, v: np.mean([u @ product(u[None])[0] / (u @ u) for u in v]),
            "squared length it is",
        ),
        (lambda product, v: np.sum(v * product(v), axis=1), "One number for each probe"),
        (lambda product, v: 6.0, "A = identity"),
    ],
    "06.14": [
        (lambda x, a: -((x * np.exp(-a)) ** 2) / 2 - np.log(2 * np.pi) / 2 + a, "thins"),
        (lambda x, a: -((x * np.exp(-a)) ** 2) / 2 - np.log(2 * np.pi) / 2, "volume"),
        (lambda x, a: -((x * np.exp(a)) ** 2) / 2 - np.log(2 * np.pi) / 2 - a, "*back*"),
        (lambda x, a: -(x**2) / 2 - np.log(2 * np.pi) / 2 - a, "x itself"),
        (lambda x, a: -((x - a * x) ** 2) / 2 - np.log(2 * np.pi) / 2 - a, "curved"),
        (lambda x, a: x, "With a = 0"),
    ],
}
