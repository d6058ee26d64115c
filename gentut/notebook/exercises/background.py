"""The exercises of notebook 01 (background)."""

import numpy as np
from scipy.stats import multivariate_normal, norm

from gentut.notebook.exercises.judge import (
    Exercise,
    Mistake,
    check_form,
    choice,
    function,
    matching,
    near,
    outcome,
)


def _photos(rng):
    """30 small images: a gradient, brighter or darker, with noise."""
    x = np.linspace(0, 1, 12).reshape(3, 4) + rng.normal(0, 0.3, (30, 1, 1))
    return (x + rng.normal(0, rng.uniform(0.1, 0.5, (3, 4)), (30, 3, 4)),)


def _points_and_parts(rng):
    """Points on a line, and weights, means and standard deviations of three Gaussians."""
    return rng.normal(0, 2, 8), rng.dirichlet([3, 3, 3]), rng.normal(0, 2, 3), rng.uniform(1, 2, 3)


def _shares(z, weights, means, deviations, axis=1):
    parts = weights * norm.pdf(z[:, None], means, deviations)
    return parts / parts.sum(axis=axis, keepdims=True)


def _two_densities(rng):
    """Two normal log densities, and 200 draws of the first."""
    p, q = (norm(rng.normal(), rng.uniform(0.7, 1.3)) for _ in range(2))
    return p.logpdf, q.logpdf, p.rvs(200, random_state=rng)


def _kernel_case(rng):
    """Three points near centres, three where densities are 0 for a computer; centres; a width."""
    centres, width = rng.normal(0, 1, (9, 40)), rng.uniform(0.08, 0.2)
    near_ones = centres[:3] + width * rng.normal(size=(3, 40))
    return np.concatenate([near_ones, rng.normal(0, 3, (3, 40))]), centres, width


def _kernel_logs(x, centres, width):
    """The log density of each point under each kernel."""
    variance = width**2 * np.ones(x.shape[1])
    return np.stack([multivariate_normal(c, variance).logpdf(x) for c in centres], axis=1)


def _families_apart(rng):
    """400 scores of 40 families, which differ more from each other than within."""
    families = np.repeat(np.arange(40), 10)
    values = rng.normal(0, 1, 40)[families] + rng.normal(0, 1, 400)
    order = rng.permutation(400)
    return values[order], families[order], rng


def _judge_bootstrap(answer, rng):
    """The bootstrap's error of a mean has closed forms, whatever is drawn."""
    returns = "one number, the standard deviation of 1,000 resampled means"
    found = []
    for _ in range(3):
        values, families, rng = _families_apart(rng)
        got = outcome(answer, (values, families, rng), returns)
        check_form(got, 0.0, returns)
        groups = [values[families == family] for family in range(40)]
        spread = np.std([group.mean() for group in groups])
        found.append(
            {
                "got": float(got),
                "right": spread / np.sqrt(40),
                "images": values.std() / np.sqrt(400),
                "within": np.sqrt(np.mean([group.var() for group in groups]) / 400),
                "spread": spread,
                "squared": spread**2 / 40,
            }
        )
    if all(near(case["got"], case["right"], 0.14) for case in found):  # 1,000 means: ± 2 %
        return
    for wrong, hint in {
        "images": "Single images are still drawn, as if those of one family did not resemble each"
        " other.",
        "within": "You draw images *within* each family, and every family always comes: how much"
        " would other families change?",
        "spread": "That is how much families differ, not how much the mean of 40 of them does.",
        "squared": "That is a variance: take the root.",
    }.items():
        if all(near(case["got"], case[wrong], 0.2) for case in found):
            raise Mistake(hint)
    if all(case["got"] < 1e-9 for case in found):
        raise Mistake(
            "All means are equal: drawn *without* replacement, the families are always the same 40."
        )
    raise Mistake(
        "Draw as many families as there are, with replacement; take all images of each, as often"
        " as it was drawn; keep the mean."
    )


