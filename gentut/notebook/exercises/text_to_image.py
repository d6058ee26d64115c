"""The exercises of notebook 07 (text to image)."""

import re

import numpy as np
from scipy.special import softmax

from gentut.data import tokenizer
from gentut.notebook.exercises.judge import Exercise, function, number

WORDS = ["red heart", "Red HEART", "cat", "3 stars", "红心", "蓝心", "blue", "clock!", "Face"]


def _text(rng):
    return (", ".join([*rng.choice(WORDS, 6), "红心 Red", "red cat!"]),)


def _attention_case(rng):
    """Queries, keys, values, and which of the keys count."""
    mask = np.array([True, True, True, True, False, False])[rng.permutation(6)]
    return rng.normal(0, 2, (3, 8)), rng.normal(size=(6, 8)), rng.normal(size=(6, 2)), mask


def _attend(q, k, v, mask, scale=None, hidden=-1e9, axis=1):
    scores = q @ k.T / (np.sqrt(q.shape[1]) if scale is None else scale)
    return softmax(np.where(mask, scores, hidden), axis=axis) @ v


def _attend_one_by_one(q, k, v, mask):
    rows = []
    for each in q:
        weights = np.exp([each @ key / len(each) ** 0.5 for key in k[mask]])
        rows.append(weights @ v[mask] / weights.sum())
    return np.array(rows)


def _two_keys(scale):
    """The share of the second key, at which the query and both keys of the exercise meet."""
    return softmax(np.array([0.0, 4.0]) / scale)[1]


def _layer_case(rng):
    return rng.normal(1, 3, (5, 16)), rng.normal(size=16), rng.normal(0, 0.5, 16)


def _modulated(x, shift, scale, axis=-1, power=0.5, one=1.0):
    apart = x - x.mean(axis=axis, keepdims=True)
    return apart / x.var(axis=axis, keepdims=True) ** power * (one + scale) + shift


def _velocities(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), float(rng.uniform(1.5, 5))


def _tilted_by_area(w, c):
    x = np.linspace(-40, 40, 40001)
    weight = np.exp(-(x**2) / 2 - w * (x - c) ** 2 / 2)
    weight /= weight.sum()
    mean = weight @ x
    return mean, weight @ (x - mean) ** 2


def _similarities(rng):
    n = int(rng.integers(30, 40))
    return rng.normal(size=(n, n)) + 1.3 * np.eye(n), int(rng.integers(2, 5))


def _found(similarity, k):
    best = np.argsort(-similarity, axis=1)[:, :k]
    return np.mean([row in kept for row, kept in enumerate(best)])


def _groups(rng):
    size = int(rng.integers(5, 9))
    n = size * int(rng.integers(5, 8))
    return rng.normal(size=(n, n)) + 1.3 * np.eye(n), size


def _found_in_group(similarity, size):
    starts = range(0, len(similarity), size)
    return np.mean([_found(similarity[i : i + size, i : i + size], 1) for i in starts])


def _vectors(rng):
    """Vectors and codes of different lengths: a long code has large inner products."""
    return rng.normal(size=(12, 3)), rng.normal(size=(7, 3)) * rng.uniform(0.3, 3, (7, 1))


def _probabilities(rng):
    return (rng.uniform(1e-3, 0.3, (4, 400)),)


