"""The later exercises of notebook 08: watermarks, memorisation, collapse, provenance, energy."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import bdtr, bdtrc
from scipy.stats import norm

from gentut.notebook.exercises.chain import judge_chain
from gentut.notebook.exercises.judge import Exercise, function, matching

PIXELS, BITS = 784, 16  # of the noise and of the message in section 9


# What the functions are tried on, and what they should return ----------------------------------


def _marks(rng):
    """Signs of the noise behind four images, two of them marked; message and key."""
    message, key = rng.integers(0, 2, BITS), rng.integers(0, 2, PIXELS)
    unmarked = np.where(rng.random((2, PIXELS)) < 0.7, -1, 1)  # the black ground
    turned = rng.random((2, PIXELS)) < rng.uniform(0.44, 0.48, (2, 1))
    marked = np.where(turned, -1, 1) * _pattern(message, key)
    return np.concatenate([unmarked, marked]), message, key


def _pattern(message, key):
    """The signs that message and key ask for."""
    repeated = np.concatenate([message] * (PIXELS // BITS))
    return np.where(repeated == key, -1, 1)


def _agreements(signs, pattern):
    """How many signs of each row are those of the pattern."""
    return (PIXELS + signs @ pattern) // 2


def _z(signs, pattern):
    return signs @ pattern / np.sqrt(PIXELS)


def _without_key(message):
    return _pattern(message, np.zeros(PIXELS))


def _noise(rng):
    """Noise behind four images, which leans to the negative; message and key."""
    message, key = rng.integers(0, 2, BITS), rng.integers(0, 2, PIXELS)
    return rng.normal(-0.5, 1, (4, PIXELS)), message, key


def _memories(rng):
    """Training, held-out and drawn images, some of these near-copies, and q."""
    known, heldout, made = (rng.normal(size=(n, 6)) for n in (80, 201, 150))
    copies = rng.integers(20, 110)
    near_by = rng.normal(size=(copies, 6)) * rng.uniform(0.02, 0.7, (copies, 1))
    made[:copies] = known[rng.integers(0, 80, copies)] + near_by
    return known, heldout, made, float(rng.choice([0.05, 0.1]))


def _distances(x, to, k=1):
    """From each row of x to its k-th nearest of ``to``."""
    return np.ravel(cKDTree(to).query(x, k=[k])[0])


def _extraction(of_drawn, baseline, q):
    return np.searchsorted(np.sort(of_drawn), np.quantile(baseline, q)) / len(of_drawn) / q


def _pictures(rng):
    """Training seconds, seconds for 1,000 pictures, pictures drawn, watts."""
    train, draw = rng.uniform(50, 900), rng.uniform(0.5, 20)
    return float(train), float(draw), int(rng.integers(2000, 90_000)), float(rng.uniform(5, 20))


def _joules(train, draw, pictures, watts):
    """Joules of one picture, its share of the training among them."""
    return watts * np.dot([train, draw], [1 / pictures, 1 / 1000])


EXERCISES: dict[str, Exercise] = {
    "08.8": function(
        inputs=_marks,
        truth=lambda s, m, k: bdtrc(_agreements(s, _pattern(m, k)) - 1, PIXELS, 0.5),
        mistakes={
            "Still the colleague's numbers: whose signs does it count, without any"
            " secret?": lambda s, m, k: bdtrc(_agreements(s, _without_key(m)), PIXELS, 0.5),
            "The tail is right now. But the signs of the message alone are no secret, and images"
            " with a black ground agree with them, or not, together.": lambda s, m, k: bdtrc(
                _agreements(s, _without_key(m)) - 1, PIXELS, 0.5
            ),
            "The key is in. `sf(a)` is the chance of *more than* a; formula 6 begins at"
            " a.": lambda s, m, k: bdtrc(_agreements(s, _pattern(m, k)), PIXELS, 0.5),
            "The key alone is a mark without a message: the noise was given the signs of both."
            "": lambda s, m, k: bdtrc(_agreements(s, _pattern(np.zeros(BITS), k)) - 1, PIXELS, 0.5),
            "The other tail: a mark makes *more* signs agree. (Or the pattern is turned round: a"
            " XOR of 1 is a plus.)": lambda s, m, k: bdtr(
                _agreements(s, _pattern(m, k)), PIXELS, 0.5
            ),
            "Bits are 0 and 1, signs −1 and +1: a bit of 0 agrees with none of"
            " them.": lambda s, m, k: bdtrc(
                ((s == 1) & (_pattern(m, k) == 1)).sum(axis=1) - 1, PIXELS, 0.5
            ),
            "That is the normal distribution at z, a little off; formula 6 has the exact"
            " sum.": lambda s, m, k: norm.sf(_z(s, _pattern(m, k))),
            "Two tails: too few agreeing signs are no evidence of a mark.": lambda s, m, k: (
                2 * norm.sf(np.abs(_z(s, _pattern(m, k))))
            ),
        },
        otherwise="With no sign in agreement it is 1; with all of them, 2 to the power of −784.",
        shows="The key's coins make the chance exact, for real and generated images alike.",
        returns="one chance for each image",
        tolerance=1e-6,
    ),
    "08.11": function(
        inputs=lambda rng: (int(rng.integers(2, 60)), float(rng.uniform(3, 5))),
        truth=lambda looks, z: norm.isf(-np.expm1(np.log1p(-norm.sf(z)) / looks)),
        mistakes={
            "The alarm has not moved: more looks ring it more often.": lambda looks, z: z,
            "Dividing z makes the alarm ring *more* often.": lambda looks, z: z / looks,
            "What is divided by the looks is the chance, not z that is multiplied by"
            " them.": lambda looks, z: looks * z,
            "√looks belongs to means of independent numbers; here the largest of them"
            " counts.": lambda looks, z: z * np.sqrt(looks),
            "The chance of one look must become *smaller*, not larger.": lambda looks, z: norm.isf(
                looks * norm.sf(z)
            ),
            "That is the chance that each look may have. At which z does a normal number exceed it"
            " so rarely?": lambda looks, z: norm.sf(z) / looks,
            "One tail: only large z ring the alarm.": lambda looks, z: norm.isf(
                norm.sf(z) / looks / 2
            ),
        },
        otherwise="From z to a chance, share it out among the looks, and back to a z.",
        shows="More looks are cheap: at z = 4, nine of them cost 0.5, a thousand 1.4.",
        returns="one number",
        tolerance=1e-3,
    ),
    "08.12": function(
        inputs=_noise,
        truth=lambda noise, m, k: np.copysign(noise, _pattern(m, k)),
        mistakes={
            "The noise has kept its own signs: times the pattern, a negative number turns the sign"
            " of the mark round.": lambda noise, m, k: noise * _pattern(m, k),
            "Only signs are left: without its magnitudes the noise is of another picture, and of"
            " no normal distribution.": lambda noise, m, k: np.ones_like(noise) * _pattern(m, k),
            "The signs are those of the message alone: who looks with the key finds"
            " nothing.": lambda noise, m, k: np.abs(noise) * _without_key(m),
            "The signs are those of the key alone: the message is not in it.": lambda noise, m, k: (
                np.abs(noise) * _pattern(np.zeros(BITS), k)
            ),
            "All signs are turned round: z would be as far *below* 0.": lambda noise, m, k: (
                -np.copysign(noise, _pattern(m, k))
            ),
            "Bits are 0 and 1, signs are −1 and +1: half of the noise has become"
            " 0.": lambda noise, m, k: np.abs(noise) * (_pattern(m, k) > 0),
        },
        otherwise="Formula 5, with the magnitudes that the noise already has.",
        shows="A mark says that the key was used, and not what the picture is.",
        returns="noise of the same shape",
    ),
    "08.13": function(
        inputs=_memories,
        truth=lambda known, held, made, q: _extraction(
            _distances(made, known), _distances(held, known), q
        ),
        mistakes={
            "0 for every model: how far is a training image from the nearest training"
            " image?": lambda known, held, made, q: 0.0,
            "Without itself it is better, and still a distance *among* training images. The"
            " baseline is an image that the model never saw.": lambda known, held, made, q: (
                _extraction(_distances(made, known), _distances(known, known, 2), q)
            ),
            "1 for every model: the threshold comes from the drawn images"
            " themselves.": lambda known, held, made, q: _extraction(
                _distances(made, known), _distances(made, known), q
            ),
            "That is the share of drawn images under the threshold; divide it by the share of"
            " held-out ones.": lambda known, held, made, q: (
                q * _extraction(_distances(made, known), _distances(held, known), q)
            ),
            "Held-out images must be measured to the *training* images, like the drawn"
            " ones.": lambda known, held, made, q: _extraction(
                _distances(made, known), _distances(held, made), q
            ),
            "The wrong end: only a share q of the held-out images may lie *below* the"
            " threshold.": lambda known, held, made, q: (
                _extraction(_distances(made, known), _distances(held, known), 1 - q) * (1 - q) / q
            ),
            "From each training image to the nearest drawn one: that asks how many were given"
            " away, another question. Formula 8 goes through the *drawn*"
            " images.": lambda known, held, made, q: _extraction(
                _distances(known, made), _distances(held, known), q
            ),
            "A copy is near *one* training image: take the nearest, not the mean of"
            " all.": lambda known, held, made, q: _extraction(
                cdist(made, known).mean(axis=1), cdist(held, known).mean(axis=1), q
            ),
        },
        otherwise="Put held-out images in place of the drawn ones: about 1 must come out.",
        shows="A distance says something beside the distance of images that nobody trained on.",
        returns="one number",
        tolerance=1e-6,
    ),
    "08.15": Exercise(
        judge_chain,
        shows="A little real data that is kept by accident hides the collapse: test with none.",
    ),
    "08.16": matching(
        "08.16",
        "abcdef",
        {
            "nobody changed the pixels since a certain key signed them": (
                "12a3c3084eb3",
                "what holds a hash of the pixels?",
            ),
            "what the picture shows has happened": (
                "e3fd8aacf305",
                "read the last line that section 12 prints: what can the owner of a key sign?",
            ),
            "a certain secret key was used, and a screenshot may still show it": (
                "aaeac5383966",
                "a screenshot keeps the pixels and nothing else: what sits in them?",
            ),
            "whoever names the author may pass copies on": (
                "5dad5d7ef607",
                "read the table of licences again: this is about copying.",
            ),
            "it has traces like those of generators that were at hand": (
                "2149668e8b52",
                "what was taught by examples, and is fooled by a JPEG file?",
            ),
            "the author agrees that models learn from it": (
                "05eef23b1936",
                "most licences are older than this question.",
            ),
        },
        shows="Each of them answers one question; none answers whether a picture is true.",
    ),
    "08.17": function(
        inputs=_pictures,
        truth=lambda *given: _joules(*given) / 3600,
        mistakes={
            "Still the colleague's number. Watts times seconds are joules: how many of them are a"
            " watt-*hour*? And for how many pictures is `draw`?": lambda t, d, n, w: (
                w * (t / n + d) / 60
            ),
            "The watt-hours are right now. But `draw` is for 1,000 pictures.": lambda t, d, n, w: (
                w * (t / n + d) / 3600
            ),
            "`draw` is right now. But an hour has more seconds than 60.": lambda *given: (
                _joules(*given) / 60
            ),
            "Joules: how many of them are a watt-hour?": _joules,
            "Multiplied by 3600: a watt-hour is *more* than a watt-second, so the number is"
            " smaller.": lambda *given: _joules(*given) * 3600,
            "That is in kilowatt-hours.": lambda *given: _joules(*given) / 3.6e6,
            "That is all pictures together; one was asked for.": lambda t, d, n, w: (
                n * _joules(t, d, n, w) / 3600
            ),
            "The whole training was put on each picture: they share it.": lambda t, d, n, w: (
                w * (t + d / 1000) / 3600
            ),
            "The share of the training is missing.": lambda t, d, n, w: w * d / 3.6e6,
        },
        otherwise="10 W, a training of 3,600 s shared by 1,000 pictures, drawing for nothing: that"
        " is 0.01 Wh for each.",
        shows="The more pictures are drawn, the less the training matters.",
        returns="one number",
    ),
}
