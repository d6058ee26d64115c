"""Answers to the exercises of notebook 02, for ``test_exercises.py``."""

import numpy as np
from scipy.spatial.distance import jensenshannon


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def softplus(s):
    return np.logaddexp(0, s)


def js(p, q):
    return jensenshannon(p, q) ** 2


def value_term_by_term(p, q):
    total = 0.0
    for a, b in zip(p, q, strict=True):
        total += a * np.log(a / (a + b)) if a else 0.0
        total += b * np.log(b / (a + b)) if b else 0.0
    return total


def careless_value(p, q):
    d = p / (p + q)
    return np.sum(p * np.log(d) + q * np.log(1 - d))


def losses(real, fake):
    return softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()


def losses_in_a_loop(real, fake):
    each = [np.log1p(np.exp(-abs(s))) + max(-s, 0) for s in [*real, *(-fake), *fake]]
    n, m = len(real), len(fake)
    return sum(each[:n]) / n + sum(each[n : n + m]) / m, sum(each[n + m :]) / m


def losses_of_colleague(real, fake):
    real, fake = sigmoid(real), sigmoid(fake)
    return softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()


def naive_losses(real, fake):
    real, fake = sigmoid(real), sigmoid(fake)
    return -np.log(real).mean() - np.log(1 - fake).mean(), -np.log(fake).mean()


def r1(gradients, gamma):
    return gamma / 2 * np.mean(np.sum(gradients**2, axis=(1, 2, 3)))


def lengths(gradients):
    return np.sqrt(np.sum(gradients**2, axis=(1, 2, 3)))


def share_in_a_loop(known, unseen):
    won = [1.0 if k > u else 0.5 if k == u else 0.0 for k in known for u in unseen]
    return sum(won) / len(won)


def share_by_signs(known, unseen):
    return (1 + np.sign(known[:, None] - unseen[None, :]).mean()) / 2


def carried(x, y):
    return np.abs(np.sort(x) - np.sort(y)).mean()


def carried_by_areas(x, y):
    """The area between the two distribution functions."""
    places = np.sort(np.concatenate([x, y]))
    below = [np.mean(x <= t) - np.mean(y <= t) for t in places[:-1]]
    return np.sum(np.abs(below) * np.diff(places))


PLACES = {"only real": "c", "only generated": "a", "equally many": "b", "neither": "d"}
RUNS = {"run 1": "e", "run 2": "d", "run 3": "c", "run 4": "a", "run 5": "b"}

RIGHT = {
    "02.1": [PLACES, {key: [letter.upper()] for key, letter in PLACES.items()}],
    "02.2": [
        lambda r, g, share: share * r / (share * r + (1 - share) * g),
        lambda r, g, share: sigmoid(np.log(r / g) + np.log(share) - np.log(1 - share)),
    ],
    "02.3": [
        lambda r, g, a, b: (a * r + b * g) / (r + g),
        lambda r, g, a, b: b + (a - b) / (1 + g / r),
    ],
    "02.4": [value_term_by_term, lambda p, q: 2 * js(p, q) - 2 * np.log(2)],
    "02.5": [losses, losses_in_a_loop],
    "02.6": [r1, lambda g, gamma: 0.5 * gamma * np.einsum("nhwc,nhwc", g, g) / len(g)],
    "02.7": [share_in_a_loop, share_by_signs],
    "02.8": [lambda c: 2 * c, lambda c: np.sqrt(4 * c**2)],
    "02.9": [carried, carried_by_areas],
    "02.10": [RUNS, {key: f"{letter})" for key, letter in RUNS.items()}],
}

