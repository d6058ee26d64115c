"""How many raters and trials a study needs, worked out before anyone is asked."""

import math

from scipy import stats

from gentut import checks

LARGEST_PANEL = 10_000


def power(
    error: float, raters: int, trials: int, *, spread: float = 0.1, significance: float = 0.05
) -> float:
    """The chance that a study tells this error rate from the 50 % of guessing.

    The power of the exact two-sided binomial test. Answers of one rater resemble each other, so
    n = raters · trials of them are worth only n / (1 + (trials − 1) ρ) independent ones, with
    ρ = spread² / (error · (1 − error)) (the design effect of Kish 1965). More trials per rater
    help little once raters differ; more raters always do.

    Args:
        error: the error rate expected, in (0, 1); 0.5 is chance.
        raters: number of people.
        trials: trials that each of them answers.
        spread: standard deviation of the raters' own error rates; 0 if all are alike. The default
            is an assumption: take `analyse(…)["spread"]` of a pilot study instead.
        significance: of the test, in (0, 1).

    Raises:
        ValueError: an argument is out of range.
    """
    _check(error, spread, significance)
    checks.check_positive("raters", raters)
    checks.check_positive("trials", trials)
    likeness = spread**2 / (error * (1 - error))
    worth = math.floor(raters * trials / (1 + (trials - 1) * likeness))
    # The most errors, k, that are still significantly few: 2 · P(errors ≤ k) ≤ significance.
    most = int(stats.binom.ppf(significance / 2, worth, 0.5))
    if 2 * stats.binom.cdf(most, worth, 0.5) > significance:
        most -= 1
    if most < 0:
        return 0.0
    few = stats.binom.cdf(most, worth, error)
    many = stats.binom.sf(worth - most - 1, worth, error)
    return float(few + many)


def needed_raters(
    error: float,
    trials: int,
    *,
    target: float = 0.8,
    spread: float = 0.1,
    significance: float = 0.05,
) -> int:
    """The smallest number of raters whose study has that `power`.

    Args:
        error, trials, spread, significance: as for `power`.
        target: the power wanted, in (0, 1).

    Raises:
        ValueError: an argument is out of range, or 10,000 raters would not be enough.
    """
    if not 0 < target < 1:
        raise ValueError(f"`target` must lie in (0, 1); received {target!r}.")
    low, high = 0, 1  # `low` raters are too few; the power grows with raters but for small steps
    while power(error, high, trials, spread=spread, significance=significance) < target:
        if high == LARGEST_PANEL:
            raise ValueError(
                f"`error` must differ enough from 0.5 to be found with {LARGEST_PANEL:,} raters;"
                f" received {error!r}."
            )
        low, high = high, min(2 * high, LARGEST_PANEL)
    first = max(low // 2, 1)
    return next(
        n
        for n in range(first, high + 1)
        if power(error, n, trials, spread=spread, significance=significance) >= target
    )


def _check(error, spread, significance):
    for name, value in (("error", error), ("significance", significance)):
        if not 0 < value < 1:
            raise ValueError(f"`{name}` must lie in (0, 1); received {value!r}.")
    if not 0 <= spread**2 < error * (1 - error):
        raise ValueError(
            f"`spread` must lie in [0, {math.sqrt(error * (1 - error)):.3g}) for an error rate of"
            f" {error:g}; received {spread!r}."
        )
