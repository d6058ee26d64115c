"""The exercises of notebook 05 (vision tasks)."""

import numpy as np

from gentut.notebook.exercises.judge import Exercise, choice, function, matching, number


def _masks(rng):
    """Four true masks with all of three classes in each but one, and guesses; 0 is background."""
    true = rng.choice(4, (4, 6, 6), p=[0.55, 0.15, 0.15, 0.15])
    true[0][true[0] == 2] = 0  # scenes differ in what they hold
    guess = np.where(rng.random(true.shape) < 0.3, rng.integers(0, 4, true.shape), true)
    return true, guess, 3


def _iou(true, guess, classes):
    """IoU of each of some classes that occurs."""
    pairs = [(true == k, guess == k) for k in classes]
    return [(t & p).sum() / (t | p).sum() for t, p in pairs if (t | p).any()]


def _by_counts(true, guess, num_classes):
    """The mean IoU of the objects from one table of pixels, true class by guessed class."""
    table = np.zeros((num_classes + 1,) * 2)
    np.add.at(table, (true.ravel(), guess.ravel()), 1)
    hits = np.diag(table)
    return (hits / (table.sum(0) + table.sum(1) - hits))[1:].mean()


def _trainings(rng):
    common = rng.normal(0.9, 0.02, 5)  # the luck of a seed, which both ways share
    return common + rng.normal(0.01, 0.005, 5), common + rng.normal(0, 0.005, 5)


def _precision_ahead(right, objects, levels):
    """Mean over recall levels of the best precision at such a recall or a larger one."""
    hits = [place for place, one in enumerate(right, 1) if one]
    precision = [k / place for k, place in enumerate(hits, 1)]
    recall = [k / objects for k in range(1, len(hits) + 1)]
    return np.mean(
        [
            max((p for p, r in zip(precision, recall, strict=True) if r >= level - 1e-9), default=0)
            for level in levels
        ]
    )


LIST = (1, 1, 0, 1)  # of exercise 3: right, right, wrong, right; one of four objects is missed

