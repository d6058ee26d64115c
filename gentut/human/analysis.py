"""Statistics of answers: one flat dict of numbers with their intervals."""

import os
from collections.abc import Callable

import numpy as np
from scipy import stats

from gentut import checks, metrics
from gentut.human.responses import Judgements, Responses, read_judgements
from gentut.human.statistics import (
    ENDS,
    NAN,
    Resampling,
    d_prime_choice,
    d_prime_yes_no,
    fleiss_kappa,
    loglinear,
    wilson,
)
from gentut.human.study import REAL, Study, load_key


def analyse(
    responses: Responses,
    study: Study | str | os.PathLike,
    *,
    confidence: float = 0.95,
    repeats: int = 2000,
    seed: int = 0,
) -> dict:
    """Measure how often people err about the images of a study, and how sure that is.

    Error rates are shares of judgements in [0, 1]; 0.5 is guessing. Each ``error…`` comes with
    ``_n`` (judgements); ``_low``, ``_high`` (Wilson, as if all judgements were independent);
    ``_raters_low``, ``_raters_high`` (bootstrap over raters: other people, these images); and
    ``_crossed_low``, ``_crossed_high`` (bootstrap over raters and images: other people, other
    images of these models). The last is the one to compare models by; with fewer than 4 raters
    the bootstraps are NaN. With several models, ``error[NAME]`` is that of one of them. What has
    no answer is NaN, and ``notes`` says so.

    Real images of one source (``make_study(real_sources=…)``) are drawn together wherever images
    are drawn; ``resampled`` says what was. With fewer than 4 sources such intervals are NaN.

    The other entries:

    - ``error_real``, ``error_fake``: real images taken for fake, generated ones taken for real
      ("real_or_fake" only); ``error`` is then HYPE∞ (Zhou et al. 2019).
    - ``p_value``: exact two-sided binomial test of ``error`` against 0.5, judgements independent;
      ``p_value_raters``: t test over the raters' own error rates, which does not assume that;
      ``p_value_crossed``: t test with the standard error over raters and images.
    - ``d_prime`` and, for "real_or_fake", ``criterion``, from shares that stay off 0 and 1
      (``loglinear``), with intervals over raters.
    - ``kappa``: agreement of the raters (``fleiss_kappa``) on the trials that all of them answered,
      with a bootstrap over these trials, by source. High agreement at 50 % error is possible: then
      some generated images convince everyone, and some real ones nobody.
    - ``spread``: standard deviation of the raters' own error rates beyond what chance explains.
    - ``error_first_half``, ``error_second_half``; ``learning``: their difference, above 0 if raters
      improve, with an interval over raters; ``learning_p``: Fisher's exact test, judgements
      independent.
    - ``resampled``, ``notes``: what "images" means in intervals, and what could not be measured.
    - ``raters``, ``raters_excluded``, ``excluded`` (rater: reason), ``rules``: who counts and
      who does not.
    - ``simulated``: whether ``simulate`` made the answers. Then no person was asked anything.

    Args:
        responses: a folder of response files, their paths, or responses as dicts.
        study: the study, or the path of its key file.
        confidence: of all intervals, in (0, 1).
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
    table, left_out = read_judgements(responses, study)
    results = {
        "title": study.title,
        "study": study.id,
        "protocol": study.protocol,
        "models": list(study.models),
        "simulated": table.simulated,
        "exposure_ms": study.exposure_ms,
        "raters": len(table.raters),
        "raters_excluded": len(left_out),
        "excluded": [f"{rater}: {reason}" for rater, reason in left_out.items()],
        "rules": study.rules.sentences(timed=study.exposure_ms is not None),
        "trials": len(study.trials),
        "judgements": int(table.answered.sum()),
        "confidence": confidence,
        "seconds_per_answer": float(np.nanmedian(table.ms)) / 1000,
        "shown_ms": NAN,  # unless it was measured
    }
    if np.isfinite(table.shown_ms).any():
        results["shown_ms"] = float(np.nanmedian(table.shown_ms))
    models, which = np.unique([trial.model for trial in study.trials], return_inverse=True)
    fake = np.array([study.sources[trial.images[0]] != REAL for trial in study.trials])
    single = study.protocol == "real_or_fake"
    sources = _sources(study)
    resampling = Resampling(
        table.errors.shape, 2 * which + (fake & single), confidence, repeats, seed, sources
    )
    results["resampled"] = _resampled(study, resampling.sources)
    groups = {"": np.ones(len(study.trials), bool)}
    if len(study.models) > 1:
        groups |= {f"[{model}]": models[which] == model for model in study.models}
    for tag, columns in groups.items():
        results |= _error(f"error{tag}", table, columns, resampling)
        if single and tag:
            results |= _error(f"error_fake{tag}", table, columns & fake, resampling)
    if single:
        results |= _error("error_real", table, ~fake, resampling)
        results |= _error("error_fake", table, fake, resampling)
    results |= _tests(table, resampling)
    results |= _sensitivity(table, resampling, single)
    results |= _agreement(table, sources, confidence, repeats, seed)
    results |= _learning(table, resampling)
    results["notes"] = [
        f"`{name}` is not measured: no answer counts towards it."
        for name in results
        if results.get(f"{name}_n") == 0
    ]
    if 0 < resampling.sources < resampling.LEAST:
        results["notes"].append(
            f"Real images of {resampling.sources} {study.origin_kind}(s) say nothing about others:"
            f" intervals over images need {resampling.LEAST}."
        )
    return results


def _sources(study: Study) -> np.ndarray:
    """Return for each trial the source of its real image, from 0 on; -1 where it has none."""
    origins = study.origins or {}
    known = {origin: place for place, origin in enumerate(sorted(set(origins.values())))}
    return np.array(
        [
            max(known[origins[i]] if i in origins else -1 for i in trial.images)
            for trial in study.trials
        ]
    )


def _resampled(study: Study, sources: int) -> str:
    """Say what is drawn where images are drawn."""
    single = study.protocol == "real_or_fake"
    if not sources:
        what = "images" if single else "pairs"
        return f"raters, and {what} one by one (no sources in the study)"
    by = f"{study.origin_kind} ({sources})"
    if single:
        return f"raters, real images by {by}, generated ones one by one"
    return f"raters, and pairs by the {by} of the real image"


def _error(name: str, table: Judgements, columns: np.ndarray, resampling: Resampling) -> dict:
    counted = table.answered & columns
    wrong = np.where(counted, table.errors, 0)
    value = low = high = NAN
    if counted.any():
        value, low, high = wilson(wrong.sum(), counted.sum(), resampling.confidence)
    numbers = {name: value, f"{name}_n": int(counted.sum())}
    numbers |= {f"{name}_low": low, f"{name}_high": high}
    for kind, crossed in (("raters", False), ("crossed", True)):
        with np.errstate(invalid="ignore"):  # a resample without any answer to these trials
            shares = resampling.sums(wrong, crossed) / resampling.sums(counted, crossed)
        low, high = resampling.interval(shares, crossed)
        numbers |= {f"{name}_{kind}_low": low, f"{name}_{kind}_high": high}
    return numbers


def _tests(table: Judgements, resampling: Resampling) -> dict:
    wrong, total = int(np.nansum(table.errors)), int(table.answered.sum())
    rates = np.nanmean(table.errors, axis=1)
    numbers = {"p_value": float(stats.binomtest(wrong, total).pvalue)}
    numbers |= {"p_value_raters": NAN, "p_value_crossed": NAN, "spread": NAN}
    if len(rates) > 1:
        answers = table.answered.sum(axis=1)
        by_chance = (rates * (1 - rates) / np.maximum(answers - 1, 1)).mean()
        numbers["spread"] = float(np.sqrt(max(0.0, rates.var(ddof=1) - by_chance)))
        if np.ptp(rates) > 0:  # equal rates have no t
            numbers["p_value_raters"] = float(stats.ttest_1samp(rates, 0.5).pvalue)
    fewest = resampling.fewest(crossed=True)
    if fewest >= resampling.LEAST:
        drawn = resampling.sums(np.nan_to_num(table.errors), crossed=True)
        with np.errstate(invalid="ignore"):
            error = np.nanstd(drawn / resampling.sums(table.answered, crossed=True), ddof=1)
        if error > 0:
            t = (wrong / total - 0.5) / error
            numbers["p_value_crossed"] = float(2 * stats.t.sf(abs(t), fewest - 1))
    return numbers


def _sensitivity(table: Judgements, resampling: Resampling, single: bool) -> dict:
    answered = table.answered.astype(float)
    right = np.where(table.answered, 1 - table.errors, 0)
    fake = table.truth == 1
    if single and not (answered[:, fake].any() and answered[:, ~fake].any()):
        names = [f"{name}{end}" for name in ("d_prime", "criterion") for end in ENDS]
        return dict.fromkeys(names, NAN)
    if not single:
        value = d_prime_choice(loglinear(right.sum(), answered.sum()))
        drawn = d_prime_choice(loglinear(resampling.sums(right), resampling.sums(answered)))
        low, high = resampling.interval(drawn)
        return {"d_prime": float(value), "d_prime_low": low, "d_prime_high": high}
    called_fake = np.where(table.answered, table.second, 0)

    def both(add: Callable) -> tuple:
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


def _agreement(
    table: Judgements, sources: np.ndarray, confidence: float, repeats: int, seed: int
) -> dict:
    shared = table.answered.all(axis=0)
    second = table.second[:, shared].sum(axis=0)
    counts = np.column_stack([len(table.raters) - second, second])
    numbers = {"kappa": NAN, "kappa_low": NAN, "kappa_high": NAN, "kappa_trials": len(counts)}
    if len(table.raters) > 1 and len(counts) >= 4:
        numbers["kappa"] = fleiss_kappa(counts)
        units = np.where(sources < 0, len(sources) + np.arange(len(sources)), sources)[shared]
        if len(np.unique(units)) >= Resampling.LEAST:
            interval = metrics.bootstrap(
                fleiss_kappa,
                counts,
                repeats=repeats,
                confidence=confidence,
                sources=[units] if (sources >= 0).any() else None,
                seed=seed,
            )
            numbers |= {"kappa_low": interval.low, "kappa_high": interval.high}
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
