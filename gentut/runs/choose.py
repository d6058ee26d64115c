"""Which family for my data, time and need: all are trained and measured, the numbers choose."""

import dataclasses
import math
from pathlib import Path

from gentut.checks import check_choice
from gentut.report import NEEDS, Recommendation, recommend
from gentut.runs import compare as comparison
from gentut.runs import load_model


@dataclasses.dataclass(frozen=True)
class Choice:
    """What `choose` found.

    Attributes:
        recommendation: the `gentut.report.Recommendation`; `str(choice)` is its text.
        scores: one dict of scores for each family that was trained.
        out: the folder, with ``report.html`` and one ``FAMILY.keras`` for each family.
        status: "finished" or "interrupted".
    """

    recommendation: Recommendation
    scores: list
    out: Path
    status: str

    def __str__(self):
        return "\n".join([self.recommendation.why, *self.recommendation.notes])

    @property
    def paths(self):
        """The trained models to choose from: one, several that are level, or none."""
        return [self.out / f"{family}.keras" for family in self.recommendation.level]

    def load(self):
        """The recommended model, ready to sample; of several that are level, the first."""
        if not self.paths:
            raise ValueError(f"`choice` must recommend a model; {self.recommendation.why}")
        return load_model(self.paths[0])


def choose(data=None, need=None, *, minutes=None, families=None, n=None, seed=None,
           out="runs/choose", size=None, channels=None, skip_unreadable=None, resume=False,
           progress=False, say=lambda line: None):  # fmt: skip
    """Train families on your data within your time, measure them, recommend one for your need.

    Args:
        data: a data set's name, or a folder of images; default "glyphs".  With two classes or
            more, the models are class-conditional.
        need: "fidelity" (default; lowest Fréchet distance), "diversity" (highest coverage),
            "likelihood" (highest importance-weighted bound), "speed" (fewest seconds for 1,000
            images among families whose Fréchet distance is level with the lowest) or "latent"
            (highest PSNR of reconstructions); see `gentut.report.recommend` for the rule.
        minutes: training time of all families together, default 5, shared out evenly.  The
            statistical models take seconds of their own; scoring comes on top.
        families: different ones of `gentut.models.recipes.FAMILIES`; default those that have
            the score.
        n: generated images to score, default 5,000.
        seed: of everything, default 0.
        out: folder for the page, the scores and the models, as `gentut.runs.compare.compare` leaves
            them.
        size, channels, skip_unreadable: for a folder of images, see `gentut.runs.train`.
        resume: go on with a choice that was stopped, with the settings it was begun with.
        progress: show a progress bar on the terminal.
        say: called with a line of text at each stage.

    Returns:
        A `Choice`.  After Ctrl-C it is one among the families that were finished.

    Raises:
        ValueError, TypeError, FileNotFoundError: an argument, the data or the folder is not what
            it must be, or another process works in it; nothing is left behind or changed.
        TrainingDiverged: a loss became NaN; the families before are on the page.
    """
    if resume:
        asked = {"need": need, "families": families and list(families)}
        asked = {name: value for name, value in asked.items() if value}
        settings = comparison.taken_up(Path(out), asked).settings
        need, families = settings["need"], settings["families"]
        if need is None:
            raise ValueError(
                f"`out` must be the folder of a choice; received {str(out)!r}, which holds a"
                " comparison without a need."
            )
    else:
        need = check_choice("need", need or "fidelity", NEEDS)
        families = list(NEEDS[need].families if families is None else families)
        minutes = 5.0 if minutes is None else minutes
        _refuse_unable(families, need)
    results, status = comparison.compare(
        data, out, families=families, minutes=_share(minutes, families), n=n, seed=seed, size=size,
        channels=channels, skip_unreadable=skip_unreadable, need=need, resume=resume,
        progress=progress, say=say,
    )  # fmt: skip
    return Choice(recommend(results, need), results, Path(out), status)


def _share(minutes, families):
    """Minutes for each family."""
    if minutes is None:
        return None
    if not isinstance(minutes, int | float) or not 0 < minutes < math.inf:
        raise ValueError(f"`minutes` must be a positive number; received {minutes!r}.")
    return minutes / max(1, len(comparison.clocked(families)))


def _refuse_unable(families, need):
    able = NEEDS[need].families
    if able is not NEEDS["fidelity"].families and families and not set(families) & set(able):
        raise ValueError(
            f"`families` must hold one that has the score for need={need!r}, {' or '.join(able)};"
            f" received {families}."
        )
