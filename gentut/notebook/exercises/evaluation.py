"""The exercises of notebook 04 (evaluation)."""

from statistics import NormalDist

import numpy as np
from scipy.special import entr

from gentut import metrics
from gentut.notebook.exercises.judge import Exercise, choice, function, matching, number


def _bells(rng):
    return rng.normal(), rng.uniform(0.2, 2), rng.normal(), rng.uniform(0.2, 2)


def _two_sets(rng):
    """Thirty real and 24 generated points of a plane, and the neighbour that sets the radius."""
    real, generated = rng.normal(size=(30, 2)), rng.normal(1.2, 1.0, (24, 2))
    return real, generated, int(rng.integers(2, 5))


def _share(centres, points, k, axis=0):
    """Share of points in balls around centres, out to the k-th of these; of balls for axis 1."""
    among, between = (
        np.linalg.norm(centres[:, None] - others[None], axis=-1) for others in (centres, points)
    )
    return (between < np.sort(among, axis=1)[:, k, None]).any(axis=axis).mean()


def _by_library(real, generated, k):
    radius = metrics.nearest_distances(real, real, k=k + 1)  # the nearest of all is itself
    return np.mean([(np.hypot(*(real - point).T) < radius).any() for point in generated])


def _probabilities(rng):
    return (rng.dirichlet(np.full(5, 0.4), 12),)


def _mean_kl(p, base=np.e):
    p = p + 1e-300
    return np.sum(p * np.log(p / p.mean(axis=0)), axis=1) / np.log(base)


def _features(rng):
    return rng.normal(size=(9, 4)), rng.normal(0.5, 1.2, (11, 4))


def _kernel_means(x, y, power=3, over=None, diagonal=False, cross=2):
    """The kernel distance and its usual mistakes."""
    d = x.shape[1] if over is None else over

    def within(a):
        k = (a @ a.T / d + 1) ** power
        n = len(k)
        return k.mean() if diagonal else (k.sum() - np.trace(k)) / (n * (n - 1))

    return within(x) + within(y) - cross * ((x @ y.T / d + 1) ** power).mean()


def _answers_of_families(rng):
    """Forty values, the mean of which wanders from family to family; nine families."""
    families = rng.permutation(np.append(np.arange(9), rng.integers(0, 9, 31)))
    return rng.normal(size=9)[families] + rng.normal(0, 0.5, 40), families


def _sums(values, families):
    """Deviations from the mean, added up within each family."""
    return np.bincount(families, values - values.mean())


def _family_means(values, families):
    return np.bincount(families, values) / np.bincount(families)


def _line(rng):
    sizes = np.sort(rng.choice(np.arange(200, 5_000), 6, replace=False)).astype(float)
    return sizes, rng.uniform(0.3, 2) + rng.uniform(200, 900) / sizes + rng.normal(0, 0.01, 6)


def _least_squares(x, y, place=0):
    return np.polynomial.polynomial.polyfit(x, y, 1)[place]


