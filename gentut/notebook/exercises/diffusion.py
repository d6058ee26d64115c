"""The exercises of notebook 06 (diffusion and flows)."""

import numpy as np
from scipy.stats import norm

from gentut.notebook.exercises.judge import Exercise, choice, function


def _noisy_points(rng):
    """Points x_t with their α and σ, the path's ends among them; a normal's mean and deviation."""
    alpha = rng.permutation([0.0, 1.0, *rng.uniform(0.2, 0.8, 4)])
    return rng.normal(size=6), alpha, 1 - alpha, float(rng.normal(1, 0.5)), rng.uniform(0.3, 0.8)


def _guess(x, alpha, sigma, m, s, gain=None, at=None):
    """The mean of the image given x_t; ``gain`` and ``at`` for its usual mistakes."""
    gain = alpha * s**2 / (alpha**2 * s**2 + sigma**2) if gain is None else gain
    return m + gain * (x - (alpha * m if at is None else at))


def _score(x, alpha, sigma, m, s, h=1e-4):
    """The derivative of the log density of x_t by differences."""
    density = norm(alpha * m, np.hypot(alpha * s, sigma))
    return (density.logpdf(x + h) - density.logpdf(x - h)) / (2 * h)


def _levels(beta):
    """Signal and noise of a chain, step by step."""
    signal, variance, rows = 1.0, 0.0, []
    for each in beta:
        signal, variance = signal * np.sqrt(1 - each), (1 - each) * variance + each
        rows.append((signal, np.sqrt(variance)))
    return tuple(np.array(rows).T)


def _same_mixture(alpha_bar):
    """The time at which t / (1 - t) is the ratio of image to noise, by halving an interval."""
    low, high = np.zeros_like(alpha_bar), np.ones_like(alpha_bar)
    for _ in range(50):
        t = (low + high) / 2
        late = t * np.sqrt(1 - alpha_bar) > (1 - t) * np.sqrt(alpha_bar)
        low, high = np.where(late, low, t), np.where(late, t, high)
    return low


def _noisy_image(rng):
    x, noise, t = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), float(rng.uniform(0.15, 0.85))
    return t * x + (1 - t) * noise, noise, t


def _field(rng):
    turn = rng.normal(size=(2, 2))
    return (
        lambda x, t: x @ turn * np.cos(3 * t) + t,
        rng.normal(size=(5, 2)),
        int(rng.integers(3, 8)),
    )


def _euler(velocity, x, steps, clock=lambda i, n: i / n, length=None):
    for i in range(steps):
        x = x + velocity(x, clock(i, steps)) * (1 / steps if length is None else length)
    return x


def _power_law(rng):
    steps = 2.0 ** np.arange(2, 8)
    return steps, rng.uniform(0.5, 5) * steps ** -rng.uniform(0.7, 3)


def _slope(x, y):
    return np.polyfit(x, y, 1)[0]


def _ddim_case(rng):
    """A noisy image, the guess of the clean one, and (α, σ) now and next."""
    now, later = np.sort(rng.uniform(0.1, 0.9, 2))
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), now, 1 - now, later, 1 - later


def _matrix_and_probes(rng):
    matrix = rng.normal(size=(6, 6))
    return lambda v: v @ matrix.T, rng.choice([-1.0, 1.0], (9, 6)) * rng.uniform(0.8, 1.2, (9, 1))


def _quadratic(product, probes):
    matrix = product(np.eye(probes.shape[1]))
    return np.mean([v @ matrix @ v for v in probes])


