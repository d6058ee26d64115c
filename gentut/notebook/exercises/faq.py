"""The exercises of notebook 09 (questions and answers)."""

import numpy as np
from scipy.special import log_expit
from scipy.stats import norm

from gentut.notebook.exercises.judge import (
    Exercise,
    Mistake,
    call,
    check_form,
    choice,
    described,
    function,
    matching,
    number,
    outcome,
)


def _two_gaussians(rng):
    """Mean and covariance of two Gaussians in three dimensions."""
    roots = rng.normal(size=(2, 5, 3))
    return rng.normal(size=3), roots[0].T @ roots[0], rng.normal(size=3), roots[1].T @ roots[1]


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values) @ vectors.T


def _frechet(m, c, m2, c2, twice=2.0):
    middle = _root(_root(c) @ c2 @ _root(c))
    return ((m - m2) ** 2).sum() + np.trace(c + c2) - twice * np.trace(middle)


def _bias_case(rng):
    n = np.array([250.0, 500, 1000, 2000, 4000])
    return n, rng.uniform(1, 5) + rng.uniform(200, 900) / n


def _intercept(x, y):
    return np.polyfit(x, y, 1)[1]


def _families(rng):
    """60 families with 3 to 12 images each, in any order."""
    families = np.repeat(rng.permutation(900)[:60], rng.integers(3, 13, 60))
    return rng.permutation(families)


def _judge_split(answer, rng):
    returns = "an array of True (test) and False (training), one for each image"
    drawn, same = [], _families(rng)
    for families, share in ((same, 0.2), (same, 0.2), (_families(rng), 0.4)):
        test = outcome(answer, (families, share, rng), returns)
        check_form(test, families, returns)
        if not set(np.unique(test)) <= {0, 1}:
            raise Mistake(f"expected {returns}; other values came.")
        test = test.astype(bool)
        drawn.append(test)
        on_test, on_training = set(families[test]), set(families[~test])
        if not on_test or not on_training:
            raise Mistake("All images are on one side.")
        both = len(on_test & on_training)
        if both > 10:
            raise Mistake(
                f"{both} of 60 families are on both sides: the test asks about typefaces that the"
                " model has seen. Draw families, not images."
            )
        if both:
            raise Mistake(
                f"{both} of the families were cut in two: give the whole family to one side,"
                " even if the share of images is then not exact."
            )
        count = len(on_test)
        if count == round(60 * (1 - share)):
            raise Mistake("`share` is that of the *test* families; True and False are exchanged.")
        if count != round(60 * share):
            raise Mistake(
                f"For a share of {share:g}, {count} of 60 families are in the test. Draw a fixed"
                " number of families, without replacement."
            )
    if (drawn[0] == drawn[1]).all():
        raise Mistake(
            "Twice the same families: the first ones by number are no random draw. Use `rng`."
        )


def _judge_batches(answer, rng):
    returns = "a list of pairs (images, labels)"
    n, size = 23, 5
    images = rng.random((n, 2, 2)) + np.arange(n)[:, None, None]  # the whole part says which
    labels = rng.permutation(n) * 10
    batches = call(answer, (images, labels, size, rng), returns)
    try:
        batches = [(np.asarray(x), np.asarray(y)) for x, y in batches]
        x = np.concatenate([each for each, _ in batches])
        y = np.concatenate([each for _, each in batches])
        which = np.floor(x[:, 0, 0]).astype(int)
        fits = np.isin(which, np.arange(n)).all() and len(x) == len(y)
    except Exception:  # whatever a reader returns
        fits = False
    if not fits:
        raise Mistake(f"expected {returns}; received {described(batches)} that are none.")
    if len(set(which)) < len(which):
        raise Mistake(
            "Some images come twice in one epoch and others never: a draw with replacement."
        )
    if len(which) < n:
        raise Mistake(f"{n - len(which)} of {n} images never come: the last batch may be smaller.")
    if (which == np.arange(n)).all() and (y == labels).all():
        raise Mistake("Nothing is shuffled: the order is that of the files, each epoch.")
    if (which == np.arange(n)).all():
        raise Mistake("Only the labels are shuffled now: that is as wrong as before.")
    if not (y == labels[which]).all():
        raise Mistake(
            "Still the colleague's fault: an image does not keep its label. How many permutations"
            " are drawn?"
        )
    if len(batches[0][0]) != size:
        raise Mistake(f"expected batches of {size}; the first holds {len(batches[0][0])}.")


