"""Before anyone is asked: how many raters a study needs, and simulated ones to try it out."""

import math

import numpy as np
from scipy import special, stats

from gentut import checks
from gentut.human.session import SESSIONS, response
from gentut.human.study import REAL, Study

LARGEST_PANEL = 10_000


def power(
    error: float, raters: int, trials: int, *, spread: float = 0.1, significance: float = 0.05
) -> float:
    """Return the chance that a study tells this error rate from the 50 % of guessing.

    The power of the exact two-sided binomial test. Answers of one rater resemble each other, so
    n = raters · trials of them are worth only n / (1 + (trials − 1) ρ) independent ones, with
    ρ = spread² / (error · (1 − error)) (the design effect of Kish 1965). More trials per rater
    help little once raters differ; more raters always do.

    Args:
        error: the error rate expected, in (0, 1); 0.5 is chance.
        raters: number of people.
        trials: trials that each of them answers.
        spread: standard deviation of the raters' own error rates; 0 if all are alike. The default
            is an assumption: take ``analyse(…)["spread"]`` of a pilot study instead.
        significance: of the test, in (0, 1).

    Raises:
        ValueError: an argument is out of range.
    """
    checks.check_positive("raters", raters)
    return float(_power(error, np.array(raters), trials, spread, significance))


def needed_raters(
    error: float,
    trials: int,
    *,
    target: float = 0.8,
    spread: float = 0.1,
    significance: float = 0.05,
) -> int:
    """Return the smallest number of raters whose study has that ``power``.

    Args:
        error, trials, spread, significance: as for ``power``.
        target: the power wanted, in (0, 1).

    Raises:
        ValueError: an argument is out of range, or 10,000 raters would not be enough.
    """
    if not 0 < target < 1:
        raise ValueError(f"`target` must lie in (0, 1); received {target!r}.")
    raters = np.arange(1, LARGEST_PANEL + 1)
    enough = _power(error, raters, trials, spread, significance) >= target
    if not enough.any():
        raise ValueError(
            f"`error` must differ enough from 0.5 to be found with {LARGEST_PANEL:,} raters;"
            f" received {error!r}."
        )
    return int(raters[enough.argmax()])


def _power(
    error: float, raters: np.ndarray, trials: int, spread: float, significance: float
) -> np.ndarray:
    for name, value in (("error", error), ("significance", significance)):
        if not 0 < value < 1:
            raise ValueError(f"`{name}` must lie in (0, 1); received {value!r}.")
    if not 0 <= spread**2 < error * (1 - error):
        raise ValueError(
            f"`spread` must lie in [0, {math.sqrt(error * (1 - error)):.3g}) for an error rate of"
            f" {error:g}; received {spread!r}."
        )
    checks.check_positive("trials", trials)
    correlation = spread**2 / (error * (1 - error))  # ρ, of two answers of one rater
    n = np.floor(raters * trials / (1 + (trials - 1) * correlation))
    # The most errors, k, that are still significantly few: 2 · P(errors ≤ k) ≤ significance. Where
    # there is no such number, k is −1 and both tails are empty.
    k = stats.binom.ppf(significance / 2, n, 0.5)
    k -= 2 * stats.binom.cdf(k, n, 0.5) > significance
    return stats.binom.cdf(k, n, error) + stats.binom.sf(n - k - 1, n, error)


def simulate(
    study: Study,
    accuracy: float | dict[str, float],
    *,
    raters: int = 20,
    spread: float = 0.0,
    agreement: float = 0.0,
    seed: int = 0,
) -> list[dict]:
    """Make responses of noisy classifiers, never people; each is marked ``"simulated": true``.

    A simulated rater has noisy evidence of how real an image is. It is normal, with means that
    give the stated accuracy (signal detection theory: an accuracy of Φ(d′/2) for single images,
    Φ(d′/√2) for a choice of two).

    Args:
        study: what is answered.
        accuracy: expected share of right answers, in [0, 1], or model name -> that share. For a
            single real image it is that of the model which the image was drawn with.
        raters: number of simulated raters.
        spread: standard deviation of accuracy between raters, who draw theirs from a beta
            distribution.
        agreement: share of the variance of the evidence that is the image's own, in [0, 1]; above
            0, raters tend to err about the same images.
        seed: of everything drawn.

    Returns:
        One response per rater, as ``analyse`` takes it.

    Raises:
        ValueError: an argument is out of range, or a model has no accuracy.
    """
    accuracies = accuracy if isinstance(accuracy, dict) else dict.fromkeys(study.models, accuracy)
    if set(accuracies) != set(study.models):
        raise ValueError(
            f"`accuracy` must be a number or one for each of {', '.join(study.models)}; received"
            f" {', '.join(map(str, accuracies))}."
        )
    for share in accuracies.values():
        checks.check_share("accuracy", share)
    checks.check_share("agreement", agreement)
    checks.check_positive("raters", raters)
    if not 0 <= spread**2 < min(a * (1 - a) for a in accuracies.values()) and spread != 0:
        raise ValueError(
            "`spread` must be 0 or above it and less than √(accuracy · (1 − accuracy)); received"
            f" {spread!r}."
        )
    rng = np.random.default_rng(seed)
    sessions = rng.choice(SESSIONS - 1, size=raters, replace=False) + 1
    of_image = dict(zip(study.sources, rng.standard_normal(len(study.sources)), strict=True))
    responses = []
    for number, session in enumerate(map(int, sessions), 1):
        rank = rng.random()
        mine = {model: _quantile(rank, a, spread) for model, a in accuracies.items()}
        answers = []
        for step in study.steps(session, practice=False):
            single = len(step.images) == 1
            # Half of d′; ndtri(1) is infinite, and then nobody errs.
            mean = special.ndtri(mine[study.trials[step.trial].model]) / (
                1 if single else np.sqrt(2)
            )
            evidence = [
                np.sqrt(agreement) * of_image[image]
                + np.sqrt(1 - agreement) * rng.standard_normal()
                + (mean if study.sources[image] == REAL else -mean)
                for image in step.images
            ]
            if single:
                answer = "real" if evidence[0] > 0 else "fake"
            else:
                answer = step.images[int(np.argmax(evidence))]
            ms = int(1200 * np.exp(0.3 * rng.standard_normal()))
            answers.append(
                {"trial": step.trial, "answer": answer, "ms": ms, "shown_ms": study.exposure_ms}
            )
        name = f"simulated-{number:02d}"
        responses.append(response(study.id, name, session, "simulation", answers))
    return responses


def _quantile(rank: float, accuracy: float, spread: float) -> float:
    """Return the accuracy of a rater who is better than a share ``rank`` of all raters."""
    if spread == 0:
        return accuracy
    size = accuracy * (1 - accuracy) / spread**2 - 1  # from the variance of a beta distribution
    return float(stats.beta.ppf(rank, accuracy * size, (1 - accuracy) * size))