EXERCISES: dict[str, Exercise] = {
    "06.1": choice(
        "06.1",
        "abcd",
        right="3a5b17662500",
        hints={
            "ce466d7a3a4b": "At t = 0 the point is pure noise, independent of the image: it is near"
            " to none.",
            "56f0b0f44663": "The velocity has one value at each point: no step draws at random."
            " The network learned by squared error; which value does that favour?",
            "e7d372bd3671": "It moves: the velocity at t = 0 is (best guess of the image) − noise.",
            "": "Only one of them: the step is not random.",
        },
        shows="Many steps are there to decide, little by little, which image it will be.",
    ),
    "06.2": function(
        inputs=_noisy_points,
        truth=lambda x, a, b, m, s: (b**2 * m + a * s**2 * x) / (a**2 * s**2 + b**2),
        mistakes={
            "x_t / α takes all of x_t for signal: right without noise, and infinite at"
            " α = 0.": lambda x, a, b, m, s: x / a,
            "The α in the numerator is missing: the covariance of x and x_t is α s².": lambda *g: (
                _guess(*g, gain=g[4] ** 2 / (g[1] ** 2 * g[4] ** 2 + g[2] ** 2))
            ),
            "s and σ are standard deviations: their squares add up.": lambda x, a, b, m, s: (
                m + a * s / (a**2 * s + b) * (x - a * m)
            ),
            "The mean of x_t is α m, not m.": lambda *g: _guess(*g, at=g[3]),
            "Without data the best guess is m, not 0.": lambda x, a, b, m, s: _guess(x, a, b, 0, s),
        },
        otherwise="Try the ends: m at α = 0, and x_t / α at σ = 0.",
        shows="Much noise: trust what you know of images. Little noise: trust what you see.",
        returns="an array as large as `x_t`",
    ),
    "06.3": function(
        inputs=_noisy_points,
        truth=_score,
        mistakes={
            "The sign: the score points to where the density is *higher*, back to the"
            " mean.": lambda *g: -_score(*g),
            "Divide by the variance, α²s² + σ², not by its root.": lambda *g: (
                _score(*g) * np.hypot(g[1] * g[4], g[2])
            ),
            "Standard deviations do not add up, variances do: (αs + σ)² is too"
            " wide.": lambda x, a, b, m, s: -(x - a * m) / (a * s + b) ** 2,
            "The data were scaled by α, and so was their mean.": lambda x, a, b, m, s: (
                -(x - m) / (a**2 * s**2 + b**2)
            ),
            "That is the score of the clean data; x_t has more noise.": lambda x, a, b, m, s: (
                -(x - m) / s**2
            ),
            "−(x_t − αm)/σ² would be the score if all images were m.": lambda x, a, b, m, s: (
                -(x - a * m) / b**2
            ),
        },
        otherwise="x_t is normal. Write down its mean and variance first.",
        shows="−σ times it is the mean of the noise in x_t: what a diffusion network predicts.",
        returns="an array as large as `x_t`",
    ),
    "06.4": function(
        inputs=lambda rng: (np.sort(rng.uniform(0.01, 0.4, 7)),),
        truth=_levels,
        mistakes={
            "These are ᾱ and 1 − ᾱ, the squares: x is multiplied by the roots.": lambda b: (
                np.cumprod(1 - b),
                1 - np.cumprod(1 - b),
            ),
            "β was added up. Each step shrinks what the last one left: multiply the"
            " factors.": lambda b: (np.sqrt(1 - np.cumsum(b)), np.sqrt(np.cumsum(b))),
            "That is one step alone, not all steps up to it.": lambda b: (
                np.sqrt(1 - b),
                np.sqrt(b),
            ),
            "The *squares* of signal and noise sum to 1, not signal and noise"
            " themselves.": lambda b: (
                _levels(b)[0],
                1 - _levels(b)[0],
            ),
            "One step late: after the first step there is noise already.": lambda b: tuple(
                np.append(first, each[:-1]) for first, each in zip((1, 0), _levels(b), strict=True)
            ),
        },
        otherwise="For one step: √(1 − β) of the image and √β of noise.",
        shows="So training can jump to any step at once.",
        returns="a tuple of two arrays, signal and noise after each step",
    ),
    "06.5": function(
        inputs=_noisy_image,
        truth=lambda x_t, noise, t: (x_t - (1 - t) * noise) / t - noise,
        mistakes={
            "The velocity goes from noise to image: image minus noise.": lambda x_t, noise, t: (
                -(x_t - noise) / t
            ),
            "That is the image. The velocity is image minus noise.": lambda x_t, noise, t: (
                (x_t - (1 - t) * noise) / t
            ),
            "The clock is turned round: here t = 0 is noise and t = 1 the"
            " image.": lambda x_t, noise, t: (x_t - noise) / (1 - t),
            "x_t − noise is only the part of the way already covered, a share t"
            " of it.": lambda x_t, noise, t: x_t - noise,
        },
        otherwise="Solve x_t = t · image + (1 − t) · noise for the image.",
        shows="One network, four readings; near t = 0 the division makes small errors large.",
        returns="an array as large as `x_t`",
    ),
    "06.7": function(
        inputs=_field,
        truth=_euler,
        mistakes={
            "Each step is as long as the whole way: multiply the velocity by 1 /"
            " steps.": lambda *g: _euler(*g, length=1),
            "Time runs backwards: the walk begins at t = 0.": lambda *g: _euler(
                *g, clock=lambda i, n: 1 - i / n
            ),
            "The velocity was asked at the *end* of each step; Euler asks where the step"
            " begins.": lambda *g: _euler(*g, clock=lambda i, n: (i + 1) / n),
            "The clock and the step do not fit: with n steps the last one begins at"
            " 1 − 1/n.": lambda *g: _euler(*g, clock=lambda i, n: i / (n - 1)),
            "Time stands still at 0.": lambda *g: _euler(*g, clock=lambda i, n: 0.0),
            "Only one step was made.": lambda v, x, n: x + v(x, 0.0),
        },
        otherwise="With a constant velocity v the end is x + v, for any number of steps.",
        shows="This loop is the whole sampler of a flow.",
        returns="the points at t = 1, as large as `x`",
    ),
    "06.8": function(
        inputs=_power_law,
        truth=lambda n, error: np.log(error[0] / error[-1]) / np.log(n[-1] / n[0]),
        mistakes={
            "The sign: the error *falls* with the steps, and an order is"
            " positive.": lambda n, error: _slope(np.log(n), np.log(error)),
            "A power law is straight only if *both* axes are logarithmic.": lambda n, error: (
                -_slope(n, np.log(error))
            ),
            "That is by how much the error falls when the steps double, 2 to the power of the"
            " order.": lambda n, error: error[0] / error[1],
            "Logarithms are missing: a slope of plain numbers has a unit, an order has"
            " none.": lambda n, error: -_slope(n, error),
        },
        otherwise="If twice the steps leave a quarter of the error, the order is 2.",
        shows="Euler has order 1, Heun 2, and two evaluations in each step.",
        returns="one number",
    ),
    "06.9": function(
        inputs=_ddim_case,
        truth=lambda x, x_hat, a, b, a2, b2: x * (b2 / b) + x_hat * (a2 - a * b2 / b),
        mistakes={
            "This is still the colleague's step. How much noise should x have *after*"
            " it?": lambda x, x_hat, a, b, a2, b2: a2 * x_hat + x - a * x_hat,
            "Now the noise fits the next time, and the image the"
            " last.": lambda x, x_hat, a, b, a2, b2: a * x_hat + b2 * (x - a * x_hat) / b,
            "The noise is that in the x_t you hold: there α and σ of *now*"
            " count.": lambda x, x_hat, a, b, a2, b2: a2 * x_hat + (x - a2 * x_hat),
            "The line of the noise was right: x_t holds α · image + σ"
            " · noise.": lambda x, x_hat, a, b, a2, b2: a2 * x_hat + b2 * (x - x_hat) / b,
            "Without noise it is a jump to the guess; only the last step may do"
            " that.": lambda x, x_hat, a, b, a2, b2: a2 * x_hat,
        },
        otherwise="If α and σ stay what they are, the step must leave x_t alone.",
        shows="On the straight path this is Euler's step.",
        returns="an array as large as `x_t`",
    ),
    "06.12": function(
        inputs=lambda rng: (rng.uniform(0.02, 0.98, 6),),
        truth=_same_mixture,
        mistakes={
            "That is the colleague's clock still: with hardly any noise left, t must be near"
            " 1.": lambda a: 1 - _same_mixture(a),
            "ᾱ is a share of the *variance*; images are mixed with its root.": lambda a: a,
            "That is the share of noise in the variance: two slips at once.": lambda a: 1 - a,
            "That is the image's factor in the paper. There the squares of both factors add up to"
            " 1, here the factors do: compare their ratio.": np.sqrt,
            "That is the noise's factor in the paper, and it falls while t grows.": lambda a: (
                np.sqrt(1 - a)
            ),
            "That is the ratio of image to noise; which t makes t / (1 − t) as large?": lambda a: (
                np.sqrt(a / (1 - a))
            ),
            "That is the time on the *cosine* path.": lambda a: 2 / np.pi * np.arcsin(np.sqrt(a)),
        },
        otherwise="Where ᾱ = ½, image and noise are mixed half and half: t = ½. ᾱ = 0.8 gives ⅔.",
        shows="Times of two papers can be compared by this ratio alone.",
        returns="a time for each number",
    ),
    "06.13": function(
        inputs=_matrix_and_probes,
        truth=_quadratic,
        mistakes={
            "The probes are missing on the left: it is v · (A v), not the sum of A v."
            "": lambda product, v: product(v).sum(axis=1).mean(),
            "A mean over the coordinates, too: the trace is their sum.": lambda product, v: (
                v * product(v)
            ).mean(),
            "A sum over the probes: each of them estimates the whole trace.": lambda product, v: (
                v * product(v)
            ).sum(),
            "Divided by the squared length it is the mean of eigenvalues, not their"
            " sum.": lambda product, v: np.mean((v * product(v)).sum(axis=1) / (v**2).sum(axis=1)),
            "One number for each probe came out: take their mean.": lambda product, v: (
                v * product(v)
            ).sum(axis=1),
        },
        otherwise="With A = identity and one probe it is the probe's squared length.",
        shows="One product with the Jacobian in place of one for each pixel.",
        returns="one number",
    ),
    "06.14": function(
        inputs=lambda rng: (
            rng.normal(0, 2, 5),
            float(rng.uniform(0.3, 1.2) * rng.choice([-1, 1])),
        ),
        truth=lambda x, a: norm(scale=np.exp(a)).logpdf(x),
        mistakes={
            "Stretching by eᵃ thins the density out: the divergence is subtracted.": lambda x, a: (
                norm.logpdf(x * np.exp(-a)) + a
            ),
            "The point went back to the noise; the change of volume is missing.": lambda x, a: (
                norm.logpdf(x * np.exp(-a))
            ),
            "The point must go *back* to the noise, by e⁻ᵃ.": lambda x, a: (
                norm.logpdf(x * np.exp(a)) - a
            ),
            "The noise's density was taken at x itself; follow the path back first.": lambda x, a: (
                norm.logpdf(x) - a
            ),
            "Straight back by a x is one long Euler step; the path is curved.": lambda x, a: (
                norm.logpdf(x - a * x) - a
            ),
        },
        otherwise="With a = 0 nothing moves: the standard normal itself.",
        shows="In many dimensions a becomes the divergence, summed along the way.",
        returns="one number for each point",
    ),
}
