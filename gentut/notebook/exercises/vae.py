"""The exercises of notebook 03 (variational autoencoders)."""

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import expit, logsumexp
from scipy.stats import norm

from gentut.notebook.exercises.judge import Exercise, choice, function, number

PER_IMAGE = "one number for each image"


def _log_normal(x, m, v):
    return -((x - m) ** 2 / v + np.log(2 * np.pi * v)) / 2


def _kl_by_area(m, v, m2=0.0, v2=1.0):
    """KL of normals (means, variances) as the mean of log q − log p, by quadrature over q."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    m, v, m2, v2 = (np.asarray(each, float)[..., None] for each in (m, v, m2, v2))
    x = m + np.sqrt(v) * nodes
    gap = _log_normal(x, m, v) - _log_normal(x, m2, v2)
    return gap @ weights / weights.sum()


def _kl(m, v, m2=0.0, v2=1.0):
    """KL of normals for each coordinate, in closed form: mistakes are made from it."""
    return (v / v2 + (m - m2) ** 2 / v2 - 1 - np.log(v / v2)) / 2


def _gaussians(rng, count):
    """Mean and log variance of ``count`` normals for each of 5 images, with 3 latents."""
    return tuple(rng.normal(0, 0.7, (5, 3)) for _ in range(2 * count))


def _draw_elbo(log_px, z, mean, log_variance, prior=1.0, posterior=1.0):
    """An estimate of the ELBO from one draw, with a factor before each of the last two terms."""
    log_pz = _log_normal(z, 0, 1).sum(axis=1)
    log_qz = _log_normal(z, mean, np.exp(log_variance)).sum(axis=1)
    return log_px + prior * log_pz - posterior * log_qz


def _vae_loss(x, logits, mean, log_variance, over_latents=np.sum, over_pixels=np.sum, twice=False):
    """The negative ELBO of a batch with a Bernoulli decoder, and its usual mistakes."""
    p = expit(expit(logits)) if twice else expit(logits)
    misfit = -(x * np.log(p) + (1 - x) * np.log1p(-p))
    information = _kl(mean, np.exp(log_variance))
    return (over_pixels(misfit, axis=1) + over_latents(information, axis=1)).mean()


def _batch_of_bits(rng):
    """Six images of 20 pixels, their logits, and mean and log variance of 4 latents."""
    x = (rng.random((6, 20)) < 0.5).astype(float)
    return x, rng.normal(size=x.shape), rng.normal(0, 0.7, (6, 4)), rng.normal(0, 0.7, (6, 4))


def _precision_matrix(rng):
    root = rng.normal(size=(4, 4))
    return (root @ root.T + np.eye(4),)


def _gap_left(precision):
    scale = np.sqrt(np.diag(precision))
    return -np.log(np.linalg.eigvalsh(precision / np.outer(scale, scale))).sum() / 2


def _width_of_mean_error(pixels):
    """The σ at which an error of 1 in a pixel costs 1 / pixels nats."""

    def excess(s):
        return pixels * (_log_normal(0, 0, s**2) - _log_normal(1, 0, s**2)) - 1

    return brentq(excess, 0.1, 10 * pixels)


def _area_of_cross_entropy(p):
    return np.array([quad(lambda x, q=q: q**x * (1 - q) ** (1 - x), 0, 1)[0] for q in p])


def _importance_weights(rng):
    return (rng.normal(-900, 4, (5, 8)),)


EXERCISES: dict[str, Exercise] = {
    "03.1": choice(
        "03.1",
        "abcd",
        right="c035e5080f9a",
        hints={
            "03f3ec821738": "One more of the others is a random number, and lies above its mean now"
            " and then.",
            "71d440dd70fd": "The ELBO is not a random number: the draws are averaged out."
            " What did section 3 say of its distance to log p(x)?",
            "e10de0b7cbf1": "Two are right. The third is what Jensen's inequality speaks of.",
            "3d7ce5b593b4": "Two are right. The third is a mean, and a bound holds for means.",
            "": "Sort them first: which are random numbers, and which are means of random numbers?",
        },
        shows="A random number may exceed its mean; the mean itself is held down by the KL.",
    ),
    "03.2": number(
        truth=lambda: _kl_by_area(1, 0.25),
        mistakes={
            "You put 0.25 in as the standard deviation: it is the variance, so it enters"
            " as it is.": lambda: _kl(1, 0.0625),
            "Twice too much: what became of the one half in front?": lambda: 2 * _kl(1, 0.25),
            "The price of the spread is right; that of the mean is missing. An encoder whose"
            " mean leaves 0 pays for that, too.": lambda: _kl(0, 0.25),
            "The logarithm came in with the wrong sign: a narrow q must cost more, not"
            " less.": lambda: _kl(1, 0.25) + np.log(0.25),
            "That is the price in bits; nats come from the natural logarithm.": lambda: (
                _kl(1, 0.25) / np.log(2)
            ),
            "That is KL(p‖q), from prior to encoder; the encoder pays KL(q‖p).": lambda: _kl(
                0, 1, 1, 0.25
            ),
        },
        otherwise="Put μ and σ² into the closed form of section 4, with the natural logarithm.",
        shows="The other encoder says nothing of the image, and pays nothing.",
    ),
    "03.3": function(
        inputs=lambda rng: _gaussians(rng, 2),
        truth=lambda m, a, m2, b: _kl_by_area(m, np.exp(a), m2, np.exp(b)).sum(axis=1),
        mistakes={
            "The mean over the latents stands where their sum belongs: independent coordinates"
            " add up.": lambda m, a, m2, b: _kl(m, np.exp(a), m2, np.exp(b)).mean(axis=1),
            "This is KL(p‖q). The first pair of arguments is q, over which the mean is"
            " taken.": lambda m, a, m2, b: _kl(m2, np.exp(b), m, np.exp(a)).sum(axis=1),
            "The logarithm of the *variance* comes in, not that of the standard deviation:"
            " exp(2 · log variance) is its square.": lambda m, a, m2, b: _kl(
                m, np.exp(2 * a), m2, np.exp(2 * b)
            ).sum(axis=1),
            "The distance of the means is not held against the spread of p: divide it by"
            " p's variance.": lambda m, a, m2, b: (
                _kl(m, np.exp(a), m2, np.exp(b)) + (m - m2) ** 2 * (1 - np.exp(-b)) / 2
            ).sum(axis=1),
            "One number came out for the whole batch: sum over the last axis"
            " only.": lambda m, a, m2, b: _kl(m, np.exp(a), m2, np.exp(b)).sum(),
        },
        otherwise="Try two equal normals (0), then p = N(0, 1), where section 4 has the formula.",
        shows="With p = N(0, 1) it is the formula of section 4.",
        returns=PER_IMAGE,
    ),
    "03.4": function(
        inputs=lambda rng: (rng.normal(-90, 9, 5), rng.normal(size=(5, 3)), *_gaussians(rng, 1)),
        truth=_draw_elbo,
        mistakes={
            "log p(z) is missing: a draw that the prior finds unlikely must cost.": lambda *given: (
                _draw_elbo(*given, prior=0)
            ),
            "log q(z | x) is missing: without it the best encoder would be a"
            " point.": lambda *given: _draw_elbo(*given, posterior=0),
            "log q(z | x) comes in with a minus: the ELBO is the mean of"
            " log p(x, z) − log q(z | x).": lambda *given: _draw_elbo(*given, posterior=-1),
            "log_variance was taken for the logarithm of the standard deviation:"
            " σ = exp(log_variance / 2).": lambda p, z, m, a: _draw_elbo(p, z, m, 2 * a),
            "The closed KL is another estimate: this exercise wants the one that uses the draw z"
            " in all three terms.": lambda p, z, m, a: p - _kl(m, np.exp(a)).sum(axis=1),
        },
        otherwise="Write down log p(x | z), log p(z) and log q(z | x) one by one; normal densities"
        " have a constant, too.",
        shows="Its mean over z is the ELBO; its scatter is what the closed KL saves you.",
        returns=PER_IMAGE,
    ),
    "03.5": function(
        inputs=lambda rng: (*_gaussians(rng, 1), rng.normal(size=(5, 3))),
        truth=lambda m, a, e: norm(m, np.sqrt(np.exp(a))).ppf(norm.cdf(e)),
        mistakes={
            "The noise was scaled by the variance; a standard deviation belongs"
            " there.": lambda m, a, e: m + np.exp(a) * e,
            "The noise was scaled by the *logarithm* of the variance, which can be"
            " negative.": lambda m, a, e: m + a * e,
            "The noise was not scaled: every image would have the same"
            " uncertainty.": lambda m, a, e: m + e,
            "The mean is missing.": lambda m, a, e: np.exp(a / 2) * e,
        },
        otherwise="Where log_variance = 0, the result is mean + noise; for noise = 0 it is the"
        " mean.",
        shows="The draw is a smooth function of mean and log_variance: a gradient passes.",
        returns="an array as large as `mean`",
    ),
    "03.6": function(
        inputs=_batch_of_bits,
        truth=_vae_loss,
        mistakes={
            "This is still the colleague's loss. Which of its two terms does it add up in another"
            " way than the formula?": lambda *given: _vae_loss(*given, over_latents=np.mean),
            "Now both terms are means: they agree with each other, and with no bound. The formula"
            " has two sums.": lambda *given: _vae_loss(
                *given, over_latents=np.mean, over_pixels=np.mean
            ),
            "You changed the term that was right: the misfit is the sum over the"
            " pixels.": lambda *given: _vae_loss(*given, over_pixels=np.mean),
            "The sigmoid was applied twice.": lambda *given: _vae_loss(*given, twice=True),
            "The ELBO came out: a loss is its negative.": lambda *given: -_vae_loss(*given),
        },
        otherwise="Sum over pixels, sum over latents, mean over images; nothing else changes.",
        shows="The mean over d latents is a β of 1/d that nobody chose.",
        returns="one number, the loss of the batch",
    ),
    "03.7": function(
        inputs=_precision_matrix,
        truth=_gap_left,
        mistakes={
            "Twice too much: what became of the one half?": lambda a: 2 * _gap_left(a),
            "A KL is never negative: the difference is the wrong way round.": lambda a: (
                -_gap_left(a)
            ),
            "These are the posterior's own variances (the diagonal of Λ⁻¹). The best q takes"
            " 1/Λ_jj, which is smaller.": lambda a: (
                (
                    (np.diag(a) * np.diag(np.linalg.inv(a))).sum()
                    - len(a)
                    - np.linalg.slogdet(a)[1]
                    - np.log(np.diag(np.linalg.inv(a))).sum()
                )
                / 2
            ),
            "log det Λ is missing: what you have is the entropy of q.": lambda a: (
                np.log(np.diag(a)).sum() / 2
            ),
        },
        otherwise="For a diagonal Λ nothing is left: 0. For all others it is above 0.",
        shows="Only the correlations count: scaling a coordinate changes nothing.",
        returns="one number",
    ),
    "03.9": function(
        inputs=lambda rng: (int(rng.integers(50, 5000)),),
        truth=_width_of_mean_error,
        mistakes={
            "This is σ², the variance; σ is its root.": lambda pixels: pixels / 2,
            "The 2 of the normal density's 1/(2σ²) is missing.": lambda pixels: np.sqrt(pixels),
            "Upside down: the *less* the squared error weighs, the wider the decoder"
            " is.": lambda pixels: np.sqrt(2 / pixels),
        },
        otherwise="Hold 1/P, the factor of each squared error, against 1/(2σ²).",
        shows="For 784 pixels between 0 and 1 it is about 20, so wide that hardly any image is"
        " impossible.",
        returns="one number",
    ),
    "03.10": function(
        inputs=lambda rng: (np.append(rng.uniform(0.02, 0.98, 4), 0.5),),
        truth=_area_of_cross_entropy,
        mistakes={
            "At p = 1/2 the formula is 0/0, and NaN came out: the integral itself is harmless"
            " there.": lambda p: (2 * p - 1) / (np.log(p) - np.log(1 - p)),
            "Right but for p = 1/2. Put p = 1/2 into p^x (1 − p)^(1 − x) before you"
            " integrate.": lambda p: np.where(
                p == 0.5, 1, (2 * p - 1) / np.where(p == 0.5, 1, np.log(p) - np.log(1 - p))
            ),
            "A density would give 1; this is not one.": np.ones_like,
            "One half is its value at p = 1/2 only.": lambda p: np.ones_like(p) / 2,
        },
        otherwise="Write the integrand as (1 − p) · exp(x · l) with l = log p − log(1 − p).",
        shows="It depends on p, so it cannot be left out as a constant.",
        returns="an array as large as `p`",
    ),
    "03.11": function(
        inputs=_importance_weights,
        truth=lambda w: logsumexp(w, axis=1) - np.log(w.shape[1]),
        mistakes={
            "That is the mean of the logarithms, the ELBO: the logarithm goes outside the"
            " mean.": lambda w: w.mean(axis=1),
            "The sum of the weights, not their mean: subtract log k.": lambda w: logsumexp(
                w, axis=1
            ),
            "exp(−900) is 0 for a computer, and log 0 is −∞. Take the largest log weight out of"
            " the sum first.": lambda w: np.log(np.exp(w).mean(axis=1)),
            "The draw with the largest weight alone: the others count, too.": lambda w: w.max(
                axis=1
            ),
        },
        otherwise="With one draw it is that draw's log weight; with k equal ones, too.",
        shows="It lies between the ELBO and log p(x).",
        returns=PER_IMAGE,
    ),
}