EXERCISES: dict[str, Exercise] = {
    "05.1": choice(
        "05.1",
        "abcd",
        right="e96fe906e5ba",
        hints={
            "072e70d202eb": "Wrong labels would show in the GAN-test first: section 3, third row.",
            "535c333cb52d": "An examiner who names 99 % right can read these letters.",
            "5d07e7f7c32c": "The gap to 0.95 is large. What does CAS need and the GAN-test not?",
            "": "Name one of the four.",
        },
        shows="Each image is fine and training on them is not enough: coverage would be low.",
    ),
    "05.2": function(
        inputs=lambda rng: (int(rng.integers(5, 500)), rng.uniform(0.5, 3), rng.uniform(0.1, 1)),
        truth=lambda n, sigma, b: 1 / (1 + n * b**2 / sigma**2),
        mistakes={
            "That is the weight of your *own* values, 1 − λ.": lambda n, sigma, b: (
                b**2 / (sigma**2 / n + b**2)
            ),
            "The bias enters squared, like a standard deviation.": lambda n, sigma, b: (
                (sigma**2 / n) / (sigma**2 / n + abs(b))
            ),
            "The number of your values does not come in: with many of them you need the generator"
            " less.": lambda n, sigma, b: sigma**2 / (sigma**2 + b**2),
            "The standard deviation was divided by n; the *variance* of a mean is"
            " σ²/n.": lambda n, sigma, b: (sigma / n) ** 2 / ((sigma / n) ** 2 + b**2),
        },
        otherwise="With no bias all the weight goes to the generator; at n = σ²/b² it is one half.",
        shows="It is never 0: a biased source helps a little, if you know how little to trust it.",
        returns="one number",
    ),
    "05.3": number(
        truth=lambda: _precision_ahead(LIST, 4, np.linspace(0, 1, 101)),
        mistakes={
            "The object that is never found must count: recall ends at 3 of 4, and the levels above"
            " give 0.": lambda: _precision_ahead(LIST, 3, np.linspace(0, 1, 101)),
            "That is the share of right detections. Average precision goes down the list, level by"
            " level.": lambda: np.mean(LIST),
            "Nearly: the area under the steps. Formula (5) is a mean over 101 levels, the"
            " level 0 among them.": lambda: (1 + 1 + 3 / 4) / 4,
            "That is the older form with 11 levels; formula (5) has 101.": lambda: _precision_ahead(
                LIST, 4, np.linspace(0, 1, 11)
            ),
        },
        otherwise="Precision is 1 up to recall 1/2; how high is it up to 3/4, and beyond?",
        shows="An object that is missed costs all levels above the recall that is reached.",
        tolerance=0.002,
    ),
    "05.4": function(
        inputs=_masks,
        truth=_by_counts,
        mistakes={
            "Still the colleague's program: a network that sees no letter at all does not get"
            " 0.": lambda t, p, k: np.mean(
                [v for a, b in zip(t, p, strict=True) for v in _iou(a, b, range(k + 1))]
            ),
            "One of two mistakes is gone. A small letter in one scene counts as much as all others"
            " of its class: where must pixels be counted?": lambda t, p, k: np.mean(
                [v for a, b in zip(t, p, strict=True) for v in _iou(a, b, range(1, k + 1))]
            ),
            "One of two mistakes is gone. Which class is easy, and flatters the"
            " mean?": lambda t, p, k: np.mean(_iou(t, p, range(k + 1))),
            "The classes were put together: this is the IoU of ink, whichever letter it"
            " is.": lambda t, p, k: ((t > 0) & (p > 0)).sum() / ((t > 0) | (p > 0)).sum(),
            "That is the share of true pixels that were found: wrong pixels must cost,"
            " too.": lambda t, p, k: np.mean([(p[t == c] == c).mean() for c in range(1, k + 1)]),
        },
        otherwise="For each letter count the pixels of all scenes together, divide common ones by"
        " those in either mask, and take the mean over the letters.",
        shows="PASCAL VOC counts so, and the package's `object_iou` does.",
        returns="one number",
    ),
    "05.5": function(
        inputs=_trainings,
        truth=lambda a, b: np.sqrt(np.cov(np.subtract(a, b)) / len(a)),
        mistakes={
            "The two lists were taken as independent: what both trainings of a seed share must"
            " cancel. Subtract first.": lambda a, b: np.sqrt(
                (a.var(ddof=1) + b.var(ddof=1)) / len(a)
            ),
            "That is how one difference scatters; the *mean* of n differences scatters less.": (
                lambda a, b: (a - b).std(ddof=1)
            ),
            "The standard deviation is biased: divide by n − 1 (`ddof=1`).": lambda a, b: (
                (a - b).std() / np.sqrt(len(a))
            ),
            "Divide by the root of n, not by n.": lambda a, b: (a - b).std(ddof=1) / len(a),
            "That is the mean difference itself, not its standard error.": lambda a, b: (
                a - b
            ).mean(),
        },
        otherwise="If all differences are equal, the standard error is 0.",
        shows="Pairing is why section 4 can tell ways apart whose own intervals overlap.",
        returns="one number",
    ),
    "05.6": matching(
        "05.6",
        "abcd",
        {
            "good GAN-test, bad CAS": (
                "0139ab318872",
                "each image is fine; what can be missing?",
            ),
            "a gain that is gone once both are augmented": (
                "45eb890129ee",
                "with what was the first gain compared?",
            ),
            "a gain of a generator that has seen all letters": (
                "1c54b025ad1f",
                "where did the information come from?",
            ),
            "a high mean IoU of a network that sees no letter": (
                "1c8b9e57065d",
                "which class fills most of a scene?",
            ),
        },
        shows="Four symptoms, four causes; section 9 has what to do.",
    ),
    "05.7": number(
        truth=lambda: 0.3 * np.mean(np.arange(10) != 4),
        mistakes={
            "A random label is right by luck once in ten.": lambda: 0.3,
            "That is the share that is right by luck.": lambda: 0.03,
            "One in ten *of the drawn ones* is right, not one in ten of all.": lambda: 0.2,
            "That is the share of labels that are right.": lambda: 0.73,
        },
        otherwise="What share is drawn anew, and what share of these comes out wrong?",
        shows="So an axis in wrong labels ends at 90 % of the axis in labels drawn anew.",
        tolerance=0.002,
    ),
    "05.8": choice(
        "05.8",
        "abcd",
        right="6e3bd8bc9dd4",
        hints={
            "42c7d26f579a": "Augmentation uses the train letters alone, and knowledge put in by"
            " hand that is named. Look for data.",
            "703fb222b168": "A generator trained on the rival's own letters has seen nothing else.",
            "5c78d21e72b0": "More steps are unequal work, a fault, but no data come in by it.",
            "": "Name one of the four.",
        },
        shows="The judge was trained on all letters, and hands some of that to the filtered set.",
    ),
}
