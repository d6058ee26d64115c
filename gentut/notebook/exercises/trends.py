"""The exercises of notebook 08 (trends and responsibility); the later ones: ``responsibility``."""

import numpy as np
from scipy.optimize import brentq

from gentut.notebook.exercises import responsibility
from gentut.notebook.exercises.judge import (
    Exercise,
    choice,
    function,
    matching,
)

# What the functions are tried on, and what they should return ----------------------------------


def _two_models(rng):
    """Training seconds and seconds for 1,000 pictures of two models; the second trains longer."""
    train, draw = np.sort(rng.uniform(20, 2000, 2)), np.sort(rng.uniform(0.5, 20, 2))
    return float(train[0]), float(draw[1] + 1), float(train[1] + 300), float(draw[0])


def _crossing(train, draw, train_2, draw_2):
    """Where two straight lines, seconds over pictures, meet."""
    lines = [[1, -draw / 1000], [1, -draw_2 / 1000]]
    return np.linalg.solve(lines, [train, train_2])[1]


def _players(rng):
    """Real and generated images, a discriminator's score and a treatment of images."""
    weight, order = rng.normal(size=6), rng.permutation(6)
    real, generated = rng.normal(size=(2, 7, 6)) + rng.normal(size=(2, 1, 6))
    return real, generated, lambda x: x @ weight, lambda x: 0.5 - 1.3 * x[:, order]


def _losses(real, generated, shown, score):
    """Losses of both players; ``shown`` are the generated images in the generator's own step."""
    p_real, p_generated, p_shown = (1 / (1 + np.exp(-score(x))) for x in (real, generated, shown))
    return -np.log(p_real).mean() - np.log(1 - p_generated).mean(), -np.log(p_shown).mean()


def _generators(rng):
    """How to fit a detector; real images, and those of four generators, to learn from and test."""
    traces = rng.normal(0, 0.5, 5) + rng.normal(0, 0.8, (4, 1, 5))
    sizes = [(60, 5), (40, 5), (4, 50, 5), (4, 30, 5)]
    x = [rng.normal(size=size) for size in sizes]
    return _fit_means, x[0], x[1], x[2] + traces, x[3] + traces


def _fit_means(real, generated):
    """A detector that looks along the line from the mean real image to the mean generated one."""
    direction = np.mean(generated, axis=0) - np.mean(real, axis=0)
    return lambda x: x @ direction


def _aucs(teachers, real_test, made_test):
    """The AUC of each generator's detector; ``teachers`` are those detectors."""
    pairs = zip(teachers, made_test, strict=True)
    return np.array([(d(x)[:, None] > d(real_test)).mean() for d, x in pairs])


def _without(made, i):
    return np.concatenate([x for j, x in enumerate(made) if j != i])


def _accusations(rng):
    """Share of generated images found, share of them in the stream, share of right accusations."""
    return tuple(rng.uniform((0.5, 0.002, 0.6), (0.99, 0.1, 0.98)).tolist())


def _needed_fpr(tpr, share, right):
    def excess(fpr):
        return tpr * share / (tpr * share + fpr * (1 - share)) - right

    return brentq(excess, 0, 1, xtol=1e-14, rtol=1e-12)


