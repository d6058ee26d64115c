"""A study's results as figures and in words."""

import io
import math
import os

import numpy as np
from PIL import Image

from gentut import checks, plots
from gentut.human.responses import Responses, read_judgements
from gentut.human.study import REAL, Study, load_key
from gentut.plots.style import house_style

SIMULATED = "SIMULATED, no people: "


def plot_errors(results: dict) -> plots.Figure:
    """Draw error rates with their intervals against chance.

    The intervals are those over raters and images; with fewer than 4 raters, where these do not
    exist, they are Wilson's. The title says which.

    Args:
        results: what ``analyse`` returns.
    """
    single = results["protocol"] == "real_or_fake"
    several = len(results["models"]) > 1
    rows = {"all images" if single else "all pairs": "error"}
    if single:
        rows |= {"real taken for fake": "error_real", "fake taken for real": "error_fake"}
    if several:
        kind = "error_fake" if single else "error"
        rows |= {
            f"{model} taken for real" if single else model: f"{kind}[{model}]"
            for model in results["models"]
        }
    crossed = math.isfinite(results["error_crossed_low"])
    kind = "_crossed" if crossed else ""
    scores = {}
    for row, name in rows.items():
        value = results[name]
        if math.isnan(value):
            continue  # nobody answered these; the notes say so
        low, high = results[f"{name}{kind}_low"], results[f"{name}{kind}_high"]
        # A percentile interval need not hold the value itself; the line then reaches to it.
        scores[row] = tuple(100 * x for x in (value, min(low, value), max(high, value)))
    who = SIMULATED if results["simulated"] else ""
    count = f"{who}{results['raters']} raters, {results['judgements']:,} judgements"
    over = "raters and images" if crossed else "judgements"
    return plots.intervals(
        scores,
        {"chance": 50.0},
        x_label="error rate in % (50 = cannot tell real from fake)",
        log=False,
        title=f"{count}\n{results['confidence']:.0%} intervals over {over}",
    )


@house_style
def plot_images(
    responses: Responses, study: Study | str | os.PathLike, count: int = 8
) -> plots.Figure:
    """Draw the images that were judged wrongly most often, with the share of wrong raters.

    Args:
        responses: as for ``analyse``.
        study: the study, or the path of its key file; "real_or_fake" only.
        count: images in each of the two rows.

    Raises:
        ValueError: as ``analyse``, or a study of another protocol.
    """
    checks.check_positive("count", count)
    study = study if isinstance(study, Study) else load_key(study)
    if study.protocol != "real_or_fake":
        raise ValueError(
            f"`study` must have the protocol 'real_or_fake'; received {study.protocol!r}."
        )
    table, _ = read_judgements(responses, study)
    errors = np.nansum(table.errors, axis=0) / np.maximum(table.answered.sum(axis=0), 1)
    rows, captions, names = [], [], []
    for name, group in (("fake, taken for real", False), ("real, taken for fake", True)):
        trials = [
            place
            for place, trial in enumerate(study.trials)
            if (study.sources[trial.images[0]] == REAL) is group
        ]
        worst = sorted(trials, key=lambda place: -errors[place])[:count]
        rows.append(np.stack([decoded(study, study.trials[place].images[0]) for place in worst]))
        captions.append([f"{errors[place]:.0%}" for place in worst])
        names.append(name)
    who = SIMULATED if table.simulated else ""
    title = f"{who}share of {len(table.raters)} raters who were wrong,\nhighest first"
    return plots.images.captioned(rows, captions, names, title)


def decoded(study: Study, image: str) -> np.ndarray:
    """Return the image with that id, float32 ``(h, w, c)`` in [0, 1]."""
    with Image.open(io.BytesIO(study.pictures[image])) as picture:
        pixels = np.asarray(picture, np.float32) / 255
    return pixels if pixels.ndim == 3 else pixels[..., None]


def summary(results: dict) -> str:
    """Tell what ``analyse`` found, in a few sentences."""

    def percent(name: str, kind: str) -> str:
        if math.isnan(results[name]):
            return "not measured"
        low, high = results[f"{name}{kind}_low"], results[f"{name}{kind}_high"]
        return f"{results[name]:.1%} ({low:.1%} to {high:.1%})"

    lines = []
    if results["simulated"]:
        lines.append(
            "SIMULATED answers: no person was asked. These numbers only try the study out."
        )
    lines.append(
        f"{results['raters']} raters, {results['judgements']:,} judgements in study"
        f" {results['study']}; {results['raters_excluded']} left out."
    )
    lines += [f"Left out: {reason}." for reason in results["excluded"]]
    kind = "_crossed" if math.isfinite(results["error_crossed_low"]) else ""
    lines.append(
        f"Error rate: {percent('error', kind)}; 50 % is guessing. The interval is over "
        + (f"{results['resampled']}." if kind else "judgements, as if all were independent.")
    )
    low, high = results[f"error{kind}_low"], results[f"error{kind}_high"]
    if high < 0.5:
        lines.append("So raters tell these images apart more often than by guessing.")
    elif low > 0.5:
        lines.append("So raters take generated images for real more often than real ones.")
    else:
        lines.append("So it is not shown that raters tell these images apart at all.")
    if results["protocol"] == "real_or_fake":
        lines.append(
            f"Real images taken for fake: {percent('error_real', kind)}; generated ones taken for"
            f" real: {percent('error_fake', kind)}."
        )
    if len(results["models"]) > 1:
        lines += [f"{model}: {percent(f'error[{model}]', kind)}." for model in results["models"]]
    lines.append(
        f"Exact binomial test against 50 %: p = {results['p_value']:.2g}; t test over raters: p ="
        f" {results['p_value_raters']:.2g}; over raters and images: p ="
        f" {results['p_value_crossed']:.2g}."
    )
    lines.append(
        f"d′ = {results['d_prime']:.2f}. Agreement of raters (Fleiss' kappa):"
        f" {results['kappa']:.2f}. Errors in the first half less those in the second:"
        f" {results['learning']:+.1%}."
    )
    lines += results["notes"]
    return "\n".join(lines)
