"""How sure a task's score is: the interval over trainings and over test images."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import stats

RESAMPLES = 100  # of the test set: a standard deviation of so many is right within 7 %
SEED = 1_000_000  # of these resamples, which are the same for every training of every trial


def resamples(n: int, sources: np.ndarray | None = None) -> tuple[np.ndarray, int]:
    """Draw test sets anew: how often each row counts in each of them.

    Letters of one typeface family are not independent.  So whole sources are drawn, with
    replacement, and a row counts as often as its source was drawn.

    Args:
        n: rows of the test set.
        sources: of each row, int ``(n,)``; None if the rows are independent.

    Returns:
        float32 ``(RESAMPLES, n)``, and the number of units that were drawn from.
    """
    sources = np.arange(n) if sources is None else np.asarray(sources)
    if sources.shape != (n,):
        raise ValueError(f"`sources` must have shape ({n},); received {sources.shape}.")
    units, unit = np.unique(sources, return_inverse=True)
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), RESAMPLES)
    return counts[:, unit].astype("float32"), len(units)


def summary(
    values: Iterable[float],
    draws: Sequence[Sequence[float]] | None = None,
    units: int | None = None,
) -> dict:
    """Return mean, standard deviation and 95 % interval of the mean of a few trainings' scores.

    The score of a training would be another with other starting weights, and on other test images.
    So two variances add up: that of the mean over trainings, and that of this mean on resampled
    test sets.  The part that depends on both is counted twice, so the interval is a little wide
    rather than narrow (Owen 2007, "The pigeonhole bootstrap").  Degrees of freedom of Student's
    t after Welch and Satterthwaite.

    Args:
        values: the score of each training.
        draws: for each training, its scores on resampled test sets, in the same order; None
            leaves the test set as it is, and the interval says nothing of other test images.
        units: how many units the test sets were drawn from (sources, images or scenes).

    Returns:
        Dict with "values", "mean", "sd" (of the values), "low", "high"; the last three are None for
        one value.  "draws" and "units" too where they are given.
    """
    values = [float(v) for v in values]
    if not values:
        raise ValueError("`values` must hold at least one number; received none.")
    mean, n = float(np.mean(values)), len(values)
    found = {"values": values, "mean": mean, "sd": None, "low": None, "high": None}
    if draws is not None:
        if len(draws) != n:
            raise ValueError(f"`draws` must have {n} rows, as `values`; received {len(draws)}.")
        found |= {"draws": [list(map(float, row)) for row in draws], "units": units}
    if n == 1:
        return found
    sd = float(np.std(values, ddof=1))
    parts = [(sd**2 / n, n - 1)]
    if draws is not None:
        parts.append((float(np.var(np.mean(draws, axis=0), ddof=1)), units - 1))
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / freedom for variance, freedom in parts if variance)
    half = float(stats.t.ppf(0.975, total**2 / below)) * total**0.5 if total else 0.0
    return found | {"sd": sd, "low": mean - half, "high": mean + half}


def difference(result: Mapping, baseline: Mapping) -> dict:
    """Compare a result with a baseline, in pairs: how much better is it?

    Pairs are trainings of one seed; where both have "draws", also scores on the same resampled
    test set, so that the interval is one of the difference and not of two scores.

    Args:
        result, baseline: dicts with "values" and "seeds", from ``Trial.run`` of one trial.

    Returns:
        the dict of ``summary`` of the differences, and "verdict": "better" or "worse" where the
        interval lies on one side of zero, else "not settled".
    """
    if list(result["seeds"]) != list(baseline["seeds"]):
        raise ValueError(
            "`result` and `baseline` must have the same seeds; received"
            f" {list(result['seeds'])} and {list(baseline['seeds'])}."
        )
    draws = None
    if result.get("draws") and baseline.get("draws"):
        draws = np.array(result["draws"]) - np.array(baseline["draws"])
    values = np.array(result["values"]) - np.array(baseline["values"])
    found = summary(values, draws, result.get("units"))
    verdict = "not settled"
    if found["low"] is not None and (found["low"] > 0 or found["high"] < 0):
        verdict = "better" if found["low"] > 0 else "worse"
    return found | {"verdict": verdict}