EXERCISES: dict[str, Exercise] = {
    "08.1": function(
        inputs=_two_models,
        truth=_crossing,
        mistakes={
            "Drawing is given in seconds for 1,000 pictures, not for one.": lambda t, d, t2, d2: (
                (t2 - t) / (d - d2)
            ),
            "Negative: the second model costs *more* to train and *less* to"
            " draw.": lambda t, d, t2, d2: 1000 * (t2 - t) / (d2 - d),
            "The first model had to be trained as well: only the difference of the trainings"
            " has to be earned back.": lambda t, d, t2, d2: 1000 * t2 / (d - d2),
            "The second model's pictures cost something, too: what does each picture"
            " *save*?": lambda t, d, t2, d2: 1000 * (t2 - t) / d,
            "Upside down: the result has no unit of pictures.": lambda t, d, t2, d2: (
                (d - d2) / (1000 * (t2 - t))
            ),
        },
        otherwise="Write the seconds of each model for n pictures, training included; where are"
        " the two equal?",
        shows="Below that number the quick learner is the efficient one, above it the other.",
        returns="one number",
        tolerance=1e-3,
    ),
    "08.2": function(
        inputs=_players,
        truth=lambda x, g, score, treat: _losses(treat(x), treat(g), treat(g), score),
        mistakes={
            "Still the leak: the discriminator sees holes on real images only, so it takes a hole"
            " for a sign of the real.": lambda x, g, score, treat: _losses(treat(x), g, g, score),
            "The discriminator's step is right now. In the generator's step it judges images of a"
            " kind that it was never shown.": lambda x, g, score, treat: _losses(
                treat(x), treat(g), g, score
            ),
            "The generator's step is right. In its own step the discriminator still sees generated"
            " images as they are.": lambda x, g, score, treat: _losses(
                treat(x), g, treat(g), score
            ),
            "Now only generated images are treated: the leak points the other"
            " way.": lambda x, g, score, treat: _losses(x, treat(g), treat(g), score),
            "Nothing is treated: no leak, and no help against learning by"
            " heart.": lambda x, g, score, treat: _losses(x, g, g, score),
            "The two losses are exchanged: the discriminator's comes"
            " first.": lambda x, g, score, treat: _losses(treat(x), treat(g), treat(g), score)[
                ::-1
            ],
        },
        otherwise="Only what the discriminator looks at changes; the losses stay the colleague's.",
        shows="Real and generated images alike, in the steps of both players: then nothing leaks.",
        returns="a tuple of two numbers, the losses of discriminator and generator",
    ),
    "08.3": choice(
        "08.3",
        "abcde",
        right="9691bdb0c042",
        hints={
            "0f82fb0aacbe": "Right so far. One more follows: what do the numbers in brackets say?",
            "db9e05c56a67": "Right so far. One more follows, and it is the plainer one.",
            "6d6950b11bcb": "“Never” is in no table of two looks. What of more training?",
            "69b46c2d29e7": "Two are right. “Never” is in no table of two looks. What of more"
            " training?",
            "8b2c476c040d": "A distance to held-out letters sees no copies: which section does?",
            "44bf49ab5a1b": "Two are right. A distance to held-out letters sees no copies: which"
            " section does?",
            "70f6d2c0a1b8": "Who paid for the shipped weights? That training is in neither number.",
            "5750ba84153a": "Two are right. Who paid for the shipped weights? That training is in"
            " neither number.",
            "": "Take them one by one: which printed number says so?",
        },
        shows="Numbers settle the question that was measured, and none of its neighbours.",
    ),
    "08.4": matching(
        "08.4",
        "abcdef",
        {
            "ten covers for a magazine, each must look real": (
                "2ce50f3c10d6",
                "ten pictures need not show everything: what must each of them be?",
            ),
            "images for a classifier that must know rare typefaces": (
                "a8864500254c",
                "what is lost if the model draws only what is common?",
            ),
            "flag the X-ray that fits the archive least": (
                "f2ea5ecd9361",
                "nothing is drawn here: which number is given to an image that is already there?",
            ),
            "a game draws a new tile in every frame": (
                "46f7722cae82",
                "which of the budgets is tight?",
            ),
            "a slider from one photograph of yours to another": (
                "a92b7ba9c6f4",
                "the photographs have to get *into* the model first: through what?",
            ),
            "nobody's drawing may be drawn again": (
                "3f145fe6ac33",
                "does any need of the chooser forbid copies?",
            ),
        },
        shows="A chooser can only choose by what you name, and privacy is no score of quality.",
    ),
    "08.6": function(
        inputs=_generators,
        truth=lambda fit, real, test, made, made_test: _aucs(
            [fit(real, _without(made, i)) for i in range(len(made))], test, made_test
        ),
        mistakes={
            "Still every generator is among the teachers, the one that is tested,"
            " too.": lambda fit, real, test, made, made_test: _aucs(
                [fit(real, np.concatenate(made))] * len(made), test, made_test
            ),
            "Now each detector is taught by the very generator that it is tested on: the diagonal"
            " of the map in section 8.": lambda fit, real, test, made, made_test: _aucs(
                [fit(real, x) for x in made], test, made_test
            ),
            "The real images of the test must be those that no detector has learned"
            " from.": lambda fit, real, test, made, made_test: _aucs(
                [fit(real, _without(made, i)) for i in range(len(made))], real, made_test
            ),
            "Real and generated are exchanged: a high score must mean"
            " “generated”.": lambda fit, real, test, made, made_test: (
                1 - _aucs([fit(real, _without(made, i)) for i in range(len(made))], test, made_test)
            ),
            "That is one mean. Which generator is the hard one? Return the AUC of"
            " each.": lambda fit, real, test, made, made_test: _aucs(
                [fit(real, _without(made, i)) for i in range(len(made))], test, made_test
            ).mean(),
            "That is the mean over detectors with one teacher each; let all the others teach one"
            " detector.": lambda fit, real, test, made, made_test: np.mean(
                [
                    [
                        _aucs([fit(real, x)], test, made_test[[i]])[0]
                        for j, x in enumerate(made)
                        if j != i
                    ]
                    for i in range(len(made))
                ],
                axis=1,
            ),
        },
        otherwise="One detector for each generator: taught by the others, tested on this one and"
        " on `real_test`.",
        shows="Only this number says what the detector will do when the next generator comes out.",
        returns="one AUC for each generator",
        tolerance=1e-6,
    ),
    "08.7": function(
        inputs=_accusations,
        truth=_needed_fpr,
        mistakes={
            "The share of generated images is missing: that would be right for a stream of which"
            " one half is generated.": lambda tpr, share, right: tpr * (1 - right) / right,
            "False alarms come from the *real* images, a share 1 − π of the"
            " stream.": lambda tpr, share, right: tpr * share * (1 - right) / right,
            "Upside down: the more accusations must be right, the *fewer* false alarms are"
            " allowed.": lambda tpr, share, right: tpr * share / (1 - share) * right / (1 - right),
            "1 − right is the share of wrong ones among the *accused*; the rate asked for is among"
            " the *real* images.": lambda tpr, share, right: 1 - right,
            "For each right accusation (1 − right) / right wrong ones are allowed, not"
            " 1 − right.": lambda tpr, share, right: tpr * share / (1 - share) * (1 - right),
            "That is in per cent; a share was asked for.": lambda tpr, share, right: (
                100 * tpr * share / (1 - share) * (1 - right) / right
            ),
            "Not all generated images are found: the right accusations are a share TPR · π of"
            " the stream.": lambda tpr, share, right: share / (1 - share) * (1 - right) / right,
        },
        otherwise="Put your rate into formula 4: does the share of right accusations come out?",
        shows="At π = 0.1 %, an FPR of 0.1 % already makes every second accusation wrong.",
        returns="one number",
    ),
    **responsibility.EXERCISES,
}