EXERCISES: dict[str, Exercise] = {
    "09.1": number(
        truth=lambda: sum(-norm.logcdf(0) for _ in ("real", "generated")),
        mistakes={
            "That is one of the two terms: a discriminator's loss is taken over real *and*"
            " generated images.": lambda: np.log(2),
            "These are bits; the course's losses are in nats, with the natural"
            " logarithm.": lambda: 2,
            "A loss is −log of the probability that was given to the truth: the sign is"
            " wrong.": lambda: -np.log(4),
            "0 would be a discriminator that knows every image, the very opposite.": lambda: 0,
            "One half is the probability; the loss is minus its logarithm, twice.": lambda: 0.5,
        },
        otherwise="It says 1/2 to a real image and 1/2 to a generated one: add up minus the"
        " logarithm of each.",
        shows="A loss of 0.02 is far from it: the discriminator tells nearly every image apart.",
    ),
    "09.2": function(
        inputs=lambda rng: (int(rng.integers(16, 200)), int(rng.choice([2, 3, 4]))),
        truth=lambda side, channels: np.ones((side, side, channels)).sum(),
        mistakes={
            "The mean goes over the channels, too.": lambda side, channels: side**2,
            "An image has side × side pixels.": lambda side, channels: side * channels,
            "Upside down: the KL weighs *more* beside a mean.": lambda side, channels: (
                1 / (side**2 * channels)
            ),
            "That is the square root: the mean divides by the number"
            " itself.": lambda side, channels: side * np.sqrt(channels),
        },
        otherwise="Multiply the whole loss until the first term is a sum again.",
        shows="64 × 64 in colour: β = 12,288, and the latents say nothing.",
        returns="one number",
        tolerance=1e-9,
    ),
    "09.3": function(
        inputs=lambda rng: (np.append(rng.normal(0, 3, 4), [-800.0, 800.0, 40.0]),),
        truth=lambda s: log_expit(-s),
        mistakes={
            "−∞ or NaN came out for a score of 800 (or 40), where the right answer is −800: the"
            " sigmoid rounds to 1.": lambda s: np.log(1 - 1 / (1 + np.exp(-s))),
            "The exponential of 800 is infinite for a computer; `np.logaddexp` or a case for each"
            " sign avoids it.": lambda s: -np.log(1 + np.exp(s)),
            "−∞ at 800: log1p alone does not help once the sigmoid is rounded to 1.": lambda s: (
                np.log1p(-1 / (1 + np.exp(-s)))
            ),
            "That is log σ(s), for the real images; for generated ones it is"
            " log(1 − σ(s)).": lambda s: log_expit(s),
            "The sign: the logarithm of a probability is never positive.": lambda s: -log_expit(-s),
            "A constant was added to keep the logarithm finite: at 800 it must be"
            " −800.": lambda s: np.log(1 - 1 / (1 + np.exp(-s)) + 1e-7),
            "The sigmoid was applied twice.": lambda s: log_expit(-1 / (1 + np.exp(-s))),
        },
        otherwise="For a large score it is about −s, for a very small one about 0. Question 9"
        " has the formula.",
        shows="This is why losses take scores (logits), not probabilities.",
        returns="an array as large as `scores`",
    ),
    "09.5": function(
        inputs=_two_gaussians,
        truth=_frechet,
        mistakes={
            "That is its root: the course's distance (and FID) stays squared.": lambda *g: np.sqrt(
                _frechet(*g)
            ),
            "The root of a *matrix* is not the root of its entries.": lambda m, c, m2, c2: (
                ((m - m2) ** 2).sum() + np.trace(c + c2 - 2 * np.sqrt(c * c2))
            ),
            "The factor 2 before the root is missing.": lambda *g: _frechet(*g, twice=1),
            "The distance of the means comes in squared.": lambda m, c, m2, c2: (
                _frechet(m, c, m, c2) + np.linalg.norm(m - m2)
            ),
            "The distance of the means is missing.": lambda m, c, m2, c2: _frechet(m, c, m, c2),
            "Two roots were multiplied; the root is that of the *product*, and matrices do not"
            " commute.": lambda m, c, m2, c2: (
                ((m - m2) ** 2).sum() + np.trace(c + c2 - 2 * _root(c) @ _root(c2))
            ),
        },
        otherwise="Equal Gaussians: 0. In one dimension: (m − m₂)² + (s − s₂)².",
        shows="It sees mean and covariance, and nothing else of the two sets.",
        returns="one number",
    ),
    "09.6": function(
        inputs=_bias_case,
        truth=lambda n, d: (n[-1] * d[-1] - n[0] * d[0]) / (n[-1] - n[0]),
        mistakes={
            "The last value still holds the bias b / n.": lambda n, d: d[-1],
            "The mean of the values holds most of the bias.": lambda n, d: d.mean(),
            "A line in n would go on falling for ever; the law is a line in 1 / n.": lambda n, d: (
                _intercept(n, d)
            ),
            "That is b, the slope; a was asked for.": lambda n, d: np.polyfit(1 / n, d, 1)[0],
            "The bias falls like 1/n, not like 1/√n.": lambda n, d: _intercept(1 / np.sqrt(n), d),
        },
        otherwise="Plot d against 1 / n: the straight line meets the axis at a.",
        shows="Only the end of this line can be held against a paper with another n.",
        returns="one number",
    ),
    "09.7": Exercise(
        _judge_batches,
        shows="A conditional model trained on shuffled labels draws fine images of anything.",
    ),
    "09.8": Exercise(
        _judge_split,
        shows="A test on families that the model has seen measures memory.",
    ),
    "09.9": choice(
        "09.9",
        "abcde",
        right="7ba086a3b543",
        hints={
            "98f7ac7bc850": "Right so far. Two more are lost.",
            "c3e1656f5d47": "Right so far. One more is lost: what decides how long a step is?",
            "daa8e0de9ba4": "Right so far. One more is lost: which network draws the samples?",
            "8ac953a1af2e": "Three are right. One of the four was saved: read again.",
            "2c8f925442db": "Three are right. Nobody would keep one of these in a checkpoint.",
            "ea9ad250e6eb": "These were saved, and set again.",
            "": "Go through them one by one: was it saved? Does the training need it?",
        },
        shows="`model.save` keeps all of it.",
    ),
    "09.11": matching(
        "09.11",
        "abcdefg",
        {
            "are they copies?": (
                "0d9dd3356bc4",
                "which score compares with the training images, and with unseen ones beside them?",
            ),
            "is a kind of image missing?": (
                "30d4614da1f4",
                "which score asks each *real* image whether a generated one is near?",
            ),
            "is this reconstruction near its original?": (
                "7d8d067d0f22",
                "here each image has a partner: which score compares pairs?",
            ),
            "which of two models is nearer to the data, from 300 samples?": (
                "345da6f99204",
                "which distance of two sets has no bias with few samples?",
            ),
            "asked for A, drawn A?": (
                "ef5f59a0f986",
                "sets and pairs know nothing of what was asked: who names images?",
            ),
            "is a density right on unseen images?": (
                "fbe465d8b3dd",
                "which number is computed from log p(x)?",
            ),
        },
        shows="No score answers two of these questions.",
    ),
}