EXERCISES: dict[str, Exercise] = {
    "07.1": function(
        inputs=_text,
        truth=lambda text: list(dict.fromkeys(tokenizer.split(text))),
        mistakes={
            "Capital letters stayed: “Red” and “red” are one word.": lambda text: list(
                dict.fromkeys(re.findall(r"[A-Za-z0-9]+|[\u3400-\u9fff]", text))
            ),
            "A word that comes twice is to be kept once, where it first comes.": tokenizer.split,
            "Chinese has no spaces: each character is a token of its own.": lambda text: list(
                dict.fromkeys(re.findall(r"\w+", text.lower()))
            ),
            "Commas and exclamation marks stuck to the words.": lambda text: list(
                dict.fromkeys(text.lower().split())
            ),
            "A set has no order, and a sorted list another one: keep the order of the"
            " text.": lambda text: sorted(set(tokenizer.split(text))),
        },
        otherwise="Try “Red, red HEART”: it gives red, heart; and “红心 heart”: 红, 心, heart.",
        shows="Size of letters, commas and repetitions are lost on the way to the network.",
        returns="a list of tokens",
    ),
    "07.2": number(
        truth=lambda: _two_keys(np.sqrt(4)),
        mistakes={
            "That is without the root: divide the inner product by √d first.": lambda: _two_keys(1),
            "Divided by d; the root of d belongs there.": lambda: _two_keys(4),
            "That is the share of the first key.": lambda: 1 - _two_keys(2),
            "A key with the score 0 does not get 0: softmax takes exp of the scores.": lambda: 1,
            "These are the odds of the two keys; a share is one part of the sum.": lambda: np.exp(
                2
            ),
        },
        otherwise="Two scores, √4 = 2, and a softmax of two numbers.",
        shows="Without the root it would be nearly everything, and longer vectors make it worse.",
        tolerance=0.004,
    ),
    "07.3": function(
        inputs=_attention_case,
        truth=_attend_one_by_one,
        mistakes={
            "The root of d is missing.": lambda *g: _attend(*g, scale=1),
            "Divided by the root of the number of *keys*; the length of a vector belongs"
            " there.": lambda *g: _attend(*g, scale=np.sqrt(6)),
            "The shares of each *key* sum to 1; those of each *query* should do.": lambda *g: (
                _attend(*g, axis=0)
            ),
            "A score of 0 is no bar: e⁰ = 1 still gets a share. Put −∞ (or −10⁹)"
            " there.": lambda *g: _attend(*g, hidden=0.0),
            "The mask came after the softmax: the shares of the rest no longer sum to"
            " 1.": lambda q, k, v, mask: softmax(q @ k.T / np.sqrt(8), axis=1) * mask @ v,
            "The mask is the wrong way round: True are the tokens that"
            " count.": lambda q, k, v, mask: _attend(q, k, v, ~mask),
            "The mask did nothing.": lambda q, k, v, mask: _attend(q, k, v, mask | True),
        },
        otherwise="With one key that counts, each query gets exactly that key's value.",
        shows="The padding of a short text is not looked at.",
        returns="an array with a row for each query",
    ),
    "07.5": function(
        inputs=_layer_case,
        truth=_modulated,
        mistakes={
            "The scale begins at 0, where nothing may change: multiply by 1 + scale.": lambda *g: (
                _modulated(*g, one=0.0)
            ),
            "Each *vector* is normalised, over its own numbers; you went over the"
            " batch.": lambda *g: _modulated(*g, axis=0),
            "Divided by the variance, not by its root.": lambda *g: _modulated(*g, power=1),
            "The shift is missing.": lambda x, shift, scale: _modulated(x, 0, scale),
            "The mean was not taken off.": lambda x, shift, scale: (
                x / x.std(axis=-1, keepdims=True) * (1 + scale) + shift
            ),
        },
        otherwise="With shift = scale = 0 each row has mean 0 and variance 1.",
        shows="This is how time and text steer every layer.",
        returns="an array as large as `x`",
        tolerance=1e-3,
    ),
    "07.6": function(
        inputs=_velocities,
        truth=lambda free, told, w: (1 - w) * free + w * told,
        mistakes={
            "Begin at the velocity *without* text: then w = 1 is the plain"
            " model.": lambda free, told, w: told + w * (told - free),
            "The difference is the wrong way round: this flees the text.": lambda free, told, w: (
                free - w * (told - free)
            ),
            "The text's velocity was added whole; only the difference that the text makes is"
            " enlarged.": lambda free, told, w: free + w * told,
            "`free` and `told` are swapped.": lambda free, told, w: (1 - w) * told + w * free,
            "A longer velocity is not guidance: the direction must change.": lambda free, told, w: (
                w * told
            ),
        },
        otherwise="w = 0 gives `free`, w = 1 gives `told`; then go on along the same line.",
        shows="Two evaluations in each step, unless guidance is distilled into one.",
        returns="an array as large as a velocity",
    ),
    "07.7": function(
        inputs=lambda rng: (float(rng.uniform(1.5, 6)), float(rng.uniform(1, 4))),
        truth=_tilted_by_area,
        mistakes={
            "The second is the standard deviation; the variance was asked for.": lambda w, c: (
                w * c / (1 + w),
                1 / np.sqrt(1 + w),
            ),
            "p(x) itself pulls, too: it is one more normal, of precision 1.": lambda w, c: (
                c,
                1 / w,
            ),
            "That is the precision; the variance is one over it.": lambda w, c: (
                w * c / (1 + w),
                1 + w,
            ),
            "The power w sharpens the text's part only, not p(x).": lambda w, c: (
                c / 2,
                1 / (2 * w),
            ),
            "That is w = 1, without guidance.": lambda w, c: (c / 2, 0.5),
        },
        otherwise="Add the two exponents and complete the square.",
        shows="Stronger guidance: nearer to the text, and less varied.",
        returns="a tuple of mean and variance",
    ),
    "07.8": function(
        inputs=_similarities,
        truth=_found,
        mistakes={
            "You looked down the columns: which picture fits the caption. The question is which"
            " caption fits the picture.": lambda s, k: _found(s.T, k),
            "These are the k *least* similar ones.": lambda s, k: _found(-s, k),
            "One place too few: among the first k means at most k − 1 better ones.": lambda s, k: (
                _found(s, k - 1)
            ),
            "One place too many: with k better captions it is out.": lambda s, k: _found(s, k + 1),
            "How many, not which share.": lambda s, k: len(s) * _found(s, k),
            "That is R@1; k captions may be looked at.": lambda s, k: _found(s, 1),
            "That is the share of the first k that is right, k times too small.": lambda s, k: (
                _found(s, k) / k
            ),
        },
        otherwise="For k = n it is 1, and for the identity matrix, too.",
        shows="Guessing gives k / n: R@k without the number of captions is no number.",
        returns="one number, a share",
    ),
    "07.9": function(
        inputs=_groups,
        truth=_found_in_group,
        mistakes={
            "Each drawing still has all captions to choose from; only those of its group"
            " count.": lambda s, size: _found(s, 1),
            "That is R@k with k = `size`: one of the best of *all*. Asked is the best of"
            " `size`.": lambda s, size: _found(s, size),
            "That is what guessing gives.": lambda s, size: 1 / size,
            "R@1 does not grow in proportion to fewer captions: count again within each"
            " group.": lambda s, size: _found(s, 1) * len(s) / size,
            "That is the first group only; the others were drawn, too.": lambda s, size: _found(
                s[:size, :size], 1
            ),
            "You looked down the columns: which picture fits the caption.": lambda s, size: (
                _found_in_group(s.T, size)
            ),
            "How many, not which share.": lambda s, size: len(s) * _found_in_group(s, size),
        },
        otherwise="With `size` = n it is R@1 among all; with `size` = 1 it is 1.",
        shows="The same drawings look better the fewer rivals their captions have.",
        returns="one number, a share",
    ),
    "07.10": function(
        inputs=_vectors,
        truth=lambda x, codes: [int(np.argmin([np.sum((v - c) ** 2) for c in codes])) for v in x],
        mistakes={
            "The largest inner product prefers long codes; the *nearest* one is"
            " wanted.": lambda x, codes: (x @ codes.T).argmax(axis=1),
            "That is the farthest code.": lambda x, codes: (
                ((x[:, None] - codes) ** 2).sum(axis=2).argmax(axis=1)
            ),
            "For each code the nearest vector came out; turn the axes round.": lambda x, codes: (
                ((x[:, None] - codes) ** 2).sum(axis=2).argmin(axis=0)
            ),
            "These are the codes themselves; their numbers are wanted.": lambda x, codes: codes[
                ((x[:, None] - codes) ** 2).sum(axis=2).argmin(axis=1)
            ],
            "Distances add up over the coordinates *squared* (or absolute), or plus and minus"
            " cancel.": lambda x, codes: (x[:, None] - codes).sum(axis=2).argmin(axis=1),
            "These are cosines: they ignore the length of a code.": lambda x, codes: (
                x @ codes.T / np.linalg.norm(codes, axis=1)
            ).argmax(axis=1),
        },
        otherwise="A vector that is itself a code gets that code's number.",
        shows="No gradient passes an argmin: that is why vector quantisation needs a trick.",
        returns="a whole number for each vector",
    ),
    "07.11": function(
        inputs=_probabilities,
        truth=lambda p: np.array([-sum(np.log(each)) / np.log(2) for each in p]),
        mistakes={
            "That is the mean over the codes; a picture's probability is a product, so its bits"
            " add up.": lambda p: -np.log2(p).mean(axis=1),
            "These are nats: bits need the logarithm to the base 2.": lambda p: (
                -np.log(p).sum(axis=1)
            ),
            "∞ came out: the product of 400 probabilities is 0 for a computer. Take logarithms"
            " first.": lambda p: -np.log2(p.prod(axis=1)),
            "The sign: a likelier picture costs fewer bits, and none costs less than"
            " 0.": lambda p: np.log2(p).sum(axis=1),
            "The logarithm of the sum; by the chain rule probabilities are multiplied.": lambda p: (
                -np.log2(p.sum(axis=1))
            ),
            "One number for all pictures came out.": lambda p: -np.log2(p).sum(),
        },
        otherwise="If each code had probability 1/2, it would be one bit for each.",
        shows="Fewer bits: the writer knows more of the pictures.",
        returns="one number for each picture",
    ),
    "07.12": function(
        inputs=lambda rng: tuple(int(n) for n in (*rng.integers(50, 900, 2), rng.integers(2, 9))),
        truth=lambda m, n, r: np.ones((m, r)).size + np.ones((r, n)).size,
        mistakes={
            "That is the whole matrix: it stays frozen.": lambda m, n, r: m * n,
            "r × r would be a square in the middle; draw the two matrices.": lambda m, n, r: (
                m + n + r * r
            ),
            "The product of the two matrices is as large as the whole one; only its two factors"
            " are trained.": lambda m, n, r: m * n * r,
            "One of the two matrices is missing.": lambda m, n, r: m * r,
            "The frozen matrix was counted, too.": lambda m, n, r: m * n + r * (m + n),
        },
        otherwise="A change of rank 1 is a column times a row.",
        shows="For rank 4 and 128 × 128 it is a sixteenth of the matrix.",
        returns="one number",
        tolerance=1e-9,
    ),
}
