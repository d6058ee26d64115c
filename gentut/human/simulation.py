"""Simulated raters: to try a study out and to test its analysis. They are never people."""

import numpy as np
from scipy import special, stats

from gentut import checks
from gentut.human.responses import response
from gentut.human.sequence import SESSIONS
from gentut.human.study import REAL, Study


def simulate(
    study: Study,
    accuracy: float | dict[str, float],
    *,
    raters: int = 20,
    spread: float = 0.0,
    agreement: float = 0.0,
    seed: int = 0,
) -> list[dict]:
    """Responses of a panel of noisy classifiers; each is marked `"simulated": true`.

    A simulated rater sees how real an image looks through noise. Looks are normal, with means that
    give the stated accuracy (signal detection theory: an accuracy of Φ(d′/2) for single
    images, Φ(d′/√2) for a choice of two).

    Args:
        study: what is answered.
        accuracy: expected share of right answers, in [0, 1], or model name -> that share. For a
            single real image it is that of the model which the image was drawn with.
        raters: size of the panel.
        spread: standard deviation of accuracy between raters, who draw theirs from a beta
            distribution.
        agreement: share of the variance of the looks that is the image's own, in [0, 1]; above 0,
            raters tend to err about the same images.
        seed: of everything drawn.

    Returns:
        One response per rater, as `analyse` takes it.

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
    own_look = dict(zip(study.sources, rng.standard_normal(len(study.sources)), strict=True))
    panel = []
    for number, session in enumerate(map(int, sessions), 1):
        talent = rng.random()
        mine = {model: _quantile(talent, a, spread) for model, a in accuracies.items()}
        answers = []
        for step in study.steps(session, practice=False):
            share = mine[study.trials[step.trial].model]
            looks = [
                np.sqrt(agreement) * own_look[image]
                + np.sqrt(1 - agreement) * rng.standard_normal()
                for image in step.images
            ]
            # In units of the noise of one image; ndtri(1) is infinite, and then nobody errs.
            gap = special.ndtri(share) * (1 if len(step.images) == 1 else 1 / np.sqrt(2))
            looks = [
                look + (gap if study.sources[image] == REAL else -gap)
                for look, image in zip(looks, step.images, strict=True)
            ]
            if len(step.images) == 1:
                answer = "real" if looks[0] > 0 else "fake"
            else:
                answer = step.images[int(np.argmax(looks))]
            ms = int(1200 * np.exp(0.3 * rng.standard_normal()))
            answers.append(
                {"trial": step.trial, "answer": answer, "ms": ms, "shown_ms": study.exposure_ms}
            )
        panel.append(response(study, f"simulated-{number:02d}", session, "simulation", answers))
    return panel


def _quantile(talent: float, accuracy: float, spread: float) -> float:
    """The accuracy of a rater who is better than a share `talent` of all raters."""
    if spread == 0:
        return accuracy
    size = accuracy * (1 - accuracy) / spread**2 - 1  # from the variance of a beta distribution
    return float(stats.beta.ppf(talent, accuracy * size, (1 - accuracy) * size))
