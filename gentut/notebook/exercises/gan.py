"""The exercises of notebook 02 (generative adversarial networks)."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, rel_entr
from scipy.stats import mannwhitneyu, wasserstein_distance

from gentut.notebook.exercises.judge import Exercise, function, matching

PER_PLACE = "one number for each place"


def _densities(rng):
    return rng.uniform(0.1, 3, 6), rng.uniform(0.1, 3, 6)


def _distributions(rng):
    """Two distributions over seven places; each leaves one place out."""
    p, q = rng.dirichlet(np.ones(7), 2)
    p[1], q[4] = 0, 0
    return p / p.sum(), q / q.sum()


def _two_js(p, q):
    m = (p + q) / 2
    return (rel_entr(p, m) + rel_entr(q, m)).sum()


def _scores(rng):
    """Scores of real and of generated images; a few are very sure."""
    return np.append(rng.normal(1, 2, 6), -750.0), np.append(rng.normal(-1, 2, 8), 750.0)


def _losses(real, fake, mean=np.mean):
    d_loss = -mean(log_expit(real)) - mean(log_expit(-fake))
    return d_loss, -mean(log_expit(fake))


def _norms(gradients):
    return np.array([np.linalg.norm(each) for each in gradients])


def _samples_with_ties(rng):
    return rng.normal(0.5, 1.5, 9).round(), rng.normal(0, 1.5, 13).round()


def _pairs(x, y):
    return np.subtract.outer(x, y)


def _slowest(gamma, c):
    """The larger real part of the eigenvalues at the goal."""
    root = np.sqrt(complex(gamma**2 / 4 - c**2))
    return max((-gamma / 2 + root).real, (-gamma / 2 - root).real)


def _fastest_gamma(c):
    found = minimize_scalar(
        _slowest, bounds=(0, 6 * c), args=(c,), method="bounded", options={"xatol": 1e-6}
    )
    return found.x


EXERCISES: dict[str, Exercise] = {
    "02.1": matching(
        "02.1",
        "abcd",
        {
            "only real": (
                "c53fdb4a5319",
                "put p_g = 0 into the formula of D*. Who finds an image here is sure of it.",
            ),
            "only generated": (
                "fa9114624085",
                "put p_r = 0 into the formula of D*, and think of the score's sign.",
            ),
            "equally many": (
                "518fcd43cd27",
                "an image here comes from either side with the same probability.",
            ),
            "neither": (
                "7cdd7d30cc14",
                "look at the integrand of eq. 3: what is it here, and for which D?",
            ),
        },
        shows="In the last case a trained network says anything, as outside the grey strips.",
    ),
    "02.2": function(
        inputs=lambda rng: (*_densities(rng), rng.choice([0.1, 0.25, 0.75, 0.9])),
        truth=lambda r, g, share: expit(np.log(r) - np.log(g) + np.log(share / (1 - share))),
        mistakes={
            "That is D* for equal shares: the value gets its weights before you maximise"
            " it.": lambda r, g, share: r / (r + g),
            "The weights stand the wrong way round: `share` belongs to the real"
            " images.": lambda r, g, share: (1 - share) * r / ((1 - share) * r + share * g),
            "You weighted the answer. The weights go into the two terms of the value; then"
            " maximise anew.": lambda r, g, share: share * r / (r + g),
            "The real term has its weight; the generated one needs 1 − share.": (
                lambda r, g, share: share * r / (share * r + g)
            ),
            "That is the score's logarithm of a ratio, not yet a probability.": (
                lambda r, g, share: np.log(share * r / ((1 - share) * g))
            ),
        },
        otherwise="Maximise share · p_r · log D + (1 − share) · p_g · log(1 − D) at one place; for"
        " share = 1/2 the old D* must come out.",
        shows="Only a constant is added to the score: the bias of the last layer takes it up.",
        returns=PER_PLACE,
    ),
    "02.3": function(
        inputs=lambda rng: (*_densities(rng), rng.uniform(0.7, 0.95), rng.uniform(0.05, 0.3)),
        truth=lambda r, g, a, b: np.array(
            [np.average([a, b], weights=each) for each in zip(r, g, strict=True)]
        ),
        mistakes={
            "The targets had no effect: that is D* without smoothing.": lambda r, g, a, b: (
                r / (r + g)
            ),
            "That is the answer for target 0 of the generated images; here theirs is `b`.": (
                lambda r, g, a, b: a * r / (r + g)
            ),
            "The targets went into the denominator, too. All images count with weight 1; only"
            " their target is another.": lambda r, g, a, b: a * r / (a * r + b * g),
            "The targets are exchanged.": lambda r, g, a, b: (b * r + a * g) / (r + g),
        },
        otherwise="Cross-entropy is least at the mean target: where only real images come that is"
        " a, where only generated ones come it is b.",
        shows="With b > 0 an image unlike all real ones gets some support: so b stays 0.",
        returns=PER_PLACE,
    ),
    "02.4": function(
        inputs=_distributions,
        truth=lambda p, q: _two_js(p, q) - np.log(4),
        mistakes={
            "That is JS: the value is −log 4 + 2 JS.": lambda p, q: _two_js(p, q) / 2,
            "−log 4 is missing: at p_g = p_r the value is not 0.": _two_js,
            "JS comes in twice.": lambda p, q: _two_js(p, q) / 2 - np.log(4),
            "That is in bits; take the natural logarithm.": lambda p, q: (
                (_two_js(p, q) - np.log(4)) / np.log(2)
            ),
            "That is the discriminator's loss, minus the value.": lambda p, q: (
                np.log(4) - _two_js(p, q)
            ),
            "NaN came out: 0 · log 0 counts as 0, but not for a computer. Leave out the places"
            " where a probability is 0.": lambda p, q: p[0] * np.nan,
        },
        otherwise="Put D* into eq. 1. Equal distributions give −log 4, distributions without any"
        " common place give 0.",
        shows="It lies between −log 4 and 0: what the generator can lose, at most.",
        returns="one number, in nats",
    ),
    "02.5": function(
        inputs=_scores,
        truth=_losses,
        mistakes={
            "These are still the colleague's losses. What does the formula softplus(−s) expect: a"
            " score or a probability?": lambda real, fake: (
                np.logaddexp(0, -expit(real)).mean() + np.logaddexp(0, expit(fake)).mean(),
                np.logaddexp(0, -expit(fake)).mean(),
            ),
            "The discriminator's loss is right. The generator now has the saturating loss: the"
            " program was to keep the other one.": lambda real, fake: (
                _losses(real, fake)[0],
                np.mean(log_expit(-fake)),
            ),
            "The generator's sign is turned: it is now paid for fakes that are called fake.": (
                lambda real, fake: (_losses(real, fake)[0], -np.mean(log_expit(-fake)))
            ),
            "Infinity came out: in float64 σ(750) is exactly 1, and log(1 − 1) = −∞. Keep the"
            " score, and softplus.": lambda real, fake: (
                np.inf,
                _losses(real, fake)[1],
            ),
            "The two halves of the discriminator's loss are added, not averaged.": (
                lambda real, fake: (_losses(real, fake)[0] / 2, _losses(real, fake)[1])
            ),
            "Sums over the batch: the losses are means.": lambda real, fake: _losses(
                real, fake, np.sum
            ),
        },
        otherwise="Scores of 0 only give log 4 and log 2.",
        shows="With the bug D's loss cannot fall below 1.006, however sure D is.",
        returns="two numbers, the losses of D and of G",
    ),
    "02.6": function(
        inputs=lambda rng: (rng.normal(size=(5, 4, 4, 1)), rng.uniform(0.1, 2)),
        truth=lambda g, gamma: gamma / 2 * np.mean(_norms(g) ** 2),
        mistakes={
            "Sum over the pixels of an image, mean over the images: yours is a mean over"
            " both.": lambda g, gamma: gamma / 2 * np.mean(g**2),
            "Sum over the pixels of an image, *mean* over the images: yours grows with the"
            " batch.": lambda g, gamma: gamma / 2 * np.sum(g**2),
            "The one half is missing.": lambda g, gamma: gamma * np.mean(_norms(g) ** 2),
            "The length is to be squared.": lambda g, gamma: gamma / 2 * np.mean(_norms(g)),
            "That pulls the length towards 1: the gradient penalty. R1 pulls it towards"
            " 0.": lambda g, gamma: gamma / 2 * np.mean((_norms(g) - 1) ** 2),
        },
        otherwise="One image whose gradient is 1 at one pixel and 0 elsewhere costs γ/2.",
        shows="It is 0 for a score that is flat at the real images, whatever it does elsewhere.",
        returns="one number",
    ),
    "02.7": function(
        inputs=_samples_with_ties,
        truth=lambda x, y: mannwhitneyu(x, y).statistic / (len(x) * len(y)),
        mistakes={
            "Pairs with equal scores count nothing: they are to count one half, or chance is not"
            " 50 %.": lambda x, y: np.mean(_pairs(x, y) > 0),
            "Pairs with equal scores count as won: they are to count one half.": lambda x, y: (
                np.mean(_pairs(x, y) >= 0)
            ),
            "That is the share in which the *unseen* image wins.": lambda x, y: (
                np.mean(_pairs(x, y) < 0) + np.mean(_pairs(x, y) == 0) / 2
            ),
            "You compared with the mean of the unseen ones: compare every pair.": lambda x, y: (
                np.mean(x > y.mean())
            ),
            "A single comparison of the means: compare every pair.": lambda x, y: float(
                x.mean() > y.mean()
            ),
        },
        otherwise="Scores [2] against [1, 2, 3]: one pair won, one equal, one lost: 0.5.",
        shows="It is the area under the ROC curve of a detector of training images.",
        returns="one number between 0 and 1",
    ),
    "02.8": function(
        inputs=lambda rng: (rng.uniform(0.2, 3),),
        truth=_fastest_gamma,
        mistakes={
            "There the root is still imaginary and the pair circles: damp more.": lambda c: c,
            "There one eigenvalue has moved back towards 0: too much damping.": lambda c: 4 * c,
            "The discriminant is γ²/4 − c²; set it to 0 and solve for γ, not for γ²/4.": lambda c: (
                c**2
            ),
            "Nearly: take the root.": lambda c: 4 * c**2,
        },
        otherwise="Plot the larger real part over γ for c = 1/2, and find its lowest place.",
        shows="Weaker, it circles; stronger, D can no longer tell G where to go.",
        returns="one number, γ",
        tolerance=0.01,
    ),
    "02.9": function(
        inputs=lambda rng: (rng.normal(0, 1, 9), rng.normal(0.5, 2, 9)),
        truth=wasserstein_distance,
        mistakes={
            "Each grain went to the partner that happened to stand beside it. Which pairing costs"
            " least on a line?": lambda x, y: np.mean(np.abs(x - y)),
            "The difference of the means is a lower bound only: two clouds around one middle are"
            " not equal.": lambda x, y: abs(x.mean() - y.mean()),
            "The mean over all pairs is not 0 for two equal sets.": lambda x, y: np.abs(
                _pairs(x, y)
            ).mean(),
            "That is the root of the mean *squared* way, another distance (W₂).": lambda x, y: (
                np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2))
            ),
            "The sum of the ways: each grain weighs 1/n.": lambda x, y: np.abs(
                np.sort(x) - np.sort(y)
            ).sum(),
        },
        otherwise="The order in which the points come must not matter; [0, 2] to [3, 1] costs 1.",
        shows="On a line the cheapest plan never lets two ways cross; in the plane it is harder.",
        returns="one number",
    ),
    "02.10": matching(
        "02.10",
        "abcde",
        {
            "run 1": (
                "86d80c73f42b",
                "good images of few kinds, and other ones at each look: who is ahead?",
            ),
            "run 2": (
                "6d4da1a1a36c",
                "the discriminator is sure of everything. What is −D when D ≈ 0?",
            ),
            "run 3": (
                "7c9300c29109",
                "what does a discriminator know that only likes what it has seen?",
            ),
            "run 4": (
                "0b561c6e5b2f",
                "the four places of a 2×2 block are served by different weights.",
            ),
            "run 5": (
                "bce663e6ae29",
                "σ(s) is exactly 1 in float32 for s = 17. Where does that hurt?",
            ),
        },
        shows="Each failure has a number of its own; the losses alone tell few of them apart.",
    ),
}