WRONG = {
    "02.1": [
        (PLACES | {"only real": "a"}, "Who finds an image"),
        (PLACES | {"only generated": "d"}, "p_r = 0"),
        (PLACES | {"equally many": "d"}, "from either side"),
        (PLACES | {"neither": "b"}, "the integrand"),
        ({"only real": "c"}, "expected a dict"),
    ],
    "02.2": [
        (lambda r, g, share: r / (r + g), "equal shares"),
        (lambda r, g, s: (1 - s) * r / ((1 - s) * r + s * g), "wrong way round"),
        (lambda r, g, share: share * r / (r + g), "You weighted the answer"),
        (lambda r, g, share: r * share / (r * share + g), "needs 1 − share"),
        (lambda r, g, s: np.log(s * r) - np.log((1 - s) * g), "not yet a probability"),
        (lambda r, g, share: 0.5 + 0 * r, "Maximise share"),
    ],
    "02.3": [
        (lambda r, g, a, b: r / (r + g), "no effect"),
        (lambda r, g, a, b: a * r / (r + g), "target 0"),
        (lambda r, g, a, b: a * r / (a * r + b * g), "into the denominator"),
        (lambda r, g, a, b: (b * r + a * g) / (r + g), "exchanged"),
        (lambda r, g, a, b: a + 0 * r, "mean target"),
    ],
    "02.4": [
        (js, "That is JS"),
        (lambda p, q: 2 * js(p, q), "−log 4 is missing"),
        (lambda p, q: js(p, q) - np.log(4), "JS comes in twice"),
        (lambda p, q: (2 * js(p, q) - np.log(4)) / np.log(2), "in bits"),
        (lambda p, q: np.log(4) - 2 * js(p, q), "minus the value"),
        (careless_value, "NaN came out"),
        (lambda p, q: np.sum(p), "Put D* into eq. 1"),
    ],
    "02.5": [
        (losses_of_colleague, "still the colleague's"),
        (lambda r, f: (losses(r, f)[0], -softplus(f).mean()), "the saturating loss"),
        (lambda r, f: (losses(r, f)[0], softplus(f).mean()), "sign is turned"),
        (naive_losses, "Infinity came out"),
        (lambda r, f: (losses(r, f)[0] / 2, losses(r, f)[1]), "added, not averaged"),
        (
            lambda r, f: (softplus(-r).sum() + softplus(f).sum(), softplus(-f).sum()),
            "Sums over the batch",
        ),
        (lambda r, f: losses(r, f)[0], "2 values"),
        (lambda r, f: losses(r, f)[::-1], "log 4 and log 2"),
    ],
    "02.6": [
        (lambda g, gamma: gamma / 2 * np.mean(g**2), "a mean over both"),
        (lambda g, gamma: gamma / 2 * np.sum(g**2), "grows with the batch"),
        (lambda g, gamma: 2 * r1(g, gamma), "one half"),
        (lambda g, gamma: gamma / 2 * lengths(g).mean(), "to be squared"),
        (lambda g, gamma: gamma / 2 * np.mean((lengths(g) - 1) ** 2), "the gradient penalty"),
        (lambda g, gamma: gamma, "costs γ/2"),
        (lambda g, gamma: lengths(g), "here a single number"),
    ],
    "02.7": [
        (lambda x, y: np.mean(x[:, None] > y), "count nothing"),
        (lambda x, y: np.mean(x[:, None] >= y), "count as won"),
        (lambda x, y: share_by_signs(y, x), "*unseen* image wins"),
        (lambda x, y: np.mean(x > y.mean()), "the mean of the unseen"),
        (lambda x, y: float(x.mean() > y.mean()), "A single comparison"),
        (lambda x, y: 0.5, "one pair won"),
    ],
    "02.8": [
        (lambda c: c, "damp more"),
        (lambda c: 4 * c, "moved back"),
        (lambda c: c**2, "not for γ²/4"),
        (lambda c: 4 * c**2, "take the root"),
        (lambda c: 1.0, "Plot the larger"),
    ],
    "02.9": [
        (lambda x, y: np.abs(x - y).mean(), "Which pairing"),
        (lambda x, y: abs(np.mean(x) - np.mean(y)), "lower bound"),
        (lambda x, y: np.abs(x[:, None] - y).mean(), "two equal sets"),
        (lambda x, y: np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2)), "(W₂)"),
        (lambda x, y: 9 * carried(x, y), "weighs 1/n"),
        (lambda x, y: 1.0, "must not matter"),
    ],
    "02.10": [
        (RUNS | {"run 1": "c"}, "who is ahead"),
        (RUNS | {"run 2": "b"}, "when D ≈ 0"),
        (RUNS | {"run 3": "e"}, "what it has seen"),
        (RUNS | {"run 4": "b"}, "2×2 block"),
        (RUNS | {"run 5": "a"}, "in float32"),
    ],
}
