"""From response files to one flat dict of numbers with their intervals."""

import os
from collections.abc import Iterable, Mapping

import numpy as np
from scipy import stats

from gentut import checks, metrics
from gentut.human.judgements import Judgements, excluded, judgements
from gentut.human.responses import read_responses
from gentut.human.statistics import (
    Resampling,
    d_prime_choice,
    d_prime_yes_no,
    fleiss_kappa,
    loglinear,
    wilson,
)
from gentut.human.study import REAL, Study, load_key

NAN = float("nan")


def analyse(
    responses: str | os.PathLike | Iterable[str | os.PathLike | Mapping],
    study: Study | str | os.PathLike,
    *,
    confidence: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> dict:
    """Statistics of a study: how often people err about its images, and how sure that is.

    Error rates are shares of judgements in [0, 1]; 0.5 is guessing. Each `error…` comes with
    `_n` (judgements); `_low`, `_high` (Wilson, as if all judgements were independent);
    `_raters_low`, `_raters_high` (bootstrap over raters: other people, these images); and
    `_crossed_low`, `_crossed_high` (bootstrap over raters and images: other people, other images
    of these models). The last is the one to compare models by; with fewer than 4 raters the
    bootstraps are NaN. With several models, `error[NAME]` is that of one of them.

    The other entries:

    - `error_real`, `error_fake`: real images taken for fake, generated ones taken for real
      ("real_or_fake" only); `error` is then HYPE∞ (Zhou et al. 2019).
    - `p_value`: exact two-sided binomial test of `error` against 0.5, judgements independent;
      `p_value_raters`: t test over the raters' own error rates, which does not assume that.
    - `d_prime` and, for "real_or_fake", `criterion`, from shares that stay off 0 and 1
      (`loglinear`), with intervals over raters.
    - `kappa`: agreement of the raters (`fleiss_kappa`) on the trials that all of them answered,
      with a bootstrap over these trials. High agreement at 50 % error is possible: then some
      generated images convince everyone, and some real ones nobody.
    - `spread`: standard deviation of the raters' own error rates beyond what chance explains.
    - `error_first_half`, `error_second_half`; `learning`: their difference, above 0 if raters
      improve, with an interval over raters; `learning_p`: Fisher's exact test, judgements
      independent.
    - `raters`, `raters_excluded`, `excluded` (rater: reason), `rules`: who counts and why not.
    - `simulated`: whether `simulate` made the answers. Then no person was asked anything.

    Args:
        responses: a folder of response files, their paths, or responses as dicts.
        study: the study, or the path of its key file.
        confidence: of all intervals.
        repeats: resamples of the bootstraps.
        seed: of the bootstraps.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: malformed or duplicated responses, each named; or the rules leave nobody.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie in (0, 1); received {confidence!r}.")
    checks.check_positive("repeats", repeats)
    study = study if isinstance(study, Study) else load_key(study)
    found = read_responses(responses, study)
    everyone = judgements(found, study)
    left_out = excluded(everyone, study)
    table = everyone.keep(np.array([rater not in left_out for rater in everyone.raters]))
    reasons = [f"{rater}: {reason}" for rater, reason in left_out.items()]
    if not table.raters:
        raise ValueError(f"The rules of the study leave no rater: {'; '.join(reasons)}.")
    results = {
        "title": study.title,
        "study": study.id,
        "protocol": study.protocol,
        "models": list(study.models),
        "simulated": found[0]["simulated"],
        "exposure_ms": study.exposure_ms,
        "raters": len(table.raters),
        "raters_excluded": len(left_out),
        "excluded": reasons,
        "rules": study.rules.sentences(timed=study.exposure_ms is not None),
        "trials": len(study.trials),
        "judgements": int(table.answered.sum()),
        "confidence": confidence,
        "seconds_per_answer": float(np.nanmedian(table.ms)) / 1000,
        "shown_ms": NAN,  # unless it was measured
    }
    if np.isfinite(table.shown_ms).any():
        results["shown_ms"] = float(np.nanmedian(table.shown_ms))
    models = np.array([trial.model for trial in study.trials])
    fake = np.array([study.sources[trial.images[0]] != REAL for trial in study.trials])
    single = study.protocol == "real_or_fake"
    strata = np.char.add(models.astype(str), np.where(fake & single, " fake", ""))
    resampling = Resampling(table.errors.shape, strata, confidence, repeats, seed)
    everything = np.ones(len(study.trials), bool)
    groups = {"": everything}
    if len(study.models) > 1:
        groups |= {f"[{model}]": models == model for model in study.models}
    for tag, columns in groups.items():
        results |= _error(f"error{tag}", table, columns, resampling)
        if single and tag:
            results |= _error(f"error_fake{tag}", table, columns & fake, resampling)
    if single:
        results |= _error("error_real", table, ~fake, resampling)
        results |= _error("error_fake", table, fake, resampling)
    results |= _tests(table)
    results |= _sensitivity(table, resampling, single)
    results |= _agreement(table, confidence, repeats, seed)
    results |= _learning(table, resampling)
    return results


def _error(name: str, table: Judgements, columns: np.ndarray, resampling: Resampling) -> dict:
    counted = table.answered & columns
    wrong = np.where(counted, table.errors, 0)
    value, low, high = wilson(wrong.sum(), counted.sum(), resampling.confidence)
    numbers = {name: value, f"{name}_n": int(counted.sum())}
    numbers |= {f"{name}_low": low, f"{name}_high": high}
    for kind, crossed in (("raters", False), ("crossed", True)):
        with np.errstate(invalid="ignore"):  # a resample without any answer to these trials
            shares = resampling.sums(wrong, crossed) / resampling.sums(counted, crossed)
        low, high = resampling.interval(shares)
        numbers |= {f"{name}_{kind}_low": low, f"{name}_{kind}_high": high}
    return numbers


def _tests(table: Judgements) -> dict:
    wrong, total = int(np.nansum(table.errors)), int(table.answered.sum())
    own = np.nanmean(table.errors, axis=1)
    numbers = {"p_value": float(stats.binomtest(wrong, total).pvalue), "p_value_raters": NAN}
    numbers["spread"] = NAN
    if len(own) > 1:
        answers = table.answered.sum(axis=1)
        by_chance = (own * (1 - own) / np.maximum(answers - 1, 1)).mean()
        numbers["spread"] = float(np.sqrt(max(0.0, own.var(ddof=1) - by_chance)))
        if np.ptp(own) > 0:  # equal rates have no t
            numbers["p_value_raters"] = float(stats.ttest_1samp(own, 0.5).pvalue)
    return numbers


def _sensitivity(table: Judgements, resampling: Resampling, single: bool) -> dict:
    answered = table.answered.astype(float)
    right = np.where(table.answered, 1 - table.errors, 0)
    if not single:
        value = d_prime_choice(loglinear(right.sum(), answered.sum()))
        drawn = d_prime_choice(loglinear(resampling.sums(right), resampling.sums(answered)))
        low, high = resampling.interval(drawn)
        return {"d_prime": float(value), "d_prime_low": low, "d_prime_high": high}
    called_fake = np.where(table.answered, table.second, 0)
    fake = table.truth == 1

    def both(add):
        hits = loglinear(add(called_fake * fake), add(answered * fake))
        false_alarms = loglinear(add(called_fake * ~fake), add(answered * ~fake))
        return d_prime_yes_no(hits, false_alarms)

    numbers = {}
    for name, value, drawn in zip(
        ("d_prime", "criterion"), both(np.sum), both(resampling.sums), strict=True
    ):
        low, high = resampling.interval(drawn)
        numbers |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    return numbers


def _agreement(table: Judgements, confidence: float, repeats: int, seed: int) -> dict:
    shared = table.answered.all(axis=0)
    second = table.second[:, shared].sum(axis=0)
    counts = np.column_stack([len(table.raters) - second, second])
    numbers = {"kappa": NAN, "kappa_low": NAN, "kappa_high": NAN, "kappa_trials": len(counts)}
    if len(table.raters) > 1 and len(counts) >= 4:
        interval = metrics.bootstrap(
            fleiss_kappa, counts, repeats=repeats, confidence=confidence, seed=seed
        )
        numbers |= {"kappa": interval.value, "kappa_low": interval.low, "kappa_high": interval.high}
    return numbers


def _learning(table: Judgements, resampling: Resampling) -> dict:
    numbers, counts, drawn = {}, [], []
    for name, half in (("first", 1), ("second", 0)):
        counted = table.answered & (table.early == half)
        if not counted.any():
            return {"error_first_half": NAN, "error_second_half": NAN} | dict.fromkeys(
                ("learning", "learning_low", "learning_high", "learning_p"), NAN
            )
        wrong = np.where(counted, table.errors, 0)
        numbers[f"error_{name}_half"] = float(wrong.sum() / counted.sum())
        counts.append([wrong.sum(), counted.sum() - wrong.sum()])
        with np.errstate(invalid="ignore"):
            drawn.append(resampling.sums(wrong) / resampling.sums(counted))
    low, high = resampling.interval(drawn[0] - drawn[1])
    return numbers | {
        "learning": numbers["error_first_half"] - numbers["error_second_half"],
        "learning_low": low,
        "learning_high": high,
        "learning_p": float(stats.fisher_exact(np.array(counts, int)).pvalue),
    }
