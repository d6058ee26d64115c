"""Which family for my data, time and need: all are trained and measured, the numbers choose."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from gentut.checks import check_choice
from gentut.report import NEEDS, Recommendation, recommend
from gentut.runs import compare, load_model
from gentut.runs.comparison import Comparison, clocked, taken_up
from gentut.training.callbacks import TimeBudget
from gentut.training.step import StepModel


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

    def __str__(self) -> str:
        return "\n".join([self.recommendation.why, *self.recommendation.notes])

    @property
    def paths(self) -> list[Path]:
        """The trained models to choose from: one, several that are level, or none."""
        return [self.out / f"{family}.keras" for family in self.recommendation.level]

    def load(self) -> StepModel:
        """The recommended model, ready to sample; of several that are level, the first."""
        if not self.paths:
            raise ValueError(f"`choice` must recommend a model; {self.recommendation.why}")
        return load_model(self.paths[0])


def choose(
    data: str | os.PathLike | None = None,
    need: str | None = None,
    *,
    out: str | os.PathLike = "runs/choose",
    resume: bool = False,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: object,
) -> Choice:
    """Train families on your data within your time, measure them, recommend one for your need.

    Args:
        data: a data set's name, or a folder of images; default "glyphs".  With two classes or
            more, the models are class-conditional.
        need: "fidelity" (default; lowest Fréchet distance), "diversity" (highest coverage),
            "likelihood" (highest importance-weighted bound), "speed" (fewest seconds for 1,000
            images among families whose Fréchet distance is level with the lowest) or "latent"
            (highest PSNR of reconstructions); see `gentut.report.recommend` for the rule.
        out: folder for the page, the scores and the models, as `gentut.runs.compare.compare` leaves
            them.
        resume: go on with a choice that was stopped, with the settings it was begun with.
        progress: show a progress bar on the terminal.
        say: called with a line of text at each stage.
        **settings: other fields of `gentut.runs.comparison.Comparison`; None is their default:
            ``minutes``, training time of all families together, default 5, shared out evenly (the
            statistical models take seconds of their own; scoring comes on top); ``families``,
            default those that have the score; ``n``, generated images to score, default 5,000;
            ``seed`` of everything; ``language`` of the page; ``size``, ``channels`` and
            ``skip_unreadable`` for a folder of images, see `gentut.data.load`.

    Returns:
        A `Choice`.  After Ctrl-C it is one among the families that were finished.

    Raises:
        ValueError, TypeError, FileNotFoundError: an argument, the data or the folder is not what
            it must be, or another process works in it; nothing is left behind or changed.
        TrainingDiverged: a loss became NaN; the families before are on the page.
    """
    asked = {"data": data, "need": need, **settings}
    asked = {name: value for name, value in asked.items() if value is not None}
    if resume:
        first = {name: asked[name] for name in ("need", "families") if name in asked}
        begun = taken_up(Path(out), first).settings
        if begun.need is None:
            raise ValueError(
                f"`out` must be the folder of a choice; received {str(out)!r}, which holds a"
                " comparison without a need."
            )
        if "minutes" in asked:
            asked["minutes"] = _share(asked["minutes"], begun.families)
        results, status = compare.resume(out, progress=progress, say=say, **asked)
    else:
        asked = {"need": "fidelity", "minutes": 5.0, **asked}
        able = NEEDS[check_choice("need", asked["need"], NEEDS)].families
        asked["families"] = list(asked.get("families", able))
        _refuse_unable(asked["families"], asked["need"])
        begun = Comparison(**asked)
        begun.minutes = _share(begun.minutes, begun.families)
        results, status = compare.compare(begun, out, progress=progress, say=say)
    return Choice(recommend(results, begun.need), results, Path(out), status)


def _share(minutes, families):
    """Minutes for each family."""
    TimeBudget(minutes)
    return minutes / max(1, len(clocked(families)))


def _refuse_unable(families, need):
    able = NEEDS[need].families
    if able is not NEEDS["fidelity"].families and families and not set(families) & set(able):
        raise ValueError(
            f"`families` must hold one that has the score for need={need!r}, {' or '.join(able)};"
            f" received {families}."
        )