EXERCISES: dict[str, Exercise] = {
    "04.1": choice(
        "04.1",
        "abcd",
        right="84897b4e2342",
        hints={
            "5d63ebb95452": "It would follow if both had been measured in one way. Section 6: what"
            " does the number of images do to the distance?",
            "58bb3fd94aed": "More images lower the number, they do not make the model better."
            " Which of the two does that flatter?",
            "d38972cb02fa": "Too strict: there is a case in which one can say it. What would have"
            " to be the same for both?",
            "": "Name one of the four.",
        },
        shows="The bias falls like 1/n, so the model measured by fewer images is ahead by more.",
    ),
    "04.2": function(
        inputs=_bells,
        truth=lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 + s2**2 - 2 * np.sqrt(s1**2 * s2**2),
        mistakes={
            "You compared the variances; the formula wants the difference of the *standard"
            " deviations*, squared.": lambda m1, s1, m2, s2: (m1 - m2) ** 2 + (s1**2 - s2**2) ** 2,
            "That is d, the root. Like most papers, section 4.1 reports d².": lambda *g: np.hypot(
                g[0] - g[2], g[1] - g[3]
            ),
            "The widths do not come in: two sets of equal means would be"
            " equal.": lambda m1, s1, m2, s2: (m1 - m2) ** 2,
            "The variances are added, and nothing is taken off: two equal sets must have"
            " distance 0.": lambda m1, s1, m2, s2: (m1 - m2) ** 2 + s1**2 + s2**2,
        },
        otherwise="For m1 = m2 it is (s1 − s2)²; for s1 = s2 it is (m1 − m2)².",
        shows="It sees means and widths only: ±1 by a coin and a standard normal have distance 0.",
        returns="one number",
    ),
    "04.3": function(
        inputs=_two_sets,
        truth=_by_library,
        mistakes={
            "Still the colleague's program: it gives nearly 0 for a machine that draws one good"
            " letter, and precision should be 1.": lambda r, g, k: _share(g, r, k - 1),
            "One of two mistakes is gone. Now look at the radius: which neighbour stands first in"
            " each sorted row?": lambda r, g, k: _share(r, g, k - 1),
            "One of two mistakes is gone. This is recall now: around which points should the balls"
            " lie?": lambda r, g, k: _share(g, r, k),
            "This is coverage, the share of balls that hold something. Precision counts generated"
            " points.": lambda r, g, k: _share(r, g, k, axis=1),
        },
        otherwise="Draw it: balls around the real points, out to the k-th *other* real point; count"
        " the generated points that lie in at least one.",
        shows="The same five lines give recall if the two sets change places.",
        returns="one number",
    ),
    "04.4": function(
        inputs=_probabilities,
        truth=lambda p: np.exp(entr(p.mean(axis=0)).sum() - entr(p).sum(axis=1).mean()),
        mistakes={
            "The exponential is missing: this is the mean divergence itself.": lambda p: _mean_kl(
                p
            ).mean(),
            "The exponential stands inside the mean; it belongs around it.": lambda p: np.exp(
                _mean_kl(p)
            ).mean(),
            "The divergences were added up; the score takes their mean.": lambda p: np.exp(
                _mean_kl(p).sum()
            ),
            "Logarithm to base 2 and exponential to base e do not go together.": lambda p: np.exp(
                _mean_kl(p, 2).mean()
            ),
            "That is the variety of the classes alone, exp of the entropy of p(y): how sure the"
            " classifier is does not come in.": lambda p: np.exp(entr(p.mean(axis=0)).sum()),
        },
        otherwise="Equal rows give 1; one sure row for each class gives the number of classes.",
        shows="Real images do not occur in it, so it cannot say how near to them the samples are.",
        returns="one number",
    ),
    "04.5": function(
        inputs=_features,
        truth=lambda x, y: (
            2 * sum((a @ b / 4 + 1) ** 3 for i, a in enumerate(x) for b in x[:i]) / (9 * 8)
            + 2 * sum((a @ b / 4 + 1) ** 3 for i, a in enumerate(y) for b in y[:i]) / (11 * 10)
            - 2 * np.mean([[(a @ b / 4 + 1) ** 3 for b in y] for a in x])
        ),
        mistakes={
            "The pairs of a point with itself are in: that is the biased form, which is above 0 for"
            " equal sets.": lambda x, y: _kernel_means(x, y, diagonal=True),
            "The mean over pairs of different sets is taken off *twice*.": lambda x, y: (
                _kernel_means(x, y, cross=1)
            ),
            "The product is to be divided by the number of features first.": lambda x, y: (
                _kernel_means(x, y, over=1)
            ),
            "The kernel is a third power.": lambda x, y: _kernel_means(x, y, power=2),
        },
        otherwise="Three means over pairs: real with other real, generated with other generated,"
        " and minus twice real with generated.",
        shows="Without the pairs i = j its mean does not depend on the number of images.",
        returns="one number",
    ),
    "04.6": matching(
        "04.6",
        "abcd",
        {
            "copies": ("706ce1203bfd", "which measure asks for *training* letters at all?"),
            "wrong labels": ("7ed5ff64f733", "which measure reads a label?"),
            "few typefaces": (
                "708347d59738",
                "which one asks if the real letters are *all* there?",
            ),
            "one copy in ten": ("e9c8d082758e", "read its column in the large table of section 5."),
        },
        shows="No row of the table is orange throughout, so an evaluation needs several measures.",
    ),
    "04.7": function(
        inputs=_answers_of_families,
        truth=lambda values, families: metrics.mean_interval(values, families).standard_error,
        mistakes={
            "The families do not come in: that is the standard error of independent"
            " letters.": lambda v, f: v.std(ddof=1) / np.sqrt(len(v)),
            "The same, and with the biased standard deviation: families do not come in"
            " yet.": lambda v, f: v.std() / np.sqrt(len(v)),
            "That is the standard error of the mean of family *means*: it counts a family of one"
            " letter as much as one of ten.": lambda v, f: (
                _family_means(v, f).std(ddof=1) / np.sqrt(len(set(f)))
            ),
            "Nearly: the factor G / (G − 1) for G families is missing.": lambda v, f: (
                np.sqrt((_sums(v, f) ** 2).sum()) / len(v)
            ),
            "That is the variance of the mean; the standard error is its root.": lambda v, f: (
                metrics.mean_interval(v, f).standard_error ** 2
            ),
            "Add the deviations up within a family *before* you square them.": lambda v, f: (
                np.sqrt(9 / 8 * ((v - v.mean()) ** 2).sum()) / len(v)
            ),
        },
        otherwise="If every letter is a family of its own, the plain standard error comes out.",
        shows="Where letters of a family are alike it is larger than the plain one, as it must be.",
        returns="one number",
    ),
    "04.8": function(
        inputs=lambda rng: (np.append(rng.uniform(0.52, 0.97, 4), 0.5),),
        truth=lambda p: np.array([2**0.5 * NormalDist().inv_cdf(one) for one in p]),
        mistakes={
            "The factor √2 is missing: in a pair *two* impressions scatter.": lambda p: np.array(
                [NormalDist().inv_cdf(one) for one in p]
            ),
            "The factor is 2 here; it must be its root.": lambda p: np.array(
                [2 * NormalDist().inv_cdf(one) for one in p]
            ),
            "That is the distribution function of the normal, not its inverse: guessing must give"
            " 0.": lambda p: np.array([2**0.5 * NormalDist().cdf(one) for one in p]),
            "The sign is wrong: who is right more often has the larger d′.": lambda p: np.array(
                [-(2**0.5) * NormalDist().inv_cdf(one) for one in p]
            ),
        },
        otherwise="Guessing, p = 1/2, gives 0; p = 0.76 gives about 1.",
        shows="It is a distance in the rater's mind, and does not end at 100 % as a share does.",
        returns="an array as large as `p`",
    ),
    "04.9": number(
        truth=lambda: 2 / np.prod(np.arange(1, 7)),
        mistakes={
            "That counts one of the two extreme orders; perfect *dis*agreement is as"
            " rare.": lambda: 1 / 720,
            "That is the value for five models. How many orders do six have?": lambda: 2 / 120,
            "Pairs are not independent: the order of A and B and of B and C can fix that of"
            " A and C. Count whole orders.": lambda: 2 * 0.5**15,
            "That counts each model as ordered by a coin. Count whole orders.": lambda: 2 * 0.5**6,
        },
        otherwise="In how many of all orders of six do two judges agree perfectly, or not at all?",
        shows="One more model helps far more than any refinement of the measure.",
    ),
    "04.10": function(
        inputs=_line,
        truth=lambda n, d: _least_squares(1 / n, d),
        mistakes={
            "That is b, the slope; the value for infinitely many images is a.": lambda n, d: (
                _least_squares(1 / n, d, 1)
            ),
            "The line was fitted against n; the bias falls like 1/n.": _least_squares,
            "The line was fitted against 1/√n, as for a standard error; a bias falls like"
            " 1/n.": lambda n, d: _least_squares(1 / np.sqrt(n), d),
            "That is the value at the largest n, which is still biased.": lambda n, d: d[-1],
        },
        otherwise="Fit d = a + b/n by least squares, each point counted once, and return a.",
        shows="It may be compared with another a, whatever n was used for that.",
        returns="one number",
    ),
}
