"""Answers to the exercises of notebook 07, for ``test_exercises.py``."""

import re

import numpy as np

LETTERS = r"[a-z0-9]+|[\u4e00-\u9fff]"


def words(text):
    return list(dict.fromkeys(re.findall(LETTERS, text.lower())))


def words_by_hand(text):
    found, word = [], ""
    for sign in text.lower() + " ":
        if sign.isascii() and sign.isalnum():
            word += sign
            continue
        for token in (word, sign if "\u4e00" <= sign <= "\u9fff" else ""):
            if token and token not in found:
                found.append(token)
        word = ""
    return found


def softmax(scores, axis=-1):
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def attend(q, k, v, mask, root=None):
    scores = q @ k.T / (q.shape[1] ** 0.5 if root is None else root)
    return softmax(np.where(mask, scores, -np.inf)) @ v


def attend_without(q, k, v, mask):
    return softmax(q @ k[mask].T / np.sqrt(len(q[0]))) @ v[mask]


def masked_late(q, k, v, mask):
    return (softmax(q @ k.T / 8**0.5) * mask) @ v


def modulate(x, shift, scale, axis=1):
    mean, deviation = x.mean(axis, keepdims=True), x.std(axis, keepdims=True)
    return (x - mean) / deviation * (1 + scale) + shift


def modulate_with_epsilon(x, shift, scale):
    rows = [(row - row.mean()) / np.sqrt(row.var() + 1e-5) for row in x]
    return np.array(rows) + scale * np.array(rows) + shift


def recall(s, k):
    own = np.diag(s)[:, None]
    return ((s > own).sum(axis=1) < k).mean()


def recall_by_sorting(s, k):
    return sum(i in np.argsort(row)[-k:] for i, row in enumerate(s)) / len(s)


def among(s, size):
    groups = [slice(i, i + size) for i in range(0, len(s), size)]
    return np.mean([recall(s[g, g], 1) for g in groups])


def among_with_others_hidden(s, size):
    group = np.arange(len(s)) // size
    hidden = np.where(group[:, None] == group, s, -np.inf)
    return np.mean(hidden.argmax(axis=1) == np.arange(len(s)))


def distances(x, codes):
    return np.linalg.norm(x[:, None] - codes[None], axis=2)


RIGHT = {
    "07.1": [words, words_by_hand],
    "07.2": [1 / (1 + np.exp(-2)), 0.881],
    "07.3": [attend, attend_without],
    "07.5": [modulate, modulate_with_epsilon],
    "07.6": [lambda f, t, w: f + w * (t - f), lambda f, t, w: w * t - (w - 1) * f],
    "07.7": [
        lambda w, c: (w * c / (1 + w), 1 / (1 + w)),
        lambda w, c: np.array([c - c / (1 + w), 1 / (1 + w)]),
    ],
    "07.8": [recall, recall_by_sorting],
    "07.9": [among, among_with_others_hidden],
    "07.10": [
        lambda x, codes: distances(x, codes).argmin(axis=1),
        lambda x, codes: np.argmax(2 * x @ codes.T - (codes**2).sum(axis=1), axis=1),
    ],
    "07.11": [lambda p: -np.log2(p).sum(axis=1), lambda p: np.log2(1 / p) @ np.ones(p.shape[1])],
    "07.12": [lambda m, n, r: r * (m + n), lambda m, n, r: m * r + r * n],
}