EXERCISES: dict[str, Exercise] = {
    "01.1": choice(
        "01.1",
        "abcd",
        right="453193eca7ac",
        hints={
            "cc20b8f9983e": "That column is the one that does not warn: 0.88 beside 0.91.",
            "53c95fda268b": "Right so far. Other columns set the two rows far apart, too.",
            "d8db6ca2c8cf": "Right so far, but other columns set the two rows far apart, too.",
            "aa6aeaeb1abc": "Two of the shares, right. What of the distance?",
            "cfef261f0cfa": "One of the four is nearly the same in both rows.",
            "": "Hold the row “independent pixels” against “training letters”, column by column.",
        },
        shows="A score of single images cannot see that all of them are alike.",
    ),
    "01.2": function(
        inputs=lambda rng: (int(rng.integers(2, 900)),),
        truth=lambda d: np.tri(d).sum() + np.ones(d).sum(),
        mistakes={
            "d numbers are missing: the mean, or the diagonal of the covariance with the"
            " variances.": lambda d: np.tri(d).sum(),
            "A covariance is symmetric: what stands below the diagonal is known from"
            " above.": lambda d: d + d**2,
            "Only mean and variances: that is rung 1, independent pixels.": lambda d: 2 * d,
        },
        otherwise="For d = 1 it is 2 (mean, variance); for d = 2 it is 5. Draw the matrix.",
        shows="On 784 pixels it is 308,504 for each letter, on 64 components 2,144.",
        returns="one number",
        tolerance=1e-9,
    ),
    "01.3": function(
        inputs=_photos,
        truth=lambda x: (sum(x) / len(x), sum((one - sum(x) / len(x)) ** 2 for one in x) / len(x)),
        mistakes={
            "The second is the standard deviation; the variance is its square.": lambda x: (
                x.mean(axis=0),
                x.std(axis=0),
            ),
            "You divided by n − 1. That is unbiased, but the likelihood is highest with"
            " n.": lambda x: (x.mean(axis=0), x.var(axis=0, ddof=1)),
            "One number for each image: the mean goes over the images, and each pixel has its"
            " own.": lambda x: (x.mean(axis=(1, 2)), x.var(axis=(1, 2))),
            "One number for all pixels: each has its own mean and variance.": lambda x: (
                x.mean(),
                x.var(),
            ),
            "The mean of the squares is there; the square of the mean is still to be"
            " taken off.": lambda x: (x.mean(axis=0), (x**2).mean(axis=0)),
        },
        otherwise="Set the derivative of the mean log density to zero, for one pixel.",
        shows="Maximum likelihood counts what it saw; with few images its variances come out too"
        " small.",
        returns="a tuple of mean and variance, each of the shape of one image",
    ),
    "01.6": function(
        inputs=_points_and_parts,
        truth=lambda z, *parts: np.array([_shares(each[None], *parts)[0] for each in z]),
        mistakes={
            "The weights are missing: a Gaussian with few points must claim"
            " less.": lambda z, w, m, s: _shares(z, 1, m, s),
            "The shares of each *Gaussian* sum to 1; those of each *point*"
            " should.": lambda z, w, m, s: _shares(z, w, m, s, axis=0),
            "`deviations` are standard deviations: square them in the"
            " exponent.": lambda z, w, m, s: _shares(z, w, m, np.sqrt(s)),
            "The factor 1/σ of the density is missing: a wide Gaussian is lower"
            " everywhere.": lambda z, w, m, s: _shares(z, w * s, m, s),
            "Each point goes whole to the likeliest Gaussian, as in k-means; EM"
            " shares it out.": lambda z, w, m, s: np.eye(3)[_shares(z, w, m, s).argmax(axis=1)],
            "These are weight times density (the numerator): divide by their"
            " sum.": lambda z, w, m, s: w * norm.pdf(z[:, None], m, s),
        },
        otherwise="Each row sums to 1; with equal Gaussians it is the weights.",
        shows="This is Bayes' rule, with the weights as the prior.",
        returns="an array of shape (points, Gaussians)",
    ),
    "01.8": matching(
        "01.8",
        "ab",
        {
            "maximum likelihood": (
                "d676708fd9fa",
                "the mean of log p(x) is taken over the *data*: which KL takes its mean there?",
            ),
            "covers every cluster, draws ghosts between": (
                "74764e2247ef",
                "which KL becomes infinite where there are data and the model says “impossible”?",
            ),
            "picks one cluster": (
                "6d9586c9c9e7",
                "which KL forgives a cluster that the model never visits?",
            ),
            "needs draws of the data, not their density": (
                "8f69d3fc0972",
                "in which KL is the data's density only a constant, which no fit can change?",
            ),
            "punishes samples where no data are": (
                "be78b7468868",
                "which KL takes its mean over what the *model* draws?",
            ),
        },
        shows="A KL looks only where its first distribution draws.",
    ),
    "01.9": function(
        inputs=_two_densities,
        truth=lambda log_p, log_q, z: log_p(z).mean() - log_q(z).mean(),
        mistakes={
            "The draws come from p already: weighted with p once more it counts"
            " twice.": lambda p, q, z: (np.exp(p(z)) * (p(z) - q(z))).mean(),
            "The difference is the wrong way round: this estimates −KL(p‖q), and not KL(q‖p)"
            " either, for which you would need draws of q.": lambda p, q, z: (q(z) - p(z)).mean(),
            "Take the logarithm of each ratio before the mean.": lambda p, q, z: np.log(
                np.exp(p(z) - q(z)).mean()
            ),
            "Single terms may be negative; without their sign the mean is too"
            " large.": lambda p, q, z: np.abs(p(z) - q(z)).mean(),
            "The sum of the draws, not their mean: it grows with their number.": lambda p, q, z: (
                p(z) - q(z)
            ).sum(),
        },
        otherwise="With log_q = log_p every term is 0.",
        shows="An estimate can come out below 0; the KL itself cannot.",
        returns="one number",
    ),
    "01.10": function(
        inputs=_kernel_case,
        truth=lambda x, c, h: np.logaddexp.reduce(_kernel_logs(x, c, h), axis=1) - np.log(len(c)),
        mistakes={
            "That is the mean of the logarithms: add up densities first, then take the"
            " logarithm.": lambda *given: _kernel_logs(*given).mean(axis=1),
            "The kernels are added; a density is their *mean*, or it would integrate to the number"
            " of centres.": lambda *given: np.logaddexp.reduce(_kernel_logs(*given), axis=1),
            "−∞ came out: the densities are too small for a computer. Add them up as logarithms"
            " (`scipy.special.logsumexp`).": lambda *given: np.log(
                np.exp(_kernel_logs(*given)).mean(axis=1)
            ),
            "The factor of a normal density in D dimensions is missing, (2πh²)^(−D/2)."
            "": lambda x, c, h: (
                np.logaddexp.reduce(_kernel_logs(x, c, h), axis=1)
                - np.log(len(c))
                + x.shape[1] / 2 * np.log(2 * np.pi * h**2)
            ),
            "(2πh²)^(−1/2) is the factor for *one* pixel; there are D of them.": lambda x, c, h: (
                np.logaddexp.reduce(_kernel_logs(x, c, h), axis=1)
                - np.log(len(c))
                + (x.shape[1] - 1) / 2 * np.log(2 * np.pi * h**2)
            ),
            "The width came in as a variance: it is h² in the exponent.": lambda x, c, h: (
                np.logaddexp.reduce(_kernel_logs(x, c, np.sqrt(h)), axis=1) - np.log(len(c))
            ),
        },
        otherwise="With one centre it is the log density of a normal with variance h² per pixel.",
        shows="The nearest centre alone decides nearly all of it.",
        returns="one number for each point",
        tolerance=1e-5,
    ),
    "01.12": function(
        inputs=lambda rng: (rng.normal(0, 2000, 5), int(rng.integers(100, 3000))),
        truth=lambda nats, d: -np.log2(np.exp(nats / d) / 256),
        mistakes={
            "The step from the density to 256 grey values is missing: one value is only 1/256"
            " wide.": lambda nats, d: -nats / d / np.log(2),
            "The grey value's width makes probabilities smaller, so bits come on"
            " top.": lambda nats, d: -nats / d / np.log(2) - 8,
            "These are nats per pixel for the first part: bits need the logarithm to the"
            " base 2.": lambda nats, d: 8 - nats / d,
            "The sign: a likelier image costs *fewer* bits.": lambda nats, d: (
                8 + nats / d / np.log(2)
            ),
            "256 values are log₂ 256 bits; log 256 would be nats.": lambda nats, d: (
                np.log(256) - nats / d / np.log(2)
            ),
            "Bits of the whole image: divide by the pixels.": lambda nats, d: (
                8 * d - nats / np.log(2)
            ),
        },
        otherwise="The uniform density on [0, 1]ᴰ, 0 nats, is exactly 8 bits per pixel.",
        shows="Below 8 the model knows something; a sharper density costs less.",
        returns="one number for each image",
    ),
    "01.13": Exercise(
        _judge_bootstrap,
        shows="Ten images of a family are hardly more than one: the honest error is much larger.",
    ),
}