WRONG = {
    "07.1": [
        (lambda t: list(dict.fromkeys(re.findall(r"[A-Za-z0-9]+|[\u4e00-\u9fff]", t))), "Capital"),
        (lambda t: re.findall(LETTERS, t.lower()), "kept once"),
        (lambda t: list(dict.fromkeys(re.findall(r"\w+", t.lower()))), "no spaces"),
        (lambda t: list(dict.fromkeys(t.lower().split(" "))), "Commas"),
        (lambda t: sorted(set(re.findall(LETTERS, t.lower()))), "no order"),
        (lambda t: words(t)[::-1], "Try “Red, red HEART”"),
    ],
    "07.2": [
        (0.982, "without the root"),
        (0.731, "the root of d"),
        (0.119, "first key"),
        (1.0, "softmax takes exp"),
        (7.389, "odds"),
        (0.5, "Two scores"),
    ],
    "07.3": [
        (lambda *g: attend(*g, root=1), "root of d is missing"),
        (lambda *g: attend(*g, root=6**0.5), "*keys*"),
        (
            lambda q, k, v, m: softmax(np.where(m, q @ k.T / 8**0.5, -1e9), axis=0) @ v,
            "*query*",
        ),
        (lambda q, k, v, m: softmax(q @ k.T / 8**0.5 * m) @ v, "no bar"),
        (masked_late, "after the softmax"),
        (lambda q, k, v, m: attend(q, k, v, ~m), "wrong way round"),
        (lambda q, k, v, m: softmax(q @ k.T / 8**0.5) @ v, "did nothing"),
        (lambda q, k, v, m: q[:, :2], "With one key"),
    ],
    "07.5": [
        (lambda x, shift, scale: modulate(x, shift, scale - 1), "1 + scale"),
        (lambda *g: modulate(*g, axis=0), "over the batch"),
        (
            lambda x, shift, scale: (
                (x - x.mean(1, keepdims=True)) / x.var(1, keepdims=True) * (1 + scale) + shift
            ),
            "by its root",
        ),
        (lambda x, shift, scale: modulate(x, 0, scale), "shift is missing"),
        (lambda x, shift, scale: x / x.std(1, keepdims=True) * (1 + scale) + shift, "taken off"),
        (lambda x, shift, scale: x, "With shift"),
    ],
    "07.6": [
        (lambda f, t, w: t + w * (t - f), "*without* text"),
        (lambda f, t, w: f + w * (f - t), "flees"),
        (lambda f, t, w: f + w * t, "added whole"),
        (lambda f, t, w: t + w * (f - t), "are swapped"),
        (lambda f, t, w: w * t, "longer velocity"),
        (lambda f, t, w: f, "same line"),
    ],
    "07.7": [
        (lambda w, c: (w * c / (1 + w), (1 + w) ** -0.5), "standard deviation"),
        (lambda w, c: (c, 1 / w), "itself pulls"),
        (lambda w, c: (w * c / (1 + w), 1 + w), "precision"),
        (lambda w, c: (c / 2, 0.5 / w), "text's part only"),
        (lambda w, c: (c / 2, 0.5), "without guidance"),
        (lambda w, c: (0.0, 1.0), "complete the square"),
        (lambda w, c: c, "2 values"),
    ],
    "07.8": [
        (lambda s, k: recall(s.T, k), "columns"),
        (lambda s, k: recall(-s, k), "*least*"),
        (lambda s, k: recall(s, k - 1), "too few"),
        (lambda s, k: recall(s, k + 1), "too many"),
        (lambda s, k: recall(s, k) * len(s), "How many"),
        (lambda s, k: (s.argmax(axis=1) == np.arange(len(s))).mean(), "That is R@1"),
        (lambda s, k: recall(s, k) / k, "k times too small"),
        (lambda s, k: 0.123, "identity"),
    ],
    "07.9": [
        (lambda s, size: np.mean(s.argmax(axis=1) == np.arange(len(s))), "all captions to choose"),
        (lambda s, size: recall(s, size), "R@k with k"),
        (lambda s, size: 1 / size, "guessing"),
        (lambda s, size: recall(s, 1) * len(s) / size, "in proportion"),
        (lambda s, size: recall(s[:size, :size], 1), "first group"),
        (lambda s, size: among(s.T, size), "columns"),
        (lambda s, size: len(s) * among(s, size), "How many"),
        (lambda s, size: 0.7, "among all"),
    ],
    "07.10": [
        (lambda x, codes: np.argmax(x @ codes.T, axis=1), "inner product"),
        (lambda x, codes: distances(x, codes).argmax(axis=1), "farthest"),
        (lambda x, codes: distances(x, codes).argmin(axis=0), "turn the axes"),
        (lambda x, codes: codes[distances(x, codes).argmin(axis=1)], "the codes themselves"),
        (lambda x, codes: (x[:, None] - codes[None]).sum(-1).argmin(1), "cancel"),
        (
            lambda x, codes: np.argmax(x @ (codes / np.sqrt((codes**2).sum(1))[:, None]).T, 1),
            "cosines",
        ),
        (lambda x, codes: np.zeros(len(x), int), "itself a code"),
    ],
    "07.11": [
        (lambda p: -np.log2(p).mean(axis=1), "add up"),
        (lambda p: -np.log(p).sum(axis=1), "nats"),
        (lambda p: -np.log2(np.prod(p, axis=1)), "logarithms first"),
        (lambda p: np.log2(p).sum(axis=1), "The sign"),
        (lambda p: -np.log2(p.sum(axis=1)), "logarithm of the sum"),
        (lambda p: -np.log2(p).sum(), "all pictures"),
        (lambda p: p[:, 0], "one bit for each"),
    ],
    "07.12": [
        (lambda m, n, r: m * n, "frozen."),
        (lambda m, n, r: m + n + r**2, "square in the middle"),
        (lambda m, n, r: m * n * r, "two factors"),
        (lambda m, n, r: m * r, "One of the two"),
        (lambda m, n, r: m * n + r * (m + n), "counted, too"),
        (lambda m, n, r: r, "column times a row"),
    ],
}
